"""What the API says: its objects, with types and meanings."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.commons.config import EpisodeConfig, ReportStyle
from app.commons.presence import Presence
from app.jobs.local_server import ModelState
from app.jobs.report import run_object
from app.minds.reading import Reading, reading_of
from app.models.check import ModelCheck
from app.models.hub import EndpointView
from app.store.money import Dollars
from app.store.queries import CallDetail
from app.store.records import (
    HIGHEST_PRIORITY,
    LOWEST_PRIORITY,
    Budget,
    CallSummary,
    MindsKind,
    RunRecord,
    RunState,
    ShareRecord,
)
from app.web import urls

MAX_CHECKED = 20
"""Models that are asked at one request: those of a launch, and a few more."""

Outcome = Literal["survived", "collapsed", "censored", "view_only", "undecided"]


class RunMetrics(BaseModel):
    """The metrics of one run; gains in units, ratios in 0..1, null where a metric is not defined (yet)."""

    model_config = ConfigDict(from_attributes=True)

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


class RunOut(BaseModel):
    """A run: what was asked for, how it is doing, what came of it."""

    id: str
    name: str | None
    experiment: str | None = Field(description="the experiment it was launched with")
    page: str = Field(description="the run's page")
    state: RunState
    reason_kind: str | None
    reason: str | None = Field(description="why it is paused, failed or cancelled")
    retry_at: datetime | None = Field(
        description="when a run paused by its endpoint, its model or the disk is tried again; null: not so"
    )
    retries: int = Field(description="which attempt that is, since the run last got on")
    priority: int = Field(description="of queued runs the higher ones are played first")
    control: Literal["pause", "end", "stop"] | None = Field(description="what was asked for and is not done yet")
    origin: Literal["native", "imported"]
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    scenario: str
    condition: str
    minds: MindsKind
    models: str
    seed: int | None
    config: EpisodeConfig
    config_hash: str
    engine_version: str | None
    prompts: dict[str, str] = Field(description="content hashes of the prompt sets it is pinned to")
    outcome: Outcome
    metrics: RunMetrics
    presence: Presence | None = Field(
        default=None, description="where agents join later: metrics since then and per month present; not in lists"
    )
    stock: int | None = Field(description="units in the commons now")
    events: int
    calls: int
    prompt_tokens: int
    completion_tokens: int
    cost: Dollars | None = Field(description="US dollars, of the calls whose price is known")
    unpriced_calls: int
    cost_usd: Dollars | None = Field(description="US dollars; null where the price of any call is unknown")
    budget: Budget = Field(description="what the run may spend: tokens in and out together, US dollars")
    view_only: str | None = Field(description="why the metrics do not apply, if they do not")
    notes: list[str] = Field(description="what an import noticed")
    note: str | None = Field(description="what its owner wrote about it: plain text")
    note_at: datetime | None = Field(description="when the note was last changed")
    tags: list[str] = Field(description="sorted")
    archived_at: datetime | None
    retry_of: str | None = Field(description="the cancelled run that this one tries again")
    model_label: str | None = Field(description="what the definition of its experiment calls those who decide in it")
    dropped: str | None = Field(description="what a retention rule took from the record, and when")


def run_out(run: RunRecord, tags: Sequence[str], presence: Presence | None = None) -> RunOut:
    """Return *run* as the API shows it: what `govsim run --json` prints, and more."""
    same = {name: getattr(run, name) for name in RunOut.model_fields if hasattr(run, name)}
    more: dict[str, Any] = {"presence": presence, "tags": list(tags)}
    more |= {"note": run.owner_note, "note_at": run.owner_note_at}
    more |= {"experiment": run.experiment_id, "page": urls.run(run.id), "metrics": RunMetrics.model_validate(run)}
    return RunOut.model_validate(same | run_object(run) | more)


class RunList(BaseModel):
    """One page of runs; `total` counts all that fit the filter."""

    runs: list[RunOut]
    total: int
    offset: int
    limit: int


class Launched(BaseModel):
    """What a launch made."""

    experiment: str | None
    runs: list[str]
    page: str = Field(description="where to look at it")


class StateOut(BaseModel):
    """The state a run is in after a control."""

    id: str
    state: RunState


class PriorityIn(BaseModel):
    """Where in the queue a run shall stand."""

    model_config = ConfigDict(extra="forbid")

    priority: int = Field(ge=LOWEST_PRIORITY, le=HIGHEST_PRIORITY)


class EventsOut(BaseModel):
    """A stretch of a run's events. `next` is what to give as `after` for more; null at the end of what is stored."""

    events: list[dict[str, Any]] = Field(description="`seq` and the event's own fields")
    next: int | None
    state: RunState


class CallsOut(BaseModel):
    """Calls of a run without their texts, in the order they were recorded."""

    calls: list[CallSummary]


class CallOut(CallDetail):
    """A call with its prompt and completion."""

    reading: Reading | None = Field(default=None, description="where the number it answers with was read; else null")


def call_out(call: CallDetail) -> CallOut:
    """Return *call* as the API shows it."""
    reading = None if call.answer is None else reading_of(call.purpose, call.answer.text)
    return CallOut(**call.model_dump(), reading=reading)


class ScenarioOut(BaseModel):
    """A scenario that can be launched."""

    id: str
    label: str
    summary: tuple[str, ...]
    unit: str
    agents: tuple[str, ...]


class ConditionOut(BaseModel):
    """A condition that can be launched, and what it sets unless a launch says otherwise."""

    id: str
    label: str
    summary: str
    universalization: bool
    talk: bool
    report: ReportStyle
    observe_others: bool
    home: bool
    months: int


class ModelsOut(BaseModel):
    """The minds that can be launched: policies, and models by endpoint. Never a key."""

    policies: tuple[str, ...]
    models: tuple[str, ...]
    endpoints: tuple[EndpointView, ...]
    local: list[ModelState] = Field(description="the models on this machine, and how each is now")


class MetricOut(BaseModel):
    """A metric of one run: what it is, when a run has none, and what is told of a group of runs."""

    name: str
    label: str
    formula: str = Field(description="its name on the page, which has it as mathematics; empty where words define it")
    definition: str
    undefined: str
    group: str
    page: str = Field(description="where it is defined")


class MethodsOut(BaseModel):
    """The metrics, and the versions of the program and its rules."""

    version: str
    engine_version: str
    metrics: list[MetricOut]


class CheckIn(BaseModel):
    """Which models to ask."""

    model_config = ConfigDict(extra="forbid")

    models: Annotated[list[Annotated[str, Field(max_length=250)]], Field(min_length=1, max_length=MAX_CHECKED)]


class ChecksOut(BaseModel):
    """What became of one tiny call to each model."""

    checks: list[ModelCheck]


class ShareOut(ShareRecord):
    """An issued link; its token is told once, when it is made."""


class ShareMade(BaseModel):
    """A new link. `link` cannot be had again."""

    share: ShareOut
    link: str


class ShareList(BaseModel):
    """Issued links, newest first."""

    shares: list[ShareOut]


class PromptSetOut(BaseModel):
    """A prompt set: all its files, and which of them are its own where it extends another."""

    name: str
    version: str | None
    hash: str | None = Field(description="the SHA-256 that runs are pinned to")
    description: str | None
    extends: str | None
    own: tuple[str, ...]
    files: dict[str, str]
    problem: str | None = Field(description="why it cannot be used, if it cannot")
