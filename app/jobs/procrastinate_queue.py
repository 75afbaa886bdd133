"""The queue of PostgreSQL, where workers are on several hosts: Procrastinate brings runs to them.

Only what can be played at once is put on Procrastinate's table, a *shelf* filled in the order of `app.store.line` by
whoever has free places, with no more than those: so a launch of a thousand runs does not go before the next person's
three, and what is urgent is next as soon as a place is free. A job is a hint, never the truth: its task claims the run
in the run table, and ends at once if somebody else has it, or it waits no longer. So a job that is lost, doubled or
aborted costs a second, and never a run.

Each process runs Procrastinate's worker inside its event loop, for one kind of work. If that worker gives up (it does
when the database goes away), the runs it brought are played on, and the next look starts it again.
"""

import asyncio
import contextlib
from collections.abc import Sequence

import structlog
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job, Status

from app.store.connect import Database
from app.store.keeper import Host
from app.store.leases import Work, any_queued, claim_one
from app.store.line import next_in_line
from app.store.outage import in_short
from app.store.queue_schema import OpenJob, connection_of, open_jobs
from app.store.turns import take_turns

LONGEST_SHELF = 32
FETCH_SECONDS = 1.0
"""How often Procrastinate looks for jobs that it was not notified of."""
UNCLAIMED_SECONDS = 5.0
"""A run that still waits so long after its job was fetched has lost its worker."""
LEFT_LYING_SECONDS = 3.0
"""What was put on the shelf so long ago, and not fetched, is more than there are free places."""
STALLED_SECONDS = 60
CONNECTIONS = 3
CONNECT_SECONDS = 5.0

log = structlog.get_logger()


