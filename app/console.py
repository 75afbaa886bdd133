"""What the `govsim` commands do and print, once settings are read."""

import json
from collections.abc import Sequence
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from app.commons.config import SamplingConfig
from app.models.check import check_models
from app.models.hub import ModelHub
from app.settings import Settings
from app.store.connect import open_database

out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)


def print_models(hub: ModelHub, *, as_json: bool) -> None:
    """Print the endpoints, whether their keys are there, and how to write their models."""
    views = hub.views()
    if as_json:
        typer.echo(json.dumps([view.model_dump() for view in views], indent=2))
        return
    if not views:
        out.print("No model endpoint is configured. Scripted minds need none.", markup=False)
        out.print("Set for example OPENAI_API_KEY, or name a models.toml in GOVSIM_MODELS_FILE.", markup=False)
        return
    table = Table(box=None, pad_edge=False)
    for title in ("endpoint", "host", "key", "at once", "a minute", "models"):
        table.add_column(title)
    for view in views:
        key = "not needed" if view.api_key_env is None else "set" if view.key_present else f"{view.api_key_env} missing"
        labels = {model: f" ({label})" for model, label in view.labels.items()}
        names = [f"{view.name}/{model}{labels.get(model, '')}" for model in view.models]
        names += [f"{view.name}/{model} (embeddings)" for model in view.embeddings]
        table.add_row(view.name, view.host, key, str(view.max_concurrency), view.rates or "–", "\n".join(names))
    out.print(table)
    for view in views:
        if view.unusable:
            out.print(f"{view.name}: {view.unusable}", markup=False)


async def print_checks(hub: ModelHub, sampling: SamplingConfig, *, as_json: bool) -> int:
    """Make one tiny call to each model, print what became of it, and return the exit code: 1 if any failed."""
    if not as_json and not hub.views():
        print_models(hub, as_json=False)
        return 0
    async with hub:
        checks = await check_models(hub, sampling)
    if as_json:
        typer.echo(json.dumps([check.model_dump() for check in checks], indent=2, ensure_ascii=False))
    else:
        for check in checks:
            said = [check.model_revision, check.fingerprint, check.provider]
            told = f"ok, {check.latency_ms} ms, {', '.join(filter(None, said)) or 'model not named'}"
            out.print(f"{check.model}: {told if check.ok else check.error}", markup=False)
    return 0 if all(check.ok for check in checks) else 1


def read_paths(paths: Sequence[Path], *, as_json: bool) -> int:
    """Read and measure the logs under *paths* without storing anything; return the exit code."""
    from app.interop.files import UnreadableLog, find_logs
    from app.interop.research import read_log
    from app.interop.summary import summary

    objects, failed = [], []
    for folder in find_logs(paths):
        try:
            objects.append(summary(read_log(folder)))
        except UnreadableLog as error:
            failed.append(str(error))
    if as_json:
        typer.echo(json.dumps(objects, indent=2, ensure_ascii=False))
    else:
        for item in objects:
            survived = {True: "survived", False: "collapsed", None: "outcome unknown"}[item["survived"]]
            out.print(
                f"{item['path']}: {item['scenario']}, {item['condition']}, {item['model']}, "
                f"{item['months_played']} months, {survived}, mean gain {item['mean_gain']}",
                markup=False,
            )
    return _named(failed, len(objects))


async def import_paths(paths: Sequence[Path], settings: Settings, *, as_json: bool) -> int:
    """Import the logs under *paths*; return the exit code."""
    from app.interop.files import find_logs
    from app.interop.library import importing

    folders = find_logs(paths)
    database = open_database(settings.database_url)
    outcomes = []
    try:
        with Progress(console=err, disable=as_json, transient=True) as progress:
            bar = progress.add_task("Importing", total=len(folders))
            async for outcome in importing(database, folders):
                outcomes.append(outcome)
                progress.advance(bar)
    finally:
        await database.close()
    if as_json:
        objects = [
            {
                "path": str(outcome.folder),
                "outcome": outcome.kind,
                "run": outcome.run_id,
                "reason": outcome.reason,
                "equal_to": list(outcome.equal_to),
            }
            for outcome in outcomes
        ]
        typer.echo(json.dumps(objects, indent=2, ensure_ascii=False))
    else:
        for outcome in outcomes:
            if outcome.kind == "imported":
                equal = f" (the same log as {', '.join(outcome.equal_to)})" if outcome.equal_to else ""
                out.print(f"{outcome.folder.name}: imported as run {outcome.run_id}{equal}", markup=False)
            elif outcome.kind == "skipped":
                out.print(str(outcome.reason), markup=False)
    return _named(
        [str(outcome.reason) for outcome in outcomes if outcome.kind == "failed"],
        sum(outcome.kind != "failed" for outcome in outcomes),
    )


def _named(failed: Sequence[str], good: int) -> int:
    for text in failed:
        err.print(f"Not imported: {text}", markup=False)
    if failed:
        err.print(f"{good} of {good + len(failed)} logs could be read.", markup=False)
    return 1 if failed else 0
