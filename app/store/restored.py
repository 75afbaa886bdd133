"""Runs that come back from a bundle: written whole, in one transaction, with what only their record can say."""

import asyncio
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from sqlalchemy import insert, select, update

from app.commons.config import EpisodeConfig
from app.commons.events import Event, event_json
from app.commons.metrics import episode_metrics, harvests
from app.models.base import RecordedCall
from app.store.codec import SegmentBook, pack
from app.store.connect import Database
from app.store.ids import new_id
from app.store.prompt_sets import save_prompt_set
from app.store.recorder import call_values
from app.store.runs import add_log, metric_columns, now, run_values
from app.store.tables import Base, CallRow, EventRow, ExperimentRow, RunRow, SegmentRow


class RestoredRun(BaseModel):
    """A run as a bundle holds it, checked. `prompt_sets` are the files of the sets it was pinned to, by name."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: str | None
    origin: Literal["native", "imported"]
    state: Literal["finished", "cancelled", "failed", "interrupted"]
    reason_kind: str | None
    reason: str | None
    seed: int | None
    models: str
    engine_version: str | None
    view_only: str | None
    log_sha256: str | None
    notes: list[str]
    config_text: str
    config: EpisodeConfig
    events: tuple[Event, ...]
    calls: tuple[RecordedCall, ...]
    prompt_sets: dict[str, dict[str, str]]


class RestoredExperiment(BaseModel):
    """An experiment as a bundle holds it: its name, the definition it was launched as, its runs by their ids there."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    runs: tuple[str, ...]
    definition: str | None = None


class Restored(BaseModel):
    """What a bundle holds, checked."""

    model_config = ConfigDict(frozen=True)

    runs: tuple[RestoredRun, ...]
    experiments: tuple[RestoredExperiment, ...] = ()


async def restore(database: Database, what: Restored) -> list[tuple[str, str, bool]]:
    """Store the runs of a bundle, then its experiments; return each run's id there and here, and whether it is new."""
    stored = [(run.id, *await restore_run(database, run)) for run in what.runs]
    here = {there: run_id for there, run_id, _ in stored}
    for experiment in what.experiments:
        await restore_experiment(database, experiment, here)
    return stored


async def restore_experiment(database: Database, experiment: RestoredExperiment, here: Mapping[str, str]) -> str | None:
    """Put the runs of a restored experiment together again and return its id; None where all have one already.

    It keeps its id where that is free or is its own. Runs that belong to an experiment here stay in it.

    Args:
        database: where.
        experiment: as the bundle holds it.
        here: the ids that its runs have here, by those in the bundle.
    """
    ids = [here[run] for run in experiment.runs if run in here]
    async with database.write() as connection:
        loose = select(RunRow.id).where(RunRow.id.in_(ids), RunRow.experiment_id.is_(None)).with_for_update()
        free = [row.id for row in await connection.execute(loose)]
        if not free:
            return None
        same = select(ExperimentRow.name, ExperimentRow.definition).where(ExperimentRow.id == experiment.id)
        there = (await connection.execute(same)).first()
        found = experiment.id
        if there is not None and (there.name, there.definition) != (experiment.name, experiment.definition):
            found, there = new_id("x"), None
        if there is None:
            values = {"id": found, "name": experiment.name, "created_at": now(), "definition": experiment.definition}
            await connection.execute(insert(ExperimentRow).values(**values))
        await connection.execute(update(RunRow).where(RunRow.id.in_(free)).values(experiment_id=found))
    return found


async def restore_run(database: Database, run: RestoredRun) -> tuple[str, bool]:
    """Store a run and return its id, and whether it is new here.

    It keeps its id where that is free. The same run again, events and all, is found and not stored twice.
    """
    if await _is_here(database, run):
        return run.id, False
    values, tables = await asyncio.to_thread(_rows, run)
    async with database.write() as connection:
        taken = await connection.execute(select(RunRow.id).where(RunRow.id == run.id))
        run_id = new_id("r") if taken.first() else run.id
        # Always in one order: two imports that store the same sets wait for each other, never in a circle.
        sets = sorted(run.prompt_sets.items())
        prompts = {name: await save_prompt_set(connection, name, files) for name, files in sets}
        await connection.execute(insert(RunRow).values(**values | {"id": run_id, "prompts": prompts}))
        for table, rows in tables:
            if rows:
                await connection.execute(insert(table), [row | {"run_id": run_id} for row in rows])
        await add_log(connection, run_id, "import", f"Imported from a bundle, there run {run.id}.")
    return run_id, True


async def _is_here(database: Database, run: RestoredRun) -> bool:
    """Tell whether the run of this id is this very run: the same configuration and events."""
    async with database.read() as connection:
        there = RunRow.id == run.id, RunRow.config_hash == run.config.hash, RunRow.deleted_at.is_(None)
        if (await connection.execute(select(RunRow.id).where(*there))).first() is None:
            return False
        events = select(EventRow.payload).where(EventRow.run_id == run.id).order_by(EventRow.seq)
        payloads = [row.payload for row in await connection.execute(events)]
    return payloads == [event_json(event) for event in run.events]


def _rows(run: RestoredRun) -> tuple[dict[str, Any], list[tuple[type[Base], list[dict[str, Any]]]]]:
    """Return the run's row, and the rows that hang on it, without the run's id."""
    book = SegmentBook()
    calls = [call_values(call, seq, book) for seq, call in enumerate(run.calls, 1)]
    completions = [call.completion for call in run.calls if call.completion is not None]
    costs = [call.cost for call in run.calls if call.cost is not None]
    metrics = episode_metrics(harvests(run.events), run.config.game, run.config.names)
    values = run_values(run.config, state=run.state) | metric_columns(metrics)
    values |= {
        "origin": run.origin,
        "config": run.config_text,
        "name": run.name,
        "models": run.models,
        "seed": run.seed,
        "engine_version": run.engine_version,
        "reason_kind": run.reason_kind,
        "reason": run.reason,
        "ended_at": now(),
        "events": len(run.events),
        "calls": len(calls),
        "cost": sum(costs) if costs else None,
        "unpriced_calls": len(calls) - len(costs),
        "prompt_tokens": sum(item.prompt_tokens or 0 for item in completions),
        "completion_tokens": sum(item.completion_tokens or 0 for item in completions),
        "view_only": run.view_only,
        "log_sha256": run.log_sha256,
        "notes": list(run.notes),
    }
    events = [
        {name: getattr(event, name) for name in ("month", "phase", "kind", "agent")}
        | {"seq": seq, "payload": event_json(event)}
        for seq, event in enumerate(run.events, 1)
    ]
    segments: list[dict[str, Any]] = [{"no": no, "text": pack(text)} for no, text in book.take_new()]
    return values, [(SegmentRow, segments), (CallRow, calls), (EventRow, events)]
