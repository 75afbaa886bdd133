"""The queue of PostgreSQL, where workers are on several hosts: Procrastinate brings runs to them.

Only a *shelf* of the next few runs is kept in Procrastinate, in the order of `app.store.line`: whoever has a free place
keeps it filled, so a launch of a thousand runs neither floods it nor goes before the next person's three. A job is a
hint, never the truth: its task claims the run in the run table, and ends at once if somebody else has it, or it waits
no longer. So a job that is lost, doubled or aborted costs a second, and never a run.

Each process runs Procrastinate's worker inside its event loop, for one kind of work. If that worker gives up (it does
when the database goes away), the runs it brought are played on, and the next look starts it again.
"""

import asyncio
import contextlib
from collections.abc import Sequence

import structlog
from procrastinate import App, PsycopgConnector
from procrastinate.jobs import Job, Status

from app.store.connect import Database
from app.store.keeper import Host
from app.store.leases import Work, claim_one
from app.store.line import next_in_line
from app.store.queue_schema import OpenJob, connection_of, open_jobs
from app.store.turns import take_turns

SHELF = 8
FETCH_SECONDS = 1.0
"""How often Procrastinate looks for jobs that it was not notified of."""
UNCLAIMED_SECONDS = 5.0
"""A run that still waits so long after its job was fetched has lost its worker."""
STALLED_SECONDS = 60
CONNECTIONS = 3

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
        where, arguments = connection_of(database.url)
        self._app = App(connector=PsycopgConnector(conninfo=where, kwargs=arguments, min_size=1, max_size=CONNECTIONS))
        self._task = self._app.task(name=work.name, queue=work.name)(self._job)

    async def look(self) -> None:
        """See that Procrastinate's worker runs and, if the host has a free place, that the shelf is filled."""
        if self._serving is None or self._serving.done():
            await self._serve()
        if self._host.free > 0:
            await self._fill_shelf()

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
            await self._fill_shelf()
        finally:
            await self._app.close_async()

    async def _serve(self) -> None:
        if self._serving is not None and (error := self._serving.exception()) is not None:
            log.warning("the queue is connected again", error=str(error) or type(error).__name__)
        self._serving = None
        await self._app.open_async()
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
            claim = await claim_one(self._database, run_id, self._host.owner, self._work)
            if claim is not None:
                await self._host.start(claim)

    async def _fill_shelf(self) -> None:
        """Make Procrastinate's waiting jobs those of the runs that are next, in their order."""
        async with self._database.write(quiet=True) as connection:
            await take_turns(connection, f"line of {self._work.name}")
            wanted = await next_in_line(connection, self._work.row, SHELF)
            waiting, fetched = await open_jobs(connection, self._work.name, wanted)
            late = [job for job in fetched if job.seconds > UNCLAIMED_SECONDS]
            in_time = {job.run_id for job in fetched} - {job.run_id for job in late}
            wanted = [run_id for run_id in wanted if run_id not in in_time]
            if late or wanted != [job.run_id for job in waiting]:
                await self._put(wanted, waiting, late)

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
