"""Brings logs of the research code into the database: each log is one transaction, and a bad one stops no other."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sqlalchemy.exc import IntegrityError

from app.interop.research import ImportedRun, UnreadableLog, read_log
from app.store.connect import Database
from app.store.imports import ForeignRun, equal_logs, imported_from, imported_log, store_foreign
from app.store.runs import get_run
from app.store.shelf import bring_run_back


@dataclass(frozen=True)
class ImportOutcome:
    """What became of one log.

    `run_id` is the run it is, new or already there; None when it failed. `reason` is a sentence when it was skipped or
    failed. `equal_to` are the runs imported from other folders whose log is the same, byte for byte.
    """

    folder: Path
    kind: Literal["imported", "skipped", "failed"]
    run_id: str | None = None
    reason: str | None = None
    equal_to: tuple[str, ...] = ()


async def import_logs(database: Database, folders: Iterable[Path]) -> list[ImportOutcome]:
    """Import the runs in *folders* (see `find_logs`), in order, and say what became of each.

    Raises:
        sqlalchemy.exc.OperationalError: if the database cannot be written; what is imported by then stays.
    """
    return [outcome async for outcome in importing(database, folders)]


async def importing(
    database: Database, folders: Iterable[Path], source_of: Callable[[Path], str] | None = None
) -> AsyncIterator[ImportOutcome]:
    """Import like `import_logs`, giving each outcome as soon as it is known.

    *source_of* names where a run comes from; by default its folder on this machine. An upload has no such folder: there
    a log is known by its content and the name of its folder.
    """
    for folder in folders:
        yield await _import(database, folder, source_of)


async def _import(database: Database, folder: Path, source_of: Callable[[Path], str] | None) -> ImportOutcome:
    source = await asyncio.to_thread(source_of or _source, folder)
    known = await imported_from(database, source)
    if known is not None:
        return await _there(database, folder, known)
    try:
        imported = await asyncio.to_thread(read_log, folder)
    except UnreadableLog as error:
        return ImportOutcome(folder, "failed", reason=str(error))
    if source_of is not None:
        known = await imported_log(database, imported.log_sha256, imported.origin[:200])
        if known is not None:
            return await _there(database, folder, known)
    try:
        run_id = await store_foreign(database, _foreign(imported, source))
    except IntegrityError:
        # Somebody else imported the same folder in the meantime.
        known = await imported_from(database, source)
        if known is None:
            raise
        return await _there(database, folder, known)
    twins = await equal_logs(database, await get_run(database, run_id))
    return ImportOutcome(folder, "imported", run_id, equal_to=tuple(twins))


def _source(folder: Path) -> str:
    return str(folder.resolve())


async def _there(database: Database, folder: Path, run_id: str) -> ImportOutcome:
    """Return the outcome of a log whose run is there already; one that was deleted is brought back."""
    if await bring_run_back(database, run_id):
        return ImportOutcome(folder, "imported", run_id, f"{folder.name}: it had been deleted and is back.")
    return ImportOutcome(folder, "skipped", run_id, f"{folder.name}: already imported as run {run_id}.")


def _foreign(imported: ImportedRun, source: str) -> ForeignRun:
    return ForeignRun(
        config=imported.config,
        events=imported.events,
        calls=imported.calls,
        metrics=imported.metrics,
        name=imported.origin[:200],
        models=imported.model or "unknown model",
        seed=imported.seed,
        source=source,
        log_sha256=imported.log_sha256,
        view_only=imported.view_only,
        interrupted=imported.interrupted,
        notes=imported.notes,
    )
