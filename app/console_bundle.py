"""What `govsim bundle` and `govsim import` of a bundle do and print, once settings are read."""

import asyncio
import json
import os
from collections.abc import Sequence
from pathlib import Path

import typer

from app.interop.bundle import BundleRefused
from app.interop.bundle_about import BundleTerms
from app.interop.bundling import bundle_to
from app.interop.unbundle import read_bundle
from app.settings import Settings
from app.store.connect import open_database
from app.store.restored import restore


async def write_bundle(settings: Settings, names: Sequence[str], terms: BundleTerms, out: Path) -> None:
    """Write the bundle of the runs and experiments *names* to *out* and say so.

    Raises:
        BundleRefused: if there is something at *out*, or a run cannot be bundled.
        app.store.runs.UnknownRun: if there is no such run.
        app.store.runs.UnknownExperiment: if there is no such experiment.
    """
    made = await asyncio.to_thread(_place, out)
    database = open_database(settings.database_url)
    try:
        with made.open("xb") as file:
            count = await bundle_to(database, names, terms, file)
        await asyncio.to_thread(made.replace, out)
    finally:
        await asyncio.to_thread(made.unlink, missing_ok=True)
        await database.close()
    size = (await asyncio.to_thread(out.stat)).st_size
    typer.echo(f"{count} run{'' if count == 1 else 's'} in {out} ({size / 1000:,.0f} kB).")


def _place(out: Path) -> Path:
    """Return where the bundle is written until it is whole."""
    if out.exists():
        raise BundleRefused(f"There is something at {out} already. Name another file with --out.")
    out.parent.mkdir(parents=True, exist_ok=True)
    return out.with_name(f".{out.name}.{os.getpid()}.part")


async def import_bundle(settings: Settings, path: Path, *, as_json: bool) -> int:
    """Import the runs of the bundle at *path* and say which; return the exit code.

    Raises:
        app.interop.unbundle.UnreadableBundle: if it is none, or does not hold what it says.
    """
    found = await asyncio.to_thread(read_bundle, path)
    database = open_database(settings.database_url)
    try:
        stored = await restore(database, found)
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
