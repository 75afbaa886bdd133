"""What is asked of a local model, and what comes back."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Sampling:
    """How to decode. `temperature` 0 is greedy; `top_p` keeps the likeliest tokens that hold that much probability.

    `stop` ends the text before any of these strings. Without `seed` a random one is drawn.
    """

    max_tokens: int = 256
    temperature: float = 0.0
    top_p: float = 1.0
    stop: tuple[str, ...] = ()
    seed: int | None = None


@dataclass(frozen=True)
class Decoding:
    """How tokens are found: from the first `exit_layer` layers (E), `draft_length` (K) of them at a time.

    K = 0 drafts nothing: with E = number of layers that is plain decoding, with fewer it is early exit without a check.
    With K > 0 the full model checks each draft (self-speculative decoding).
    """

    exit_layer: int
    draft_length: int


@dataclass(frozen=True)
class Result:
    """An answer. `cached_tokens` of the `prompt_tokens` were kept from earlier prompts.

    `drafted` tokens were guessed by the first `exit_layer` layers, and checked in `verifications` passes of all layers.
    `accepted` is what these brought to the text beyond the one token that each of them brings: with the first token,
    which comes of reading the prompt, 1 + accepted + verifications are all. The three are 0 where nothing is drafted.
    """

    text: str
    tokens: tuple[int, ...]
    finish_reason: Literal["stop", "length"]
    prompt_tokens: int
    cached_tokens: int
    exit_layer: int
    draft_length: int
    drafted: int
    accepted: int
    verifications: int

    @property
    def completion_tokens(self) -> int:
        """How many tokens were decoded, an end-of-text token included."""
        return len(self.tokens)


class Cancelled(Exception):
    """The request was cancelled, or the engine closed, before the answer was whole."""


class TooLong(ValueError):
    """The prompt leaves no room for an answer within the context; `tokens` and `room` say how long both are."""

    def __init__(self, tokens: int, room: int) -> None:
        super().__init__(f"The prompt has {tokens} tokens; the model's context holds {room}, the answer included.")
        self.tokens, self.room = tokens, room
