"""The tables. One portable schema for SQLite and PostgreSQL; Alembic (migrations/) owns it.

Truth is in two append-only logs, `event` and `call`; `run_log` holds what happened *to* a run. The metric and progress
columns of `run` are copies for lists, written together with the events they come from.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from app.store.types import UtcDateTime, Whole, Words

DELETED = text("deleted_at IS NOT NULL")


class Base(DeclarativeBase):
    """The schema's registry."""

    type_annotation_map = {  # noqa: RUF012
        datetime: UtcDateTime,
        int: Whole,
        dict[str, Any]: JSON,
        list[str]: JSON,
    }


class ExperimentRow(Base):
    """Runs launched together; `definition` is the canonical TOML of the grid they were launched as, if they were."""

    __tablename__ = "experiment"

    id: Mapped[str] = mapped_column(Words(16), primary_key=True)
    name: Mapped[str] = mapped_column(Words(200))
    created_at: Mapped[datetime]
    created_by: Mapped[str | None] = mapped_column(Words(100))
    submission: Mapped[str | None] = mapped_column(Words(64), unique=True)
    budget_tokens: Mapped[int | None]
    budget_cost: Mapped[float | None] = mapped_column(Float(53))
    archived_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]
    definition: Mapped[str | None] = mapped_column(Words())


class RunRow(Base):
    """A run: an episode's record, state and address.

    `notes` are what an import noticed; `owner_note` is what people wrote about the run; `model_label` is what the
    definition of its experiment calls those who decide in it.
    """

    __tablename__ = "run"
    __table_args__ = (
        Index("ix_run_state_created", "state", "created_at", "archived_at", "deleted_at"),
        Index("ix_run_created", "created_at"),
        Index("ix_run_log_sha256", "log_sha256"),
        # Of the few deleted runs only: lists, which want all others, must not be led through it.
        Index("ix_run_deleted_at", "deleted_at", sqlite_where=DELETED, postgresql_where=DELETED),
        # All that lists filter and sort by, so that they read no wide rows.
        Index(
            "ix_run_lists",
            *("scenario", "condition", "state", "minds", "models", "name", "experiment_id"),
            *("survived", "censored", "unreadable", "origin", "archived_at", "deleted_at"),
            *("created_at", "survival_time", "mean_gain", "efficiency", "equality", "over_usage", "id"),
        ),
    )

    id: Mapped[str] = mapped_column(Words(16), primary_key=True)
    experiment_id: Mapped[str | None] = mapped_column(ForeignKey("experiment.id"), index=True)
    name: Mapped[str | None] = mapped_column(Words(200))
    created_at: Mapped[datetime]
    created_by: Mapped[str | None] = mapped_column(Words(100))
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]

    origin: Mapped[str] = mapped_column(Words(10), default="native")
    config: Mapped[str] = mapped_column(Words())
    config_hash: Mapped[str] = mapped_column(Words(64), index=True)
    engine_version: Mapped[str | None] = mapped_column(Words(20))
    prompts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    scenario: Mapped[str] = mapped_column(Words(40))
    condition: Mapped[str] = mapped_column(Words(80))
    minds: Mapped[str] = mapped_column(Words(10))
    models: Mapped[str] = mapped_column(Words(400))
    seed: Mapped[int | None]
    months: Mapped[int]
    pace_ms: Mapped[int] = mapped_column(default=0)
    priority: Mapped[int] = mapped_column(SmallInteger, default=0)

    state: Mapped[str] = mapped_column(Words(12))
    reason_kind: Mapped[str | None] = mapped_column(Words(12))
    reason: Mapped[str | None] = mapped_column(Words())
    control: Mapped[str | None] = mapped_column(Words(8))
    owner: Mapped[str | None] = mapped_column(Words(120))
    heartbeat: Mapped[datetime | None]
    epoch: Mapped[int] = mapped_column(default=0)
    fruitless: Mapped[int] = mapped_column(default=0)
    retry_at: Mapped[datetime | None]
    retries: Mapped[int] = mapped_column(default=0, server_default="0")
    waits_for: Mapped[str | None] = mapped_column(Words(240), index=True)

    stock: Mapped[int | None]
    months_played: Mapped[int] = mapped_column(default=0)
    survival_time: Mapped[int | None]
    survived: Mapped[bool | None]
    collapsed: Mapped[bool | None]
    censored: Mapped[bool | None]
    gains: Mapped[dict[str, Any]] = mapped_column(default=dict)
    total_gain: Mapped[int | None]
    mean_gain: Mapped[float | None] = mapped_column(Float(53))
    efficiency: Mapped[float | None] = mapped_column(Float(53))
    equality: Mapped[float | None] = mapped_column(Float(53))
    over_usage: Mapped[float | None] = mapped_column(Float(53))
    over_usage_asked: Mapped[float | None] = mapped_column(Float(53))
    unreadable: Mapped[int] = mapped_column(default=0)

    events: Mapped[int] = mapped_column(default=0)
    calls: Mapped[int] = mapped_column(default=0)
    prompt_tokens: Mapped[int] = mapped_column(default=0)
    completion_tokens: Mapped[int] = mapped_column(default=0)
    cost: Mapped[float | None] = mapped_column(Float(53))
    unpriced_calls: Mapped[int] = mapped_column(default=0)
    budget_tokens: Mapped[int | None]
    budget_cost: Mapped[float | None] = mapped_column(Float(53))

    prompts_dropped_at: Mapped[datetime | None]
    calls_dropped_at: Mapped[datetime | None]
    dropped_by: Mapped[str | None] = mapped_column(Words(80))

    view_only: Mapped[str | None] = mapped_column(Words())
    source: Mapped[str | None] = mapped_column(Words(), unique=True)
    log_sha256: Mapped[str | None] = mapped_column(Words(64))
    notes: Mapped[list[str]] = mapped_column(default=list)

    owner_note: Mapped[str | None] = mapped_column(Words())
    owner_note_at: Mapped[datetime | None]
    archived_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]
    retry_of: Mapped[str | None] = mapped_column(Words(16), index=True)
    model_label: Mapped[str | None] = mapped_column(Words(80))


