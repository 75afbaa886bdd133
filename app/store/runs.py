"""Runs: created with all they need, and read one by one."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.commons.config import EpisodeConfig, GenerativeFramework, GenerativeMind, RecordedMind, ScriptedMind
from app.commons.metrics import EpisodeMetrics
from app.commons.plan import ExperimentPlan
from app.store.connect import Database
from app.store.frozen_plans import add_plan
from app.store.ids import new_id
from app.store.prompt_sets import save_prompt_set
from app.store.records import NO_BUDGET, Budget, RunRecord, RunState
from app.store.tables import ExperimentRow, RunLogRow, RunRow
from app.store.upsert import insert_into


class UnknownRun(LookupError):
    """There is no run of this id."""


class DeletedRun(UnknownRun):
    """The run of this id was deleted, at *moment*; it may be brought back for a while."""

    def __init__(self, run_id: str, moment: datetime) -> None:
        super().__init__(run_id)
        self.moment = moment


class UnknownExperiment(LookupError):
    """There is no experiment of this id."""


class SeedsThere(ValueError):
    """An experiment has runs of these seeds already; the message names them."""


def now() -> datetime:
    """Return this moment in UTC."""
    return datetime.now(UTC)


def describe_minds(config: EpisodeConfig) -> tuple[str, str]:
    """Return what kind of minds an episode has, and a short text naming the models or policies."""
    names: dict[str, int] = {}
    kinds = set()
    for agent in config.agents:
        mind = agent.mind
        if isinstance(mind, ScriptedMind):
            label, kind = f"scripted: {mind.policy}", "scripted"
        elif isinstance(mind, GenerativeMind):
            label, kind = mind.model, "generative"
        else:
            label, kind = mind.model or "unknown model", "imported"
        names[label] = names.get(label, 0) + 1
        kinds.add(kind)
    text = ", ".join(f"{label} ×{count}" if len(names) > 1 else label for label, count in names.items())
    return (kinds.pop() if len(kinds) == 1 else "mixed"), text[:400]


def run_values(config: EpisodeConfig, *, state: RunState, experiment: str | None = None) -> dict[str, Any]:
    """Return the column values of a new run of *config*."""
    kind, models = describe_minds(config)
    return {
        "id": new_id("r"),
        "experiment_id": experiment,
        "created_at": now(),
        "origin": "imported" if any(isinstance(a.mind, RecordedMind) for a in config.agents) else "native",
        "config": config.model_dump_json(),
        "config_hash": config.hash,
        "prompts": {},
        "scenario": config.scenario,
        "condition": config.condition,
        "minds": kind,
        "models": models,
        "seed": config.seed,
        "months": config.game.months,
        "state": state,
        "gains": {},
        "notes": [],
    }


def prompt_names(config: EpisodeConfig) -> set[str]:
    """Return the names of the prompt sets that an episode uses."""
    minds = [agent.mind for agent in config.agents] + [config.framework]
    return {mind.prompts for mind in minds if isinstance(mind, GenerativeMind | GenerativeFramework)}


async def add_log(connection: AsyncConnection, run_id: str, kind: str, text: str) -> None:
    """Write a line into a run's log."""
    await connection.execute(insert(RunLogRow).values(run_id=run_id, at=now(), kind=kind, text=text))


