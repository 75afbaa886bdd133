"""Whether the models that are configured answer: one tiny call to each, a few at a time."""

import asyncio
from collections.abc import Sequence
from time import perf_counter

from app.commons.config import SamplingConfig
from app.commons.frozen import Frozen
from app.models.base import ModelError
from app.models.hub import ModelHub

AT_ONCE = 8
PATIENCE_S = 30.0
MAX_TOKENS = 16

STANDARD = SamplingConfig(max_tokens=MAX_TOKENS)
"""The sampling of a launch that changes nothing, so that a check meets what a run would meet."""


class ModelCheck(Frozen):
    """What became of one model's call; `error` is a sentence that says what to do, None where it answered."""

    model: str
    ok: bool
    latency_ms: int | None = None
    model_revision: str | None = None
    fingerprint: str | None = None
    provider: str | None = None
    error: str | None = None


async def check_models(
    hub: ModelHub, sampling: SamplingConfig = STANDARD, *, names: Sequence[str] | None = None
) -> list[ModelCheck]:
    """Return a check of every model named, without *names* of all that are configured, embedding models included.

    They keep their order; one without its key is not asked.
    """
    if names is None:
        names = [f"{view.name}/{model}" for view in hub.views() for model in (*view.models, *view.embeddings)]
    places = asyncio.Semaphore(AT_ONCE)

    async def check(name: str) -> ModelCheck:
        async with places:
            return await check_model(hub, name, sampling)

    return list(await asyncio.gather(*map(check, names)))


async def check_model(hub: ModelHub, name: str, sampling: SamplingConfig = STANDARD) -> ModelCheck:
    """Return what a tiny call to *name* came to. It is made once: what passes with a retry is told here."""
    started = perf_counter()
    try:
        answered = await hub.probe(name, sampling, PATIENCE_S)
    except ModelError as error:
        text = str(error)
        return ModelCheck(model=name, ok=False, error=text[:1].upper() + text[1:])
    return ModelCheck(
        model=name,
        ok=True,
        latency_ms=round((perf_counter() - started) * 1000) if answered.latency_ms is None else answered.latency_ms,
        model_revision=answered.model_revision,
        fingerprint=answered.fingerprint,
        provider=answered.provider,
    )
