"""A real `govsim serve` with its address, and how long things may take."""

import re

import psutil

from tests.support import Instance

SLOW = 20_000
"""Milliseconds to wait for what a run has to do first."""


class Observatory:
    """A served instance: its base address, and the instance behind it."""

    def __init__(self, instance: Instance, *options: str) -> None:
        self.instance = instance
        self.options = options
        self.start()

    def start(self, port: str = "0") -> None:
        """Start `govsim serve`, web process and worker, and learn its address."""
        self.process = self.instance.start("serve", "--port", port, *self.options)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        found = re.search(r"http://\S+", line)
        assert found, f"no address was printed: {line!r}"
        self.base = found[0]

    def kill(self) -> None:
        """End it and its worker at once: calls that are under way are not waited for."""
        worker = psutil.Process(self.process.pid).children(recursive=True)
        self.process.kill()
        for process in worker:
            process.kill()

    def start_again(self) -> None:
        """Start it where it was."""
        self.start(self.base.rpartition(":")[2])

    def stop(self) -> None:
        """End it in order."""
        self.process.terminate()
        self.process.wait(20)
