"""A `govsim` whose process dies as soon as it plays the run that POISONED_RUN names, three calls into it."""

import os
import signal
from typing import Any

from app.cli import main
from app.jobs.drain import CallsUnderWay
from app.jobs.player import Player

original = Player.run


async def run(self: Player) -> Any:
    if self.claim.run_id == os.environ["POISONED_RUN"]:
        calls, begun = self._calls, 0
        ask = CallsUnderWay.run

        async def deadly(call: Any) -> Any:
            nonlocal begun
            begun += 1
            if begun > 3:
                os.kill(os.getpid(), signal.SIGKILL)
            return await ask(calls, call)

        calls.run = deadly  # type: ignore[method-assign]
    return await original(self)


Player.run = run  # type: ignore[method-assign]

if __name__ == "__main__":
    main()
