"""How an endpoint made an answer, where it says so: what it read from its cache, and how far it guessed ahead.

Cached tokens stand where the OpenAI protocol has them. Self-speculative decoding (LayerSkip, Elhoushi et al., ACL 2024)
is told under the key `layerskip` of `usage`, which our own local server writes.
"""

import json
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, TypeAdapter, computed_field

from app.commons.frozen import Frozen

EXTENSION = "layerskip"
"""The key of `usage` under which self-speculative decoding is told."""


class Decoding(Frozen):
    """What made one answer; None where the endpoint does not say.

    Drafts are made with the first `exit_layer` layers, `draft_length` tokens at a time; the whole model verifies them.
    A `draft_length` of 0 is plain decoding.
    """

    cached_tokens: int | None = Field(default=None, ge=0, description="tokens of the prompt read from a cache")
    exit_layer: int | None = Field(default=None, ge=0, description="layers that draft (E)")
    draft_length: int | None = Field(default=None, ge=0, description="tokens drafted at a time (K)")
    drafted: int | None = Field(default=None, ge=0, description="tokens drafted")
    accepted: int | None = Field(
        default=None, ge=0, description="drafted tokens that are in the answer, each check's own token aside"
    )
    verifications: int | None = Field(default=None, ge=0, description="passes of the whole model")

    @computed_field  # type: ignore[prop-decorator]
    @property
    def tokens_per_verification(self) -> float | None:
        """Tokens that a pass of the whole model yielded on average: what it accepted, and one of its own."""
        if not self.verifications or self.accepted is None:
            return None
        return round((self.accepted + self.verifications) / self.verifications, 3)


def _as_written(value: object) -> object:
    """Take what was written, as JSON or read from it; derived numbers in it are derived again."""
    if isinstance(value, str):
        value = json.loads(value)
    if isinstance(value, Mapping):
        return {name: number for name, number in value.items() if name in Decoding.model_fields}
    return value


WrittenDecoding = Annotated[Decoding, BeforeValidator(_as_written)]
"""A `Decoding`, or what was written of one."""
STORED: TypeAdapter[Decoding | None] = TypeAdapter(WrittenDecoding | None)


def read_decoding(usage: Mapping[str, Any]) -> Decoding | None:
    """Return what a `usage` object tells of the decoding; None where it tells nothing. What is no count is left out."""
    details, said = usage.get("prompt_tokens_details"), usage.get(EXTENSION)
    details, said = (part if isinstance(part, Mapping) else {} for part in (details, said))
    found = {name: _count(said.get(name)) for name in Decoding.model_fields}
    found["cached_tokens"] = _count(details.get("cached_tokens"))
    return Decoding(**found) if any(value is not None for value in found.values()) else None


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else None
