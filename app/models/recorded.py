"""A model with a memory: what is recorded is answered from the record, what is new is asked and recorded."""

from app.commons.config import SamplingConfig
from app.models.base import (
    CallKey,
    CallLog,
    Completion,
    Message,
    Model,
    RecordedCall,
    RecordMismatch,
    request_hash,
)
from app.models.prices import PriceTag


class RecordedModel:
    """Answers from *log* where it can; otherwise asks *inner* and records the call before it returns.

    *sampled* is False for embeddings: they take no sampling, and none is recorded.
    """

    def __init__(self, inner: Model, log: CallLog, price: PriceTag, *, sampled: bool = True) -> None:
        self.name = inner.name
        self._inner = inner
        self._log = log
        self._price = price
        self._sampled = sampled

    async def complete(self, messages: tuple[Message, ...], sampling: SamplingConfig, key: CallKey) -> Completion:
        """Return the completion recorded under *key*, or a new one.

        Raises:
            RecordMismatch: another request is recorded under *key*; nothing is asked.
            EndpointDown: from *inner*; nothing is recorded.
        """
        sent = sampling if self._sampled else None
        digest = request_hash(self.name, messages, sent)
        recorded = self._log.find(key)
        if recorded is not None:
            recorded_digest, completion = recorded
            if recorded_digest != digest:
                raise RecordMismatch(
                    f"The call '{key}' was recorded for another request ({recorded_digest[:12]}, now {digest[:12]}): "
                    f"the prompts, the model, the sampling or what happened before it are no longer the same. "
                    f"Play the run with the version that recorded it, or start a new one."
                )
            return completion
        completion = await self._inner.complete(messages, sampling, key)
        self._log.record(
            RecordedCall(
                key=key,
                model=self.name,
                request_hash=digest,
                messages=messages,
                sampling=sent,
                completion=completion,
                cost=self._price.cost(completion),
            )
        )
        return completion
