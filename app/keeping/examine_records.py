"""The examination of the records: of a sample, or of all runs; and the safe repair of columns that are copies."""

from collections.abc import Callable

from sqlalchemy import select

from app.keeping.findings import Finding, counted, ok, problem, warning
from app.store.connect import Database
from app.store.runs import UnknownRun
from app.store.sound import Soundness, check_run, recount
from app.store.tables import RunRow

SAMPLE = 20


async def examine_records(
    database: Database, *, deep: bool, fix: bool, progress: Callable[[int, int], None] = lambda done, of: None
) -> list[Finding]:
    """Read the records of all runs, or of SAMPLE runs from the newest to the oldest, and say what is not whole.

    Args:
        database: where they are.
        deep: read all of them.
        fix: count anew what is only a copy, where the record itself is whole.
        progress: told how many are read, and of how many.
    """
    async with database.read() as connection:
        ids = [
            row.id for row in await connection.execute(select(RunRow.id).order_by(RunRow.created_at.desc(), RunRow.id))
        ]
    chosen = ids if deep else ids[:: max(1, -(-len(ids) // SAMPLE))]
    damaged: list[Soundness] = []
    stale: list[Soundness] = []
    for number, run_id in enumerate(chosen, 1):
        try:
            found = await check_run(database, run_id)
        except UnknownRun:  # deleted since the list was read
            continue
        if found.damage:
            damaged.append(found)
        elif found.stale:
            stale.append(found)
        progress(number, len(chosen))
    found_all = [_damage(damaged)] if damaged else []
    if stale:
        found_all.append(await _stale(database, stale, fix=fix))
    if not found_all:
        hint = "" if len(chosen) == len(ids) else " --deep reads all."
        found_all.append(ok("records", f"Records read: {len(chosen):,} of {len(ids):,}; all are whole.{hint}"))
    return found_all


def _damage(damaged: list[Soundness]) -> Finding:
    first = damaged[0]
    text = f"{counted(len(damaged), 'record')} not whole. Run {first.run_id}: {first.damage[0]}."
    details = [f"{found.run_id}: {what}" for found in damaged for what in found.damage]
    return problem(
        "records", text, "Restore the last backup that has them whole into a new database and compare.", *details
    )


async def _stale(database: Database, stale: list[Soundness], *, fix: bool) -> Finding:
    details = [f"{found.run_id}: {', '.join(sorted(found.stale))}" for found in stale]
    text = f"The list columns of {counted(len(stale), 'run')} are not what the record says"
    if not fix:
        return warning("records", f"{text}.", "Count them anew: govsim doctor --deep --fix", *details)
    mended = [found.run_id for found in stale if await recount(database, found.run_id)]
    if len(mended) == len(stale):
        return ok("records", f"{text}; they were counted anew.", *details)
    return warning(
        "records", f"{text}; {len(mended)} were counted anew.", "Look again when nothing is played.", *details
    )
