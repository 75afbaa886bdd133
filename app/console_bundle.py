"""What `govsim bundle` and `govsim import` of a bundle do and print, once settings are read."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

import typer

from app.interop.bundle import Bundled, BundleRefused, BundleTerms, bundle_files, zipped
from app.interop.unbundle import read_bundle
from app.settings import Settings
from app.store.bundled import read_bundled
from app.store.connect import open_database
from app.store.restored import restore_run


async def write_bundle(settings: Settings, names: Sequence[str], terms: BundleTerms, out: Path) -> None:
    """Write the bundle of the runs and experiments *names* to *out* and say so.

    Raises:
        BundleRefused: if there is something at *out*, or a run cannot be bundled.
        app.store.runs.UnknownRun: if there is no such run.
        app.store.runs.UnknownExperiment: if there is no such experiment.
    """
    database = open_database(settings.database_url)
    try:
        runs, prompt_sets, experiments = await read_bundled(database, names)
    finally:
        await database.close()
    size = await asyncio.to_thread(_write, Bundled(runs, prompt_sets, experiments), terms, out)
    typer.echo(f"{len(runs)} run{'' if len(runs) == 1 else 's'} in {out} ({size / 1000:,.0f} kB).")


def _write(what: Bundled, terms: BundleTerms, out: Path) -> int:
    content = zipped(bundle_files(what, terms))
    out.parent.mkdir(parents=True, exist_ok=True)
    try:
        with out.open("xb") as file:
            file.write(content)
    except FileExistsError:
        raise BundleRefused(f"There is something at {out} already. Name another file with --out.") from None
    return len(content)


async def import_bundle(settings: Settings, path: Path, *, as_json: bool) -> int:
    """Import the runs of the bundle at *path* and say which; return the exit code.

    Raises:
        app.interop.unbundle.UnreadableBundle: if it is none, or does not hold what it says.
    """
    runs = await asyncio.to_thread(read_bundle, path)
    database = open_database(settings.database_url)
    try:
        stored = [(run.id, *await restore_run(database, run)) for run in runs]
    finally:
        await database.close()
    if as_json:
        objects = [
            {"path": str(path), "bundled": there, "run": here, "outcome": "imported" if new else "skipped"}
            for there, here, new in stored
        ]
        typer.echo(json.dumps(objects, indent=2))
        return 0
    for there, here, new in stored:
        typer.echo(f"{there}: imported as run {here}" if new else f"{there} is here already")
    return 0
