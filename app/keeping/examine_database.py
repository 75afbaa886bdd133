"""The examination of the database: reachable, current, sound, and whether anybody works on what is in it."""

from datetime import timedelta
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from app.keeping.findings import Finding, counted, ok, problem, warning
from app.store.address import shown
from app.store.connect import Database
from app.store.health import DatabaseFacts, describe
from app.store.queries import count_states
from app.store.runs import now
from app.store.schema import known_revisions, newest_revision, revision_of
from app.store.search_index import index_size, unindexed
from app.store.tables import RunRow
from app.store.workers import list_workers

OLDEST_POSTGRESQL = 15
LARGE_WAL = 256 * 2**20
CLOCK_S = 5.0
PAUSED_LONG = timedelta(days=7)


async def examine_database(database: Database, migrations: Path, *, deep: bool) -> tuple[list[Finding], bool]:
    """Look at the database itself; also tell whether its tables can be read by this program."""
    where = shown(database.url)
    try:
        facts = await describe(database, deep=deep)
        async with database.read() as connection:
            revision = await connection.run_sync(revision_of)
    except (SQLAlchemyError, OSError) as error:
        said = " ".join(str(getattr(error, "orig", None) or error).split())
        if database.url.password:
            said = said.replace(str(database.url.password), "***")
        return [
            problem("database", f"{where} cannot be read: {said}.", "Start or mend it; see GOVSIM_DATABASE_URL.")
        ], False
    schema = _schema(revision, migrations)
    return [*_facts(where, facts), schema], schema.level == "ok"


def _facts(where: str, facts: DatabaseFacts) -> list[Finding]:
    free = "" if facts.free is None else f", {facts.free / 1e6:.1f} MB of them free for what comes"
    found = [ok("database", f"{where}: {facts.kind} {facts.version}, {facts.size / 1e6:.1f} MB{free}.")]
    if facts.damage:
        advice = "Stop everything, keep a copy of the file, restore the last backup: govsim restore FILE."
        found.append(problem("integrity", f"The database is damaged: {facts.damage[0]}.", advice, *facts.damage))
    elif facts.kind == "sqlite":
        found.append(ok("integrity", "The file is sound and no row points to one that is missing."))
    if facts.journal is not None and facts.journal != "wal":
        text = f"The journal mode is {facts.journal}: readers and the writer wait for each other."
        found.append(warning("journal", text, "Keep the file on a local disk; network disks cannot do WAL."))
    if facts.wal is not None and facts.wal > LARGE_WAL:
        text = f"The write-ahead log is {facts.wal / 1e6:.0f} MB: something has been reading for a long time."
        found.append(
            warning("journal", text, "Let backups and exports that are under way finish, or restart the server.")
        )
    if facts.major is not None and facts.major < OLDEST_POSTGRESQL:
        text = f"PostgreSQL {facts.version} is older than {OLDEST_POSTGRESQL}."
        found.append(problem("database", text, f"Upgrade it to {OLDEST_POSTGRESQL} or newer."))
    if facts.encoding is not None and facts.encoding != "UTF8":
        text = f"The database's encoding is {facts.encoding}: texts of models do not fit."
        found.append(problem("database", text, "Make a database with ENCODING 'UTF8' and move: govsim db copy."))
    if abs(facts.clock_s) > CLOCK_S:
        text = (
            f"The database's clock is {abs(facts.clock_s):.0f} s {'ahead of' if facts.clock_s > 0 else 'behind'} ours."
        )
        found.append(
            warning("clock", text, "Let both machines set their clocks by NTP; times on pages are off by that.")
        )
    return found


def _schema(revision: str | None, migrations: Path) -> Finding:
    newest = newest_revision(migrations)
    if revision == newest:
        return ok("schema", f"The schema is current ({newest}).")
    if revision is None:
        return warning("schema", "The database is empty.", "It is set up at the first start, or by: govsim db upgrade")
    if revision in known_revisions(migrations):
        text = f"The schema is {revision}, this program's is {newest}."
        return problem("schema", text, "Make a backup with the version that wrote it, then: govsim db upgrade")
    text = f"The schema {revision} is not known to this version."
    return problem("schema", text, "A newer version wrote it: upgrade the program.")


async def examine_work(database: Database, stale_after: timedelta) -> list[Finding]:
    """Look at workers, and at runs that nobody goes on with."""
    workers = await list_workers(database)
    states = await count_states(database)
    there = [worker for worker in workers if worker.takes_runs]
    details = [
        f"{worker.id}: {worker.playing} playing, heard of {worker.silent_s:.0f} s ago"
        for worker in workers
        if worker.alive
    ]
    queued = states.get("queued", 0)
    if there:
        found = [ok("workers", f"{counted(len(there), 'worker')} there.", *details)]
    elif queued:
        text = f"{counted(queued, 'run')} queued, and no worker is there to play."
        found = [problem("workers", text, "Start one: govsim serve has one of its own, govsim worker starts another.")]
    else:
        found = [ok("workers", "No worker is running, and nothing is queued.", *details)]
    found.append(await _search(database))
    return [*found, *await _stuck(database, stale_after, bool(there)), *await _waiting(database, states)]


async def _search(database: Database) -> Finding:
    texts, size = await index_size(database)
    missing = await unindexed(database)
    rest = f"; {counted(missing, 'run')} still to be indexed" if missing else ""
    return ok("search", f"The index of the search holds {counted(texts, 'text')} in {size / 1e6:.1f} MB{rest}.")


async def _stuck(database: Database, stale_after: timedelta, workers: bool) -> list[Finding]:
    silent = (RunRow.state == "playing", func.coalesce(RunRow.heartbeat, RunRow.created_at) < now() - 2 * stale_after)
    async with database.read() as connection:
        rows = (await connection.execute(select(RunRow.id).where(*silent).order_by(RunRow.id).limit(100))).all()
    if not rows:
        return []
    text = f"{counted(len(rows), 'run')} called playing, but nobody has been heard of who plays."
    advice = (
        "A worker takes over within half a minute; if this stays, look at its log."
        if workers
        else "Start a worker: govsim worker"
    )
    return [problem("runs", text, advice, *(row.id for row in rows))]


async def _waiting(database: Database, states: dict[str, int]) -> list[Finding]:
    found = []
    ago = now() - PAUSED_LONG
    # A paused run has no time of its own pause; what was played of it last says how long it has been left alone.
    left = func.coalesce(RunRow.heartbeat, RunRow.started_at, RunRow.created_at)
    query = (
        select(RunRow.id, RunRow.reason_kind).where(RunRow.state == "paused", left < ago).order_by(RunRow.id).limit(100)
    )
    async with database.read() as connection:
        rows = (await connection.execute(query)).all()
    if rows:
        text = f"{counted(len(rows), 'run')} paused for more than {PAUSED_LONG.days} days."
        details = [f"{row.id} ({row.reason_kind or 'no reason'})" for row in rows]
        found.append(warning("runs", text, "Resume or stop them: /runs?state=paused", *details))
    if states.get("failed"):
        text = f"{counted(states['failed'], 'run')} failed."
        found.append(warning("runs", text, "Each says why: /runs?state=failed; they can be tried again."))
    told = ", ".join(f"{count:,} {state}" for state, count in sorted(states.items()))
    return [*found, ok("runs", f"Runs: {told or 'none'}.")]
