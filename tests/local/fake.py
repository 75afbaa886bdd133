"""A stand-in for a loaded model: it answers in words of the request, slowly if told to, and counts what happens."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from hashlib import sha256

from app.local.requests import Result
from app.local.shelf import About
from app.local.wire import ChatRequest, Refused

ABOUT = About(revision="5f" * 32, fingerprint="fake", device="cpu", dtype="float32", exit_layer=1, draft_length=4)


class Cancelled(Exception):
    """What a cancelled request ends with."""


def words(request: ChatRequest) -> list[str]:
    """Return the answer to *request*: a function of the request alone."""
    digest = sha256(request.messages[-1].text.encode() + str((request.temperature, request.seed)).encode()).digest()
    return [f"word{byte % 50} " for byte in digest[:12]]


@dataclass
class FakeModel:
    """Answers one request in a thread of its own; `hold` keeps answers back, "break" in a prompt breaks one."""

    about: About = ABOUT
    context_tokens: int = 100
    hold: threading.Event = field(default_factory=threading.Event)
    cancelled: int = 0
    closed: bool = False
    under_way: int = 0

    def __post_init__(self) -> None:
        self.hold.set()
        self._lock = threading.Lock()

    def ask(
        self, request: ChatRequest, on_text: Callable[[str], None] | None
    ) -> tuple["Future[Result]", Callable[[], None]]:
        prompt = sum(len(message.text.split()) for message in request.messages)
        if prompt >= self.context_tokens:
            raise Refused("It is too long.", param="messages", code="context_length_exceeded")
        future: Future[Result] = Future()
        future.set_running_or_notify_cancel()
        gone = threading.Event()

        def answer() -> None:
            said = ""
            with self._lock:
                self.under_way += 1
            try:
                for number, word in enumerate(words(request)):
                    while not self.hold.wait(0.01):
                        if gone.is_set():
                            break
                    if gone.is_set():
                        with self._lock:
                            self.cancelled += 1
                        raise Cancelled
                    if "break" in request.messages[-1].text and number == 2:
                        raise RuntimeError("a defect with the secret words of a prompt")
                    said += word
                    if on_text is not None:
                        on_text(word)
                future.set_result(Result(said, (0,) * 12, "stop", prompt, 3, 1, 4, 16, 8, 4))
            except Exception as error:
                future.set_exception(error)
            finally:
                with self._lock:
                    self.under_way -= 1

        threading.Thread(target=answer, daemon=True).start()
        return future, gone.set

    def close(self) -> None:
        self.closed = True
