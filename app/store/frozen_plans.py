"""A frozen plan as the database keeps it: written within the transaction of whoever freezes it, and read."""

from collections.abc import Sequence
from datetime import UTC, datetime

from pydantic import BaseModel, Field, computed_field
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.commons.plan import ExperimentPlan
from app.store.tables import PlanRow, RunRow

OVER = frozenset({"finished", "cancelled", "failed", "interrupted"})
NAMES = ("experiment_id", "version", "frozen_at", "hash", "reason", "configs", "prompts", "begun", "ended")


class FrozenPlan(BaseModel):
    """One version of a plan. `begun` and `ended` count the runs that had when it was frozen."""

    experiment_id: str
    version: int
    frozen_at: datetime
    plan: ExperimentPlan
    hash: str = Field(description="SHA-256 of the plan's canonical JSON")
    reason: str | None = Field(description="why it replaces the version before")
    configs: dict[str, str] = Field(description="configuration hash of every run there was, by its id")
    prompts: dict[str, str] = Field(description="content hash of each prompt set, by its name")
    begun: int
    ended: int

    @property
    def before_data(self) -> bool:
        """Whether no run had begun."""
        return self.begun == 0

    @property
    def after_all(self) -> bool:
        """Whether all runs had come to an end: such a plan was made with every result at hand."""
        return self.ended > 0 and self.ended == len(self.configs)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def timing(self) -> str:
        """When it was frozen, in words: "before the first run began", "after 3 of 20 runs had ended"."""
        runs = len(self.configs)
        if self.before_data:
            return "before the first run began"
        if self.ended:
            return f"after {self.ended} of {runs} run{'' if runs == 1 else 's'} had ended"
        return f"after {self.begun} of {runs} run{'' if runs == 1 else 's'} had begun, before any had ended"


async def add_plan(
    connection: AsyncConnection,
    experiment_id: str,
    plan: ExperimentPlan,
    *,
    version: int = 1,
    reason: str | None = None,
    launching: bool = False,
) -> FrozenPlan:
    """Store a version with what there is now, in the transaction that *connection* is in.

    Runs that are *launching* in this very transaction have not begun, even if their player holds them already.
    """
    query = select(RunRow.id, RunRow.config_hash, RunRow.prompts, RunRow.state, RunRow.started_at, RunRow.months_played)
    there = RunRow.experiment_id == experiment_id, RunRow.deleted_at.is_(None)
    rows = (await connection.execute(query.where(*there).order_by(RunRow.id))).all()
    ended = [row for row in rows if row.state in OVER]
    begun = [row for row in rows if row.started_at is not None or row.months_played > 0 or row.state in OVER]
    made = FrozenPlan(
        experiment_id=experiment_id,
        version=version,
        frozen_at=datetime.now(UTC),
        plan=plan,
        hash=plan.hash,
        reason=reason,
        configs={row.id: row.config_hash for row in rows},
        prompts={name: digest for row in rows for name, digest in row.prompts.items()},
        begun=0 if launching else len(begun),
        ended=len(ended),
    )
    values = made.model_dump(exclude={"plan", "timing"}) | {"plan": plan.model_dump_json()}
    await connection.execute(insert(PlanRow).values(**values))
    return made


async def read_plans(connection: AsyncConnection, experiment_ids: Sequence[str]) -> list[FrozenPlan]:
    """Return all versions of these experiments' plans, by experiment and version."""
    query = (
        select(PlanRow.__table__)
        .where(PlanRow.experiment_id.in_(experiment_ids))
        .order_by(PlanRow.experiment_id, PlanRow.version)
    )
    return [
        FrozenPlan(**{name: getattr(row, name) for name in NAMES}, plan=ExperimentPlan.model_validate_json(row.plan))
        for row in await connection.execute(query)
    ]
