"""The base of every value in the game: immutable, closed, with one canonical JSON form."""

import hashlib
import json
from typing import Any

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """An immutable value that rejects unknown fields. The text of an error never quotes what was given."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def canonical_json(value: Any) -> str:
    """Return the one JSON text of *value*: sorted keys, no spaces, text kept as it is.

    Args:
        value: a pydantic model or anything `json` can write.

    Raises:
        ValueError: for NaN or infinity, which JSON does not have.
    """
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def content_hash(value: Any) -> str:
    """Return the SHA-256 of the canonical JSON of *value*, as 64 hexadecimal digits."""
    text = canonical_json(value)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
