"""`govsim experiments`, and what `govsim run --experiment` takes from its command line."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from app.command_line import (
    collect_seldom,
    fail,
    hub_of,
    keeping,
    prompt_folders,
    serving_local,
    settings_and_schema,
)

experiments = typer.Typer(no_args_is_help=True, help="Experiments as grids: the definitions that come along.")

BESIDE = frozenset({"experiment", "mind", "dry_run", "estimate", "detach", "as_json"})
"""What can be given beside a definition; all else stands in it."""


def run_definition(
    context: typer.Context, where: str, minds: list[str], *, dry_run: bool, estimate: bool, detach: bool, as_json: bool
) -> int:
    """Do what `govsim run --experiment` is asked for; return the exit code."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    given = {name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"}
    if strangers := sorted(given - BESIDE):
        fail(f"--{strangers[0].replace('_', '-')} has no place beside --experiment: the definition says it.")
    if sum((dry_run, estimate, detach)) > 1:
        fail("Choose one of --dry-run, --estimate and --detach.")
    from pydantic import ValidationError

    from app.console_experiment import find_definition, launch_grid, play_grid, print_grid, print_grid_estimate
    from app.jobs.bundled_definitions import with_minds
    from app.jobs.complaints import sentence

    definition = find_definition(where)
    if minds:
        try:
            definition = with_minds(definition, tuple(minds))
        except ValidationError as error:
            fail(f"--mind: {sentence(error)}")
    settings = settings_and_schema()
    if dry_run:
        print_grid(definition, hub_of(settings), as_json=as_json)
        return 0
    if estimate:
        asyncio.run(print_grid_estimate(settings, definition, hub=hub_of(settings), as_json=as_json))
        return 0
    if detach:
        hub, folders = hub_of(settings), prompt_folders(settings)
        return asyncio.run(launch_grid(settings, definition, hub=hub, prompt_folders=folders, as_json=as_json))
    collect_seldom()
    settings, server = serving_local(settings, definition.models_named)

    async def play() -> int:
        async with keeping(server):
            hub, folders = hub_of(settings), prompt_folders(settings)
            return await play_grid(settings, definition, hub=hub, prompt_folders=folders, as_json=as_json)

    return asyncio.run(play())


@experiments.command("list")
def list_(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON array.")] = False) -> None:
    """List the definitions that come along: the tables of the paper, and one that needs no model."""
    from app.console_experiment import print_bundled

    print_bundled(as_json=as_json)


@experiments.command()
def show(
    name: Annotated[str, typer.Argument(help="A bundled definition, a file, or the id of a stored experiment.")],
) -> None:
    """Print a definition as TOML, to be kept in a file and changed."""
    from app.console_experiment import find_definition, stored_definition
    from app.jobs.definition_text import write_definition
    from app.store.ids import is_id

    if is_id(name, "x"):
        text = asyncio.run(stored_definition(settings_and_schema(), name))
        if text is None:
            fail(f"Experiment {name} was launched without a definition.")
        typer.echo(text, nl=False)
        return
    typer.echo(write_definition(find_definition(name)), nl=False)


@experiments.command("add-seeds")
def add_seeds(
    experiment: Annotated[str, typer.Argument(help="The id of a stored experiment.")],
    seeds: Annotated[str, typer.Argument(help='Such as "6-8"; none that it has already.')],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Queue runs of more seeds, for every cell of an experiment. A plan frozen before does not know them."""
    from app.console_plan import queue_seeds
    from app.jobs.seeds import read_seeds

    try:
        wanted = read_seeds(seeds)
    except ValueError as error:
        fail(str(error))
    settings = settings_and_schema()
    hub, folders = hub_of(settings), prompt_folders(settings)
    asyncio.run(queue_seeds(settings, experiment, wanted, hub=hub, prompt_folders=folders, as_json=as_json))


@experiments.command()
def freeze(
    experiment: Annotated[str, typer.Argument(help="The id of a stored experiment.")],
    plan: Annotated[Path, typer.Argument(help="The plan, a file in TOML.", exists=True, dir_okay=False)],
    reason: Annotated[str | None, typer.Option(help="Why it replaces the plan that is frozen.")] = None,
) -> None:
    """Freeze a plan of an experiment. It cannot be changed; another version says why."""
    from app.console_plan import freeze_here

    asyncio.run(freeze_here(settings_and_schema(), experiment, plan, reason))
