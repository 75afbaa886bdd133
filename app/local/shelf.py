"""The models that one server offers: each is loaded when it is first asked, once, and then stays."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog

from app.local.requests import Result
from app.local.wire import ChatRequest, Refused
from app.models.local_folder import LocalModel

log = structlog.get_logger()


@dataclass(frozen=True)
class About:
    """A loaded model: `revision` is a hash of its weights, `exit_layer` and `draft_length` how it drafts (E, K)."""

    revision: str
    fingerprint: str
    device: str
    dtype: str
    exit_layer: int
    draft_length: int


class Loaded(Protocol):
    """A model that can be asked."""

    about: About

    def ask(
        self, request: ChatRequest, on_text: Callable[[str], None] | None
    ) -> tuple["Future[Result]", Callable[[], None]]:
        """Begin to answer; return the answer to come and a function that cancels it.

        *on_text* is called with each piece of the text, from any thread.

        Raises:
            Refused: the request cannot be answered by this model.
        """
        ...

    def close(self) -> None:
        """Give back the memory; what is under way fails."""
        ...


@dataclass
class _Place:
    model: LocalModel
    loading: "asyncio.Task[Loaded] | None" = None
    loaded: Loaded | None = None
    reason: str | None = field(default=None)


class Shelf:
    """The *models* by name; *load* loads one, for which it may take its time: it is called in a thread."""

    def __init__(self, models: Sequence[LocalModel], load: Callable[[LocalModel], Loaded]) -> None:
        self._places = {model.name: _Place(model) for model in models}
        self._load = load

    @property
    def names(self) -> tuple[str, ...]:
        """The models offered."""
        return tuple(self._places)

    async def get(self, name: str) -> Loaded:
        """Return the model *name*, loaded. Whoever asks for it meanwhile waits for the same loading.

        Raises:
            Refused: there is none of that name (404), or it cannot be loaded (503; the message says why).
        """
        place = self._places.get(name.partition("@")[0])
        if place is None:
            offered = ", ".join(self._places) or "none"
            text = f"There is no model '{name[:200]}' here. Models: {offered}."
            raise Refused(text, status=404, param="model", code="model_not_found")
        if place.loaded is not None:
            return place.loaded
        if place.loading is None:
            place.reason = None
            place.loading = asyncio.create_task(self._loaded(place), name=f"load {name}")
        try:
            # A request that is given up does not end a loading that others wait for.
            return await asyncio.shield(place.loading)
        except Refused:
            raise
        except Exception as error:
            text = f"The model '{name}' cannot be loaded: {place.reason or error}"
            raise Refused(text, status=503, kind="server_error", code="model_not_loaded") from error

    def states(self) -> list[dict[str, Any]]:
        """Return how each model is: not started, starting, ready or failed."""
        return [_state(place) for place in self._places.values()]

    async def close(self) -> None:
        """Give back all models."""
        for place in self._places.values():
            if place.loading is not None:
                place.loading.cancel()
            if place.loaded is not None:
                await asyncio.to_thread(place.loaded.close)

    async def _loaded(self, place: _Place) -> Loaded:
        try:
            place.loaded = await asyncio.to_thread(self._load, place.model)
        except Exception as error:
            place.reason = _sentence(error)
            log.error("a model could not be loaded", model=place.model.name, why=place.reason)
            raise
        finally:
            place.loading = None
        about = place.loaded.about
        log.info(
            "model loaded",
            model=place.model.name,
            revision=about.revision[:12],
            device=about.device,
            dtype=about.dtype,
            exit_layer=about.exit_layer,
            draft_length=about.draft_length,
        )
        return place.loaded


def _state(place: _Place) -> dict[str, Any]:
    state: dict[str, Any] = {"id": place.model.name}
    if place.loaded is not None:
        about = place.loaded.about
        names = ("revision", "device", "dtype", "exit_layer", "draft_length")
        return state | {"state": "ready", **{name: getattr(about, name) for name in names}}
    if place.loading is not None:
        return state | {"state": "starting"}
    if place.reason is not None:
        return state | {"state": "failed", "reason": place.reason}
    return state | {"state": "not started"}


def _sentence(error: BaseException) -> str:
    if isinstance(error, MemoryError) or "out of memory" in str(error).lower():
        return "There is not enough memory for it. Choose a smaller model, or --dtype bfloat16."
    if isinstance(error, ModuleNotFoundError):
        return f"The package {error.name} is not installed."
    text = " ".join(str(error).split())[:300] or type(error).__name__
    return text if text.endswith(".") else f"{text}."