class RunTagRow(Base):
    """A word that an owner put on a run."""

    __tablename__ = "run_tag"

    run_id: Mapped[str] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), primary_key=True)
    tag: Mapped[str] = mapped_column(Words(40), primary_key=True, index=True)


class EventRow(Base):
    """One event of a run; `payload` is its canonical JSON, whole."""

    __tablename__ = "event"

    run_id: Mapped[str] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    month: Mapped[int]
    phase: Mapped[str] = mapped_column(Words(12))
    kind: Mapped[str] = mapped_column(Words(20))
    agent: Mapped[str | None] = mapped_column(Words(40))
    payload: Mapped[str] = mapped_column(Words())


class CallRow(Base):
    """One call of a run. `request` is a compressed list of roles and segment numbers (codec.py), or empty: dropped.

    `decoding` is `app.models.decoding.Decoding` as JSON, where the endpoint said how it made the answer.
    """

    __tablename__ = "call"
    __table_args__ = (Index("ix_call_run_month", "run_id", "month"),)

    run_id: Mapped[str] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(Words(160), primary_key=True)
    seq: Mapped[int]
    month: Mapped[int]
    phase: Mapped[str] = mapped_column(Words(12))
    agent: Mapped[str] = mapped_column(Words(40))
    purpose: Mapped[str] = mapped_column(Words(40))
    item: Mapped[str] = mapped_column(Words(40))
    attempt: Mapped[int]
    model: Mapped[str] = mapped_column(Words(200))
    sampling: Mapped[str | None] = mapped_column(Words())
    request_hash: Mapped[str] = mapped_column(Words(64))
    request: Mapped[bytes] = mapped_column(LargeBinary)
    completion: Mapped[bytes | None] = mapped_column(LargeBinary)
    thinking: Mapped[bytes | None] = mapped_column(LargeBinary)
    prompt_tokens: Mapped[int | None]
    completion_tokens: Mapped[int | None]
    finish_reason: Mapped[str | None] = mapped_column(Words(60))
    model_revision: Mapped[str | None] = mapped_column(Words(200))
    fingerprint: Mapped[str | None] = mapped_column(Words(200))
    provider: Mapped[str | None] = mapped_column(Words(200))
    latency_ms: Mapped[int | None]
    transport_attempts: Mapped[int]
    cost: Mapped[float | None] = mapped_column(Float(53))
    decoding: Mapped[str | None] = mapped_column(Words())
    error: Mapped[str | None] = mapped_column(Words())


