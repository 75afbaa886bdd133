"""What the store gives out: frozen records, one class a table that others read."""

from datetime import datetime
from functools import cached_property
from math import isfinite
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from app.commons.config import EpisodeConfig
from app.models.decoding import WrittenDecoding
from app.store.money import Dollars

RunState = Literal["queued", "playing", "paused", "finished", "cancelled", "failed", "interrupted"]
Control = Literal["pause", "end", "stop"]
"""What a player is asked for: a pause or the end of the run after this month, or a stop now."""

MindsKind = Literal["scripted", "generative", "mixed", "imported"]

LOWEST_PRIORITY, HIGHEST_PRIORITY = -100, 100

LIVE_STATES = frozenset({"queued", "playing"})
OVER_STATES = frozenset({"finished", "cancelled", "failed"})

MAX_TOKENS = 10**12
MAX_COST = 1e7


def _number(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("Give a number.")
    if isinstance(value, float) and not isfinite(value):
        raise ValueError("Write an amount in US dollars, for example 2.50.")
    return value


# JSON's true would count as 1.
Tokens = Annotated[int, BeforeValidator(_number)]
Amount = Annotated[float, BeforeValidator(_number)]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, from_attributes=True, extra="ignore")


class Budget(_Record):
    """How much may be spent: tokens in and out together, US dollars; None: as much as it takes."""

    tokens: int | None = Field(default=None, ge=1, le=MAX_TOKENS)
    cost: float | None = Field(default=None, gt=0, le=MAX_COST, allow_inf_nan=False)

    def __bool__(self) -> bool:
        """Whether there is any limit."""
        return self.tokens is not None or self.cost is not None


NO_BUDGET = Budget()


class ExperimentRecord(_Record):
    """Runs launched together, what all of them may spend, and the definition (TOML) of the grid that they are."""

    id: str
    name: str
    created_at: datetime
    budget_tokens: int | None
    budget_cost: float | None
    archived_at: datetime | None = None
    definition: str | None = None

    @property
    def budget(self) -> Budget:
        """What all runs together may spend."""
        return Budget(tokens=self.budget_tokens, cost=self.budget_cost)


class RunRecord(_Record):
    """A run as lists and headers need it; amounts in units, ratios in 0..1, cost in US dollars.

    `reason_kind` and `reason` say why a run is paused, failed or cancelled. A paused run that `waits_for` what
    mends itself is tried again at `retry_at`, for the `retries`-th time. `fruitless` counts players that died without
    progress. `cost` is what the priced calls cost; `unpriced_calls` counts those whose price is unknown. `pace_ms` is
    how long scripted minds wait before they answer, so that a run can be watched; it decides nothing.
    `notes` are what an import noticed, `owner_note` what people wrote; `retry_of` is the run that this one tries again.
    `model_label` is what the definition of its experiment calls those who decide in it.
    Of queued runs those of a higher `priority` are played first; the usual one is 0.
    """

    id: str
    experiment_id: str | None
    name: str | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    origin: Literal["native", "imported"]
    config: str
    config_hash: str
    engine_version: str | None
    prompts: dict[str, str]
    scenario: str
    condition: str
    minds: MindsKind
    models: str
    seed: int | None
    months: int
    pace_ms: int
    priority: int
    state: RunState
    reason_kind: str | None
    reason: str | None
    control: Control | None
    owner: str | None
    heartbeat: datetime | None
    epoch: int
    fruitless: int
    retry_at: datetime | None
    retries: int
    waits_for: str | None
    stock: int | None
    months_played: int
    survival_time: int | None
    survived: bool | None
    collapsed: bool | None
    censored: bool | None
    gains: dict[str, int]
    total_gain: int | None
    mean_gain: float | None
    efficiency: float | None
    equality: float | None
    over_usage: float | None
    over_usage_asked: float | None
    unreadable: int
    events: int
    calls: int
    prompt_tokens: int
    completion_tokens: int
    cost: float | None
    unpriced_calls: int
    prompts_dropped_at: datetime | None = None
    calls_dropped_at: datetime | None = None
    dropped_by: str | None = None
    budget_tokens: int | None
    budget_cost: float | None
    view_only: str | None
    source: str | None
    log_sha256: str | None
    notes: list[str]
    owner_note: str | None = None
    owner_note_at: datetime | None = None
    archived_at: datetime | None = None
    deleted_at: datetime | None = None
    retry_of: str | None = None
    model_label: str | None = None

    @cached_property
    def episode(self) -> EpisodeConfig:
        """The run's configuration."""
        return EpisodeConfig.model_validate_json(self.config)

    @property
    def dropped(self) -> str | None:
        """What a retention rule took from the run, in a sentence; None where all of it is here."""
        if self.calls_dropped_at is not None:
            what, at = "The calls of this run, prompts and completions,", self.calls_dropped_at
        elif self.prompts_dropped_at is not None:
            what, at = "The prompts of this run", self.prompts_dropped_at
        else:
            return None
        return f"{what} were dropped on {at:%Y-%m-%d} by a retention rule ({self.dropped_by})."

    @property
    def tokens(self) -> int:
        """What the run has used, in and out together."""
        return self.prompt_tokens + self.completion_tokens

    @property
    def budget(self) -> Budget:
        """What the run may spend."""
        return Budget(tokens=self.budget_tokens, cost=self.budget_cost)

    @property
    def live(self) -> bool:
        """Whether something may still happen to the run without anybody asking for it."""
        return self.state in LIVE_STATES or self.waiting

    @property
    def waiting(self) -> bool:
        """Whether the run is paused and tried again by itself."""
        return self.state == "paused" and self.retry_at is not None


class LogEntry(_Record):
    """One line of a run's log."""

    at: datetime
    kind: str
    text: str


class CallSummary(_Record):
    """A call without its texts.

    `model_revision`, `fingerprint` (the backend's configuration) and `provider` (who answers behind a gateway) are what
    the endpoint said of itself, None where it did not; so is `decoding`, how it made the answer.
    """

    key: str
    seq: int
    month: int
    phase: str
    agent: str
    purpose: str
    item: str
    attempt: int
    model: str
    prompt_tokens: int | None
    completion_tokens: int | None
    finish_reason: str | None
    model_revision: str | None
    fingerprint: str | None
    provider: str | None
    latency_ms: int | None
    transport_attempts: int
    cost: Dollars | None
    decoding: WrittenDecoding | None = None
    error: str | None


ShareScope = Literal["run", "experiment", "comparison"]


class ShareRecord(_Record):
    """An issued share link, without its token, which is not kept.

    What is shared is a run (`run_id`), an experiment (`experiment_id`) or a comparison (its canonical `query`). A link
    that `follows` shows what is there now; any other is a snapshot, that of a run ending at event `last_seq` and call
    `last_call`. `author` is the name that its pages tell, None for none; `label` is a note for the owner alone.
    """

    id: str
    scope: ShareScope = "run"
    run_id: str | None = None
    experiment_id: str | None = None
    query: str | None = None
    follows: bool = False
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_seq: int | None = None
    last_call: int | None = None
    with_prompts: bool = True
    with_costs: bool = True
    author: str | None = None
    label: str | None
