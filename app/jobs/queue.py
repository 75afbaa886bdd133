"""Where a worker's next run comes from: the queue that fits the database, and the simple one for SQLite.

Whichever it is, the run table is the truth: a run is played by whoever claims it there, in the order of
`app.store.line`. A queue only decides how a worker hears of it.
"""

from app.store.address import is_postgresql
from app.store.connect import Database
from app.store.keeper import Host, Queue
from app.store.leases import Work, any_queued, claim_waiting


def open_queue(database: Database, work: Work, host: Host) -> Queue:
    """Return the queue that brings *work* to *host*: the one that fits the database."""
    if is_postgresql(database.url):
        # Imported where it is needed: it takes half a second, and nobody on SQLite needs it.
        from app.jobs.procrastinate_queue import ProcrastinateQueue

        return ProcrastinateQueue(database, work, host)
    return LocalQueue(database, work, host)


class LocalQueue:
    """Claims from the run table: the queue of SQLite, where all workers share one host."""

    def __init__(self, database: Database, work: Work, host: Host) -> None:
        self._database = database
        self._work = work
        self._host = host

    async def look(self) -> None:
        """Claim as much as the host has places for."""
        while (free := self._host.free) > 0 and await any_queued(self._database, self._work):
            claims = await claim_waiting(self._database, self._host.owner, self._work, free)
            for claim in claims:
                self._host.start(claim)
            if not claims:
                return

    def stop(self) -> None:
        """Do nothing: nothing comes but by looking."""

    async def finish(self) -> None:
        """Do nothing: nothing is held."""
