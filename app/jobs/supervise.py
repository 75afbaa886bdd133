"""Processes beside this one (a worker, a local model's server): started again if they die, stopped with it."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence

import structlog

STOP_SECONDS = 15.0
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0

log = structlog.get_logger()


async def keep_worker(stop: asyncio.Event, environment: Mapping[str, str] | None = None) -> None:
    """Keep one `govsim worker` process alive until *stop* is set, then let it hand its runs back and end it."""
    await keep_process("worker", ["worker"], stop, environment=environment)


async def keep_process(
    what: str,
    arguments: Sequence[str],
    stop: asyncio.Event,
    *,
    environment: Mapping[str, str] | None = None,
    descriptors: Sequence[int] = (),
    apart: bool = False,
    on_end: Callable[[int], None] = lambda code: None,
) -> None:
    """Keep one `govsim` process alive until *stop* is set, then end it politely.

    Args:
        what: what the process is, for the log.
        arguments: of `govsim`; `--parent` and our number are added.
        stop: set when it is to end.
        environment: variables added to ours.
        descriptors: of open files that the process shares.
        apart: whether Ctrl+C is kept from it, so that it ends when we say so.
        on_end: told the exit code, or minus the signal's number, of a process that ended by itself.
    """
    pause = FIRST_PAUSE
    while not stop.is_set():
        started = asyncio.get_running_loop().time()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "app.cli", *arguments, "--parent", str(os.getpid())),
            env={**os.environ, **(environment or {})},
            pass_fds=descriptors,
            start_new_session=apart,
        )
        ended = asyncio.create_task(process.wait())
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({ended, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if not ended.done():
            await _end(process, ended)
            return
        on_end(ended.result())
        log.warning(f"the {what} process ended; it is started again", exit_code=process.returncode)
        lived = asyncio.get_running_loop().time() - started
        pause = FIRST_PAUSE if lived > LONGEST_PAUSE else min(pause * 2, LONGEST_PAUSE)
        try:
            await asyncio.wait_for(stop.wait(), pause)
        except TimeoutError:
            continue


async def _end(process: asyncio.subprocess.Process, ended: "asyncio.Task[int]") -> None:
    process.terminate()
    done, _ = await asyncio.wait({ended}, timeout=STOP_SECONDS)
    if not done:
        process.kill()
        await ended


def stop_when_told(stop: asyncio.Event) -> None:
    """Set *stop* on SIGTERM or SIGINT; the same signal a second time ends the process at once.

    The other one does not: Ctrl+C reaches the worker beside `govsim serve`, which then sends it a SIGTERM.
    """
    loop = asyncio.get_running_loop()

    def told(number: signal.Signals) -> None:
        stop.set()
        loop.remove_signal_handler(number)
        signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told, number)


async def follow_parent(parent: int, stop: asyncio.Event) -> None:
    """Set *stop* when the process *parent* is no longer our parent: nobody is left to stop us."""
    while os.getppid() == parent:  # noqa: ASYNC110 - the system sends no event for this
        await asyncio.sleep(1.0)
    stop.set()