class SegmentRow(Base):
    """A piece of prompt text, stored once a run and numbered from 0."""

    __tablename__ = "segment"

    run_id: Mapped[str] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), primary_key=True)
    no: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[bytes] = mapped_column(LargeBinary)


class RunLogRow(Base):
    """Something that happened to a run: a state, a pause, an error."""

    __tablename__ = "run_log"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), index=True)
    at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(Words(20))
    text: Mapped[str] = mapped_column(Words())


class CorrectionRow(Base):
    """One version of what a person says about the limit of a month's talk; rows never change (corrections.py)."""

    __tablename__ = "correction"

    run_id: Mapped[str] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), primary_key=True)
    month: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    author: Mapped[str] = mapped_column(Words(100))
    read: Mapped[int | None]
    before: Mapped[int | None]
    limit: Mapped[int | None]
    withdrawn: Mapped[bool] = mapped_column(default=False)
    note: Mapped[str | None] = mapped_column(Words())


class PlanRow(Base):
    """One version of the plan of an experiment, as it was frozen; rows never change (plans.py).

    `configs` names the configuration of every run there was, `prompts` the prompt sets, `reason` says why it changed.
    """

    __tablename__ = "experiment_plan"

    experiment_id: Mapped[str] = mapped_column(ForeignKey("experiment.id", ondelete="CASCADE"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    frozen_at: Mapped[datetime]
    plan: Mapped[str] = mapped_column(Words())
    hash: Mapped[str] = mapped_column(Words(64))
    reason: Mapped[str | None] = mapped_column(Words(1000))
    configs: Mapped[dict[str, Any]]
    prompts: Mapped[dict[str, Any]]
    begun: Mapped[int]
    ended: Mapped[int]


class WorkerRow(Base):
    """A process that plays runs, as it last reported; `heartbeat` is by the database's clock.

    `calls_per_minute` gives, for each run it plays, the requests its models answered lately.
    """

    __tablename__ = "worker"
    __table_args__ = {"info": {"transient": True}}  # noqa: RUF012

    id: Mapped[str] = mapped_column(Words(120), primary_key=True)
    role: Mapped[str] = mapped_column(Words(12))
    host: Mapped[str] = mapped_column(Words(100))
    pid: Mapped[int]
    version: Mapped[str] = mapped_column(Words(40))
    started_at: Mapped[datetime]
    heartbeat: Mapped[datetime]
    capacity: Mapped[int]
    playing: Mapped[int]
    testing: Mapped[int]
    stopping: Mapped[bool]
    calls_per_minute: Mapped[dict[str, Any]]


class EndpointTotalRow(Base):
    """How often something happened at an endpoint, all processes together; it only ever grows (usage.py)."""

    __tablename__ = "endpoint_total"

    endpoint: Mapped[str] = mapped_column(Words(40), primary_key=True)
    measure: Mapped[str] = mapped_column(Words(40), primary_key=True)
    value: Mapped[int]


class EndpointMinuteRow(Base):
    """What an endpoint did in one minute, all processes together; kept for a day. `cost` is in US dollars."""

    __tablename__ = "endpoint_minute"
    __table_args__ = (Index("ix_endpoint_minute_minute", "minute"),)

    endpoint: Mapped[str] = mapped_column(Words(40), primary_key=True)
    minute: Mapped[datetime] = mapped_column(primary_key=True)
    answered: Mapped[int]
    failed: Mapped[int]
    latency_ms: Mapped[int]
    prompt_tokens: Mapped[int]
    completion_tokens: Mapped[int]
    cost: Mapped[float] = mapped_column(Float(53))
    unpriced: Mapped[int]


class UsageDayRow(Base):
    """What a run, or a run of subskill tests, used on one UTC day, written 2026-11-02.

    It outlives its subject: what is spent is spent.
    """

    __tablename__ = "usage_day"

    day: Mapped[str] = mapped_column(Words(10), primary_key=True)
    subject: Mapped[str] = mapped_column(Words(16), primary_key=True)
    calls: Mapped[int]
    prompt_tokens: Mapped[int]
    completion_tokens: Mapped[int]
    cost: Mapped[float] = mapped_column(Float(53))
    unpriced: Mapped[int]


class PromptSetRow(Base):
    """A prompt set as some run used it, by content hash."""

    __tablename__ = "prompt_set"

    hash: Mapped[str] = mapped_column(Words(64), primary_key=True)
    name: Mapped[str] = mapped_column(Words(60))
    files: Mapped[bytes] = mapped_column(LargeBinary)


class ShareRow(Base):
    """An issued share link. Only the token's hash is kept; `last_seq` and `last_call` bound the snapshot of a run."""

    __tablename__ = "share"

    id: Mapped[str] = mapped_column(Words(16), primary_key=True)
    token_hash: Mapped[str] = mapped_column(Words(64), unique=True)
    scope: Mapped[str] = mapped_column(Words(12), default="run")
    run_id: Mapped[str | None] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), index=True)
    experiment_id: Mapped[str | None] = mapped_column(
        ForeignKey("experiment.id", name="fk_share_experiment_id_experiment", ondelete="CASCADE"), index=True
    )
    query: Mapped[str | None] = mapped_column(Words())
    follows: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_seq: Mapped[int | None]
    last_call: Mapped[int | None]
    with_prompts: Mapped[bool] = mapped_column(default=True)
    with_costs: Mapped[bool] = mapped_column(default=True)
    author: Mapped[str | None] = mapped_column(Words(200))
    label: Mapped[str | None] = mapped_column(Words(200))


