"""Frozen plans of experiments: versions that never change, with what there was when each was frozen."""

from collections.abc import Sequence

from sqlalchemy import select

from app.commons.plan import ExperimentPlan
from app.store.connect import Database
from app.store.frozen_plans import FrozenPlan, add_plan, read_plans
from app.store.runs import UnknownExperiment
from app.store.tables import ExperimentRow


class PlanRefused(ValueError):
    """A plan that cannot be frozen; `fields` says what is wrong with which part."""

    def __init__(self, fields: dict[str, str]) -> None:
        super().__init__(" ".join(fields.values()))
        self.fields = fields


class PlanConflict(Exception):
    """Somebody else froze a plan of this experiment meanwhile."""


async def freeze_plan(
    database: Database, experiment_id: str, plan: ExperimentPlan, *, version: int, reason: str | None = None
) -> FrozenPlan:
    """Freeze *plan* as the next version of an experiment's plan and return it; earlier versions stay.

    Args:
        database: where.
        experiment_id: whose plan.
        plan: what is frozen.
        version: the last version that is known, 0 for none.
        reason: why a later version replaces the one before.

    Raises:
        UnknownExperiment: if there is no such experiment.
        PlanConflict: if there is a later version than *version*.
        PlanRefused: if it is the same as before, or a later version says no reason.
    """
    async with database.write() as connection:
        # Whoever freezes a plan of the same experiment waits here, so versions have no gaps and no doubles.
        held = select(ExperimentRow.id).where(ExperimentRow.id == experiment_id, ExperimentRow.deleted_at.is_(None))
        if (await connection.execute(held.with_for_update())).first() is None:
            raise UnknownExperiment(experiment_id)
        known = await read_plans(connection, [experiment_id])
        if version != len(known):
            raise PlanConflict("This plan was frozen anew meanwhile. Look at the latest version first.")
        if known and known[-1].plan == plan:
            raise PlanRefused({"plan": "This is the plan that is frozen already."})
        if known and not (reason or "").strip():
            raise PlanRefused({"reason": "Say why the plan changes."})
        return await add_plan(
            connection, experiment_id, plan, version=len(known) + 1, reason=(reason or "").strip() or None
        )


async def plans_of(database: Database, experiment_ids: Sequence[str]) -> dict[str, list[FrozenPlan]]:
    """Return all versions of these experiments' plans, oldest first; those without a plan are left out."""
    found: dict[str, list[FrozenPlan]] = {}
    if experiment_ids:
        async with database.read() as connection:
            for version in await read_plans(connection, experiment_ids):
                found.setdefault(version.experiment_id, []).append(version)
    return found