async def launch(
    database: Database,
    configs: Sequence[EpisodeConfig],
    *,
    prompt_sets: dict[str, dict[str, str]],
    engine_version: str,
    experiment: str | None = None,
    submission: str | None = None,
    owner: str | None = None,
    pace_ms: int = 0,
    priority: int = 0,
    budget: Budget = NO_BUDGET,
    shared: Budget = NO_BUDGET,
    definition: str | None = None,
    labels: Sequence[str] = (),
    plan: ExperimentPlan | None = None,
    into: str | None = None,
) -> tuple[str | None, list[str]]:
    """Store new runs, all or none, and return the experiment's id and the runs'.

    Args:
        database: where.
        configs: one configuration a run.
        prompt_sets: files of each prompt set that the configurations name; pinned with the run.
        engine_version: pinned with the run.
        experiment: the name of the experiment to make for them; None makes none.
        submission: a token of the form; the same one again returns what the first one made.
        pace_ms: how long scripted minds wait before they answer, for runs that are to be watched.
        priority: queued runs of a higher priority are played first, LOWEST_PRIORITY to HIGHEST_PRIORITY.
        owner: if given, the runs are born playing, owned by it with epoch 1 (`govsim run`); else queued.
        budget: what each run may spend.
        shared: what all of them may spend together; without an experiment to keep it, it is not kept.
        definition: the canonical TOML of the grid that they are, kept with the experiment.
        labels: what the definition calls the model of each of them; empty without a definition.
        plan: frozen with the experiment, before any run begins.
        into: the experiment that they are added to; it must have no run of their seeds.

    Raises:
        UnknownExperiment: if *into* names none.
        SeedsThere: if it has runs of these seeds.
    """
    async with database.write() as connection:
        experiment_id = into
        if into is not None:
            await _require_new_seeds(connection, into, {config.seed for config in configs})
        elif experiment is not None:
            experiment_id = await _new_experiment(connection, experiment, submission, shared, definition)
            if experiment_id is None:
                return await _of_submission(connection, submission)
        # Always in one order: two launches that store the same sets wait for each other, never in a circle.
        sets = sorted(prompt_sets.items())
        hashes = {name: await save_prompt_set(connection, name, files) for name, files in sets}
        ids, moment = [], now()
        for number, config in enumerate(configs):
            values = run_values(config, state="playing" if owner else "queued", experiment=experiment_id)
            values |= {"engine_version": engine_version, "pace_ms": pace_ms, "priority": priority}
            values |= {"budget_tokens": budget.tokens, "budget_cost": budget.cost}
            # The queue goes by age: the order of the configurations is the order in which they are played.
            values |= {"created_at": moment + timedelta(microseconds=number)}
            values |= {"model_label": labels[number] if labels else None}
            values["prompts"] = {name: hashes[name] for name in sorted(prompt_names(config))}
            if owner:
                values |= {"owner": owner, "heartbeat": now(), "epoch": 1, "started_at": now()}
            await connection.execute(insert(RunRow).values(**values))
            await add_log(connection, values["id"], "state", "Playing." if owner else "Queued.")
            ids.append(values["id"])
        if plan is not None and experiment_id is not None:
            await add_plan(connection, experiment_id, plan, launching=True)
        return experiment_id, ids


async def _require_new_seeds(connection: AsyncConnection, experiment_id: str, seeds: set[int]) -> None:
    """Hold an experiment, so that nobody else adds to it meanwhile, and refuse seeds that it has."""
    there = select(ExperimentRow.id).where(ExperimentRow.id == experiment_id, ExperimentRow.deleted_at.is_(None))
    if (await connection.execute(there.with_for_update())).first() is None:
        raise UnknownExperiment(experiment_id)
    query = select(RunRow.seed).where(
        RunRow.experiment_id == experiment_id, RunRow.seed.in_(sorted(seeds)), RunRow.deleted_at.is_(None)
    )
    known = sorted({row.seed for row in await connection.execute(query)})
    if known:
        raise SeedsThere(f"The experiment has runs of seed {', '.join(map(str, known[:10]))} already.")


async def _new_experiment(
    connection: AsyncConnection, name: str, submission: str | None, budget: Budget, definition: str | None
) -> str | None:
    """Store an experiment and return its id, or None if one of this submission is there.

    Another process that is storing one of the same submission is waited for.
    """
    statement = (
        insert_into(connection, ExperimentRow)
        .values(
            id=new_id("x"),
            name=name,
            created_at=now(),
            submission=submission,
            budget_tokens=budget.tokens,
            budget_cost=budget.cost,
            definition=definition,
        )
        .on_conflict_do_nothing(index_elements=["submission"])
        .returning(ExperimentRow.id)
    )
    return (await connection.execute(statement)).scalar()


async def _of_submission(connection: AsyncConnection, submission: str | None) -> tuple[str, list[str]]:
    query = (
        select(ExperimentRow.id, RunRow.id.label("run_id"))
        .join(RunRow, RunRow.experiment_id == ExperimentRow.id)
        .where(ExperimentRow.submission == submission)
        .order_by(RunRow.created_at, RunRow.id)
    )
    rows = (await connection.execute(query)).all()
    return rows[0].id, [row.run_id for row in rows]


async def get_run(database: Database, run_id: str, *, deleted: bool = False) -> RunRecord:
    """Return a run; with *deleted*, also one that was deleted.

    Raises:
        UnknownRun: if there is none of this id; DeletedRun if it was deleted.
    """
    async with database.read() as connection:
        row = (await connection.execute(select(RunRow.__table__).where(RunRow.id == run_id))).first()
    if row is None:
        raise UnknownRun(run_id)
    if row.deleted_at is not None and not deleted:
        raise DeletedRun(run_id, row.deleted_at)
    return RunRecord.model_validate(row)


def metric_columns(metrics: EpisodeMetrics) -> dict[str, Any]:
    """Return the metric columns of the run table."""
    return metrics.model_dump()
