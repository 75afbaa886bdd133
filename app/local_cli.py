"""`govsim local`: serve, train and inspect models on this machine (extra `[local]`).

What needs the extra is imported inside the commands: `govsim` starts without it, and does not pay for it.
"""

import asyncio
import socket
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from app.command_line import errors, fail, start_logs
from app.models.local_folder import (
    CONFIG,
    DEFAULT_PORT,
    LocalModel,
    find_models,
    install_advice,
    look_at,
    missing_extra,
)
from app.settings import load_settings

local = typer.Typer(help="Models on this machine: serve and train them (the extra 'local').")


@local.callback(invoke_without_command=True)
def need_extra(context: typer.Context) -> None:
    """Models on this machine: serve and train them (the extra 'local')."""
    if (missing := missing_extra()) is not None:
        fail(install_advice(missing))
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)


@local.command()
def serve(
    path: Annotated[Path, typer.Argument(help="A model's folder (Hugging Face form), or a folder with several.")],
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = DEFAULT_PORT,
    name: Annotated[str | None, typer.Option(help="What the model is called; by default as its folder.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, ...")] = "auto",
    dtype: Annotated[str, typer.Option(help="auto, float32 or bfloat16.")] = "auto",
    threads: Annotated[
        int | None, typer.Option(min=1, max=1024, help="CPU threads; by default 1 below 100 MB, else all cores.")
    ] = None,
    exit_layer: Annotated[
        int | None, typer.Option(min=1, help="Layers that draft (E); by default measured when a model is loaded.")
    ] = None,
    draft: Annotated[
        int | None,
        typer.Option(min=0, max=8, help="Tokens drafted at a time (K); 0: none."),
    ] = None,
    open_to_network: Annotated[
        bool, typer.Option("--open-to-network", help="Allow an address that others can reach; anybody may then ask.")
    ] = False,
    descriptor: Annotated[int | None, typer.Option(hidden=True)] = None,
    parent: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Answer OpenAI chat completions from models in PATH, each loaded when it is first asked.

    The address goes into a models.toml, or into GOVSIM_LOCAL_URL. `govsim serve` starts such a server by itself.
    """
    from app.jobs.supervise import follow_parent
    from app.local.checkpoint import DTYPES
    from app.local.loading import AUTO, Options, load
    from app.local.requests import Decoding
    from app.local.serving import answer, is_loopback, listen
    from app.local.shelf import Shelf

    settings = load_settings()
    start_logs(settings, "info")
    if not is_loopback(host):
        if not open_to_network:
            fail(f"Others can reach {host}, and this server has no password: add --open-to-network for that.")
        errors.print(f"govsim: Anybody who reaches {host} can ask the models, without a password.")
    models = _models_at(path, name)
    if dtype not in (AUTO, *DTYPES):
        fail(f"--dtype takes {AUTO}, {' or '.join(DTYPES)}, not '{dtype}'.")
    if (exit_layer is None) != (draft is None):
        fail("Give both --exit-layer and --draft, or neither.")
    decoding = None if exit_layer is None or draft is None else Decoding(exit_layer, draft)
    options = Options(device, dtype, threads, decoding, settings.prompt_folders)
    try:
        listener = listen(host, port) if descriptor is None else socket.socket(fileno=descriptor)
    except OSError as error:
        fail(f"Cannot listen on {host}:{port}: {error.strerror or error}. Choose another with --port.")

    def ready() -> None:
        if descriptor is None:
            shown = f"[{host}]" if ":" in host else host
            typer.echo(f"Local models are ready: http://{shown}:{listener.getsockname()[1]}/v1")
            typer.echo(f"Models: {', '.join(model.name for model in models)}. Stop with Ctrl+C.")

    shelf = Shelf(models, partial(load, options=options))
    follow = partial(follow_parent, parent) if parent else None
    asyncio.run(answer(shelf, listener, open_to_all=open_to_network, ready=ready, until=follow))


def _models_at(path: Path, name: str | None) -> list[LocalModel]:
    """Return the model in the folder *path*, or those in folders below it; end with a sentence where there is none."""
    if (path / CONFIG).is_file():
        model = look_at(path, name)
        if model.problem is not None:
            fail(f"{path} cannot be served. {model.problem}")
        return [model]
    if name is not None:
        fail(f"--name is for one model; {path} is none: it has no {CONFIG}.")
    found = find_models(path)
    for model in found:
        if model.problem is not None:
            errors.print(f"govsim: {model.name} is left out. {model.problem}")
    usable = [model for model in found if model.problem is None]
    if not usable:
        fail(f"There is no model at {path}: a model is a folder with a {CONFIG} and .safetensors files.")
    return usable