class SharedRunRow(Base):
    """A run of a shared experiment or comparison, and the last event and call of it that a snapshot shows."""

    __tablename__ = "share_run"

    share_id: Mapped[str] = mapped_column(ForeignKey("share.id", ondelete="CASCADE"), primary_key=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), primary_key=True, index=True)
    last_seq: Mapped[int | None]
    last_call: Mapped[int | None]


class SubskillRunRow(Base):
    """One model's subskill tests in one scenario; the counts are copies for lists, written together with the cases."""

    __tablename__ = "subskill_run"
    __table_args__ = (
        UniqueConstraint("submission", "scenario"),
        Index("ix_subskill_run_state_created", "state", "created_at"),
    )

    id: Mapped[str] = mapped_column(Words(16), primary_key=True)
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    submission: Mapped[str | None] = mapped_column(Words(64))

    origin: Mapped[str] = mapped_column(Words(10), default="native")
    test_set: Mapped[str] = mapped_column(Words(60))
    set_id: Mapped[str] = mapped_column(Words(16), index=True)
    model: Mapped[str] = mapped_column(Words(200))
    scenario: Mapped[str] = mapped_column(Words(40))
    seed: Mapped[int | None] = mapped_column(BigInteger)
    cases: Mapped[int]
    tests: Mapped[list[str]]
    sampling: Mapped[str | None] = mapped_column(Words())
    prompts: Mapped[dict[str, Any]] = mapped_column(default=dict)

    state: Mapped[str] = mapped_column(Words(12))
    reason_kind: Mapped[str | None] = mapped_column(Words(12))
    reason: Mapped[str | None] = mapped_column(Words())
    control: Mapped[str | None] = mapped_column(Words(8))
    owner: Mapped[str | None] = mapped_column(Words(120))
    heartbeat: Mapped[datetime | None]
    epoch: Mapped[int] = mapped_column(default=0)
    fruitless: Mapped[int] = mapped_column(default=0)
    retry_at: Mapped[datetime | None]
    retries: Mapped[int] = mapped_column(default=0, server_default="0")
    waits_for: Mapped[str | None] = mapped_column(Words(240), index=True)

    total: Mapped[int]
    done: Mapped[int] = mapped_column(default=0)
    passed: Mapped[int] = mapped_column(default=0)
    unreadable: Mapped[int] = mapped_column(default=0)
    calls: Mapped[int] = mapped_column(default=0)
    prompt_tokens: Mapped[int] = mapped_column(default=0)
    completion_tokens: Mapped[int] = mapped_column(default=0)
    cost: Mapped[float | None] = mapped_column(Float(53))
    unpriced_calls: Mapped[int] = mapped_column(default=0)

    source: Mapped[str | None] = mapped_column(Words())
    content_sha256: Mapped[str | None] = mapped_column(Words(64), unique=True)
    notes: Mapped[list[str]] = mapped_column(default=list)


