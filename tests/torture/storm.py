"""A storm: workers are killed, frozen and told to end while they play, and the database is restarted, at random."""

import asyncio
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from sqlalchemy import select

from app.store.tables import CallRow
from tests.fakes.process import FakeModelServer
from tests.support import Instance

LONGEST_FREEZE_S = 9.0  # leases run out after 3 s here: a thawed worker has lost its runs


@dataclass
class Storm:
    """Troubles *workers* processes of *instance* until the time is up. The same seed troubles in the same order."""

    instance: Instance
    models: FakeModelServer
    restart_database: Callable[[], None] | None
    seed: int
    workers: int = 3
    calm_s: tuple[float, float] = (1.5, 5.0)
    done: list[str] = field(default_factory=list)
    unrecorded: int = 0
    seen: dict[tuple[str, str], int] = field(default_factory=dict)
    _crew: "list[subprocess.Popen[str]]" = field(default_factory=list)

    async def rage(self, seconds: float) -> None:
        """Start the workers and trouble them for so many seconds; at the end all workers work."""
        chance = Random(self.seed)
        self._crew = [self.instance.start("worker") for _ in range(self.workers)]
        end = time.monotonic() + seconds
        await asyncio.sleep(5)  # The workers start; there is nothing to disturb before.
        while time.monotonic() < end:
            await asyncio.sleep(chance.uniform(*self.calm_s))
            troubles = [self._kill, self._freeze, self._end, *([self._restart] if self.restart_database else [])]
            trouble = chance.choice(troubles)
            self.done.append(trouble.__name__)
            await trouble(chance)
            await self.take_stock()

    async def take_stock(self) -> None:
        """Note how often each call that is recorded by now has been asked; a recorded call is never asked again."""
        rows = await self._recorded()
        asked = (await asyncio.to_thread(self.models.stats))["calls"]
        for run_id, key in rows:
            self.seen.setdefault((run_id, key), asked[run_id][key])

    async def _kill(self, chance: Random) -> None:
        await self._lose(chance.randrange(self.workers), signal.SIGKILL)

    async def _end(self, chance: Random) -> None:
        """Tell a worker to end; what it cannot bring home within its ten seconds is asked again."""
        await self._lose(chance.randrange(self.workers), signal.SIGTERM)

    async def _freeze(self, chance: Random) -> None:
        worker = self._crew[chance.randrange(self.workers)]
        await self._count_unrecorded()
        worker.send_signal(signal.SIGSTOP)
        await asyncio.sleep(chance.uniform(1.0, LONGEST_FREEZE_S))
        worker.send_signal(signal.SIGCONT)

    async def _restart(self, chance: Random) -> None:
        assert self.restart_database is not None
        await asyncio.to_thread(self.restart_database)

    async def _lose(self, place: int, number: signal.Signals) -> None:
        await self._count_unrecorded()
        worker = self._crew[place]
        worker.send_signal(number)
        await asyncio.to_thread(worker.wait)
        self._crew[place] = self.instance.start("worker")

    async def _count_unrecorded(self) -> None:
        """Count what a worker may lose now: calls that are asked, or answered, and not recorded yet."""
        recorded = len(await self._recorded())
        asked = (await asyncio.to_thread(self.models.stats))["calls"]
        self.unrecorded += sum(map(len, asked.values())) - recorded

    async def _recorded(self) -> Sequence[Any]:
        async with self.instance.database.read() as connection:
            return (await connection.execute(select(CallRow.run_id, CallRow.key))).all()