class ProcrastinateQueue:
    """Brings work of one kind to a worker. Needs the tables of `app.store.queue_schema`."""

    def __init__(self, database: Database, work: Work, host: Host) -> None:
        self._database = database
        self._work = work
        self._host = host
        self._capacity = host.free
        # Procrastinate counts its own jobs; after it was started again this also counts those from before.
        self._places = asyncio.Semaphore(self._capacity)
        self._taking: set[asyncio.Task[None]] = set()
        self._serving: asyncio.Task[None] | None = None
        self._stopping = False
        self._arriving = 0
        self._next_clearing = 0.0
        where, arguments = connection_of(database.url)
        connector = PsycopgConnector(
            conninfo=where, kwargs=arguments, min_size=1, max_size=CONNECTIONS, timeout=CONNECT_SECONDS
        )
        self._app = App(connector=connector)
        self._task = self._app.task(name=work.name, queue=work.name)(self._job)

    async def look(self) -> None:
        """See that Procrastinate's worker runs and, if the host has a free place, that the shelf is filled.

        Raises:
            ConnectionError: if Procrastinate does not reach the database.
        """
        try:
            if self._serving is None or self._serving.done():
                await self._serve()
            if self._host.free > 0:
                await self._fill_shelf()
            elif (now := asyncio.get_running_loop().time()) >= self._next_clearing:
                self._next_clearing = now + LEFT_LYING_SECONDS
                await self._clear_shelf()
        except ConnectorException as error:
            raise ConnectionError(f"the queue is not connected: {in_short(error)}") from error

    def stop(self) -> None:
        """Fetch nothing more; runs that are being played end as their players do."""
        self._stopping = True
        if self._serving is not None:
            self._serving.cancel()

    async def finish(self) -> None:
        """Wait until the jobs are off the table, and put what the host gave back on the shelf for the others."""
        if self._serving is not None:
            await asyncio.gather(self._serving, return_exceptions=True)
        await asyncio.gather(*self._taking, return_exceptions=True)
        try:
            await self._fill_shelf(at_least=1)
        finally:
            await self._app.close_async()

    async def _serve(self) -> None:
        if self._serving is not None and (error := self._serving.exception()) is not None:
            log.warning("the queue is connected again", error=in_short(error))
        self._serving = None
        try:
            await self._app.open_async()
        except ConnectorException:
            await self._app.close_async()  # a pool that could not be opened cannot be opened again
            raise
        await self._forget_stalled()
        self._serving = asyncio.create_task(
            self._app.run_worker_async(
                queues=[self._work.name],
                name=self._host.owner,
                concurrency=self._capacity,
                fetch_job_polling_interval=FETCH_SECONDS,
                # Stopping is ours: players are asked to end, and their jobs end with them.
                shutdown_graceful_timeout=0,
                install_signal_handlers=False,
                delete_jobs="always",
            ),
            name=f"queue of {self._work.name}",
        )

    async def _job(self, run_id: str) -> None:
        """Do the job of a run: claim it and play it to its end."""
        taking = asyncio.create_task(self._take(run_id), name=f"job of {self._work.name} {run_id}")
        self._taking.add(taking)
        taking.add_done_callback(self._taking.discard)
        try:
            await asyncio.shield(taking)
        except asyncio.CancelledError:
            if not self._stopping:
                raise  # Procrastinate gave up, or the job was aborted: the run goes on, under its lease.
            await asyncio.wait([taking])

    async def _take(self, run_id: str) -> None:
        async with self._places:
            if self._stopping:
                return
            self._arriving += 1
            try:
                claim = await claim_one(self._database, run_id, self._host.owner, self._work)
                player = self._host.start(claim) if claim is not None else None
            finally:
                self._arriving -= 1
            if player is not None:
                await player

    async def _fill_shelf(self, at_least: int = 0) -> None:
        """Make Procrastinate's waiting jobs those of the runs that are next, in their order, for our free places."""
        if not await any_queued(self._database, self._work):
            return
        async with self._database.write(quiet=True) as connection:
            await take_turns(connection, f"line of {self._work.name}")
            wanted = await next_in_line(connection, self._work.row, LONGEST_SHELF)
            waiting, fetched = await open_jobs(connection, self._work.name, wanted)
            late = [job for job in fetched if job.seconds > UNCLAIMED_SECONDS]
            on_their_way = {job.run_id for job in fetched} - {job.run_id for job in late}
            places = self._host.free - max(self._arriving, len(on_their_way))
            # Some of what waits there may be for the places of others.
            count = max(places, len(waiting), at_least)
            wanted = [run_id for run_id in wanted if run_id not in on_their_way][:count]
            if late or wanted != [job.run_id for job in waiting]:
                await self._put(wanted, waiting, late)

    async def _clear_shelf(self) -> None:
        """Take down what nobody has fetched: whoever it was put there for is gone, and others may be next by now."""
        async with self._database.read() as connection:
            waiting, _ = await open_jobs(connection, self._work.name, ())
        for job in waiting:
            if job.seconds > LEFT_LYING_SECONDS:
                await self._app.job_manager.cancel_job_by_id_async(job.id, delete_job=True)

    async def _put(self, wanted: Sequence[str], waiting: Sequence[OpenJob], late: Sequence[OpenJob]) -> None:
        manager = self._app.job_manager
        for job in late:
            # Finished, not retried: whoever had it may come back, and must not end the job of the run's next worker.
            with contextlib.suppress(Exception):
                await manager.finish_job_by_id_async(job.id, Status.FAILED, delete_job=True)
        kept = 0
        while kept < min(len(wanted), len(waiting)) and wanted[kept] == waiting[kept].run_id:
            kept += 1
        fetched_meanwhile = {
            job.run_id for job in waiting[kept:] if not await manager.cancel_job_by_id_async(job.id, delete_job=True)
        }
        new = [self._job_of(run_id) for run_id in wanted[kept:] if run_id not in fetched_meanwhile]
        if new:
            await manager.batch_defer_jobs_async(new)

    def _job_of(self, run_id: str) -> Job:
        return self._task.configure(lock=run_id, queueing_lock=run_id, task_kwargs={"run_id": run_id}).job

    async def _forget_stalled(self) -> None:
        """Take the jobs of workers that died off the table; what they played is taken back by its lease."""
        manager = self._app.job_manager
        for job in await manager.get_stalled_jobs(queue=self._work.name, seconds_since_heartbeat=STALLED_SECONDS):
            with contextlib.suppress(Exception):
                await manager.finish_job_by_id_async(job.id or 0, Status.FAILED, delete_job=True)