class SubskillCaseRow(Base):
    """One question of a test and what came of it; `attempts` is 0 until it has been answered."""

    __tablename__ = "subskill_case"

    run_id: Mapped[str] = mapped_column(ForeignKey("subskill_run.id", ondelete="CASCADE"), primary_key=True)
    test: Mapped[str] = mapped_column(Words(80), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    agent: Mapped[str] = mapped_column(Words(40))
    stock: Mapped[int]
    amount: Mapped[int | None]
    low: Mapped[int]
    high: Mapped[int]
    prompt_hash: Mapped[str] = mapped_column(Words(64))
    attempts: Mapped[int] = mapped_column(default=0)
    answer: Mapped[int | None] = mapped_column(BigInteger)
    passed: Mapped[bool | None]


class SubskillCallRow(Base):
    """One call of a case: its messages, compressed, and the completion (None where an imported one is missing)."""

    __tablename__ = "subskill_call"

    run_id: Mapped[str] = mapped_column(ForeignKey("subskill_run.id", ondelete="CASCADE"), primary_key=True)
    test: Mapped[str] = mapped_column(Words(80), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    attempt: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(Words(200))
    request_hash: Mapped[str] = mapped_column(Words(64))
    messages: Mapped[bytes] = mapped_column(LargeBinary)
    completion: Mapped[bytes | None] = mapped_column(LargeBinary)
    thinking: Mapped[bytes | None] = mapped_column(LargeBinary)
    prompt_tokens: Mapped[int | None]
    completion_tokens: Mapped[int | None]
    finish_reason: Mapped[str | None] = mapped_column(Words(60))
    model_revision: Mapped[str | None] = mapped_column(Words(200))
    fingerprint: Mapped[str | None] = mapped_column(Words(200))
    provider: Mapped[str | None] = mapped_column(Words(200))
    latency_ms: Mapped[int | None]
    transport_attempts: Mapped[int]
    cost: Mapped[float | None] = mapped_column(Float(53))


class EndpointAccountRow(Base):
    """What the processes on this database do at an endpoint now: their places, and the last minute's use.

    `account` is `app.models.account.Account` as JSON, since it is only ever read and written whole.
    """

    __tablename__ = "endpoint_account"
    __table_args__ = {"info": {"transient": True}}  # noqa: RUF012

    name: Mapped[str] = mapped_column(Words(40), primary_key=True)
    account: Mapped[str] = mapped_column(Words())
