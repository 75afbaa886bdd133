"""The fake model server as a process of its own, for tests."""

import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

REPOSITORY = Path(__file__).resolve().parents[2]


class FakeModelServer:
    """Starts `tests.fakes.model_server` on entering and stops it on leaving.

    Options are those of its command line, with underscores: `FakeModelServer(seed=1, latency_ms=50)`.
    """

    def __init__(self, **options: object) -> None:
        self._options = options
        self.base_url = ""

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.fakes.model_server"]
        for name, value in self._options.items():
            option = "--" + name.replace("_", "-")
            command += [option] if value is True else [option, str(value)]
        self._process = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        first_line = self._process.stdout.readline()  # printed once connections are taken
        if not first_line:
            raise RuntimeError(f"the fake model server did not start (exit code {self._process.wait()})")
        self.base_url = first_line.split()[-1]
        self._http = httpx.Client(base_url=self.base_url.removesuffix("/v1"), trust_env=False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()
        self._process.kill()
        self._process.communicate()

    def control(self, **behaviour: object) -> dict[str, Any]:
        """Change its behaviour (fields of `Behaviour`); `reset=True` goes back to the options it was started with."""
        return self._http.post("/control", json=behaviour).raise_for_status().json()

    def stats(self) -> dict[str, Any]:
        """Return what it counted: requests, answered, by_status, by_purpose, calls {run: {key: n}}, max_in_flight, and
        max_in_window and max_tokens_in_window: the most in any `window_s` seconds."""
        return self._http.get("/stats").raise_for_status().json()

    def reset(self) -> None:
        """Back to the start: behaviour and counts."""
        self.control(reset=True)
        self._http.delete("/stats").raise_for_status()

    def models_toml(self, name: str = "fake", **settings: object) -> str:
        """Return a models.toml that names this server; *settings* are further keys of its table."""
        table = {
            "base_url": f'"{self.base_url}"',
            "models": '["villager", "greedy", "thinker"]',
            "embeddings": '["embedder"]',
            "send_call_key": "true",
        } | {key: str(value).lower() if isinstance(value, bool) else repr(value) for key, value in settings.items()}
        return f"[endpoints.{name}]\n" + "".join(f"{key} = {value}\n" for key, value in table.items())
