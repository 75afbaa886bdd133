"""Runs: created, claimed, moved from state to state. Every move names the states it may start from.

A player holds a run by its *epoch*: claiming raises it, and whatever the player writes later is conditional on it, so a
player that was thought lost and comes back cannot write.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from pydantic import BaseModel
from sqlalchemy import CursorResult, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.commons.config import EpisodeConfig, GenerativeFramework, GenerativeMind, RecordedMind, ScriptedMind
from app.commons.frozen import content_hash
from app.commons.metrics import EpisodeMetrics
from app.store.codec import pack, unpack
from app.store.connect import Database
from app.store.ids import new_id
from app.store.records import Control, RunRecord, RunState
from app.store.tables import ExperimentRow, PromptSetRow, RunLogRow, RunRow

MAX_FRUITLESS = 20


class StateConflict(Exception):
    """The run is in a state in which this cannot be done; the message says which."""


class LostRun(Exception):
    """Another player owns the run now; this one must stop at once and write nothing."""


class UnknownRun(LookupError):
    """There is no run of this id."""


class Claim(BaseModel):
    """The right to play a run: valid as long as the run's epoch is this one."""

    run_id: str
    epoch: int


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


async def save_prompt_set(connection: AsyncConnection, name: str, files: dict[str, str]) -> str:
    """Keep a prompt set by its content hash and return the hash."""
    digest = content_hash(files)
    known = await connection.execute(select(PromptSetRow.hash).where(PromptSetRow.hash == digest))
    if known.first() is None:
        await connection.execute(
            insert(PromptSetRow).values(hash=digest, name=name, files=pack(json.dumps(files, sort_keys=True)))
        )
    return digest


async def load_prompt_set(database: Database, digest: str) -> tuple[str, dict[str, str]]:
    """Return the name and files of a stored prompt set.

    Raises:
        LookupError: if it is not stored.
    """
    async with database.read() as connection:
        row = (
            await connection.execute(select(PromptSetRow.name, PromptSetRow.files).where(PromptSetRow.hash == digest))
        ).first()
    if row is None:
        raise LookupError(f"prompt set {digest[:12]} is not in the database")
    return row.name, json.loads(unpack(row.files))


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
        owner: if given, the runs are born playing, owned by it with epoch 1 (`govsim run`); else queued.
    """
    async with database.write() as connection:
        if submission is not None:
            made = await _of_submission(connection, submission)
            if made is not None:
                return made
        experiment_id = None
        if experiment is not None:
            experiment_id = new_id("x")
            await connection.execute(
                insert(ExperimentRow).values(id=experiment_id, name=experiment, created_at=now(), submission=submission)
            )
        hashes = {name: await save_prompt_set(connection, name, files) for name, files in prompt_sets.items()}
        ids = []
        for config in configs:
            values = run_values(config, state="playing" if owner else "queued", experiment=experiment_id)
            values |= {"engine_version": engine_version, "pace_ms": pace_ms}
            values["prompts"] = {name: hashes[name] for name in sorted(prompt_names(config))}
            if owner:
                values |= {"owner": owner, "heartbeat": now(), "epoch": 1, "started_at": now()}
            await connection.execute(insert(RunRow).values(**values))
            await add_log(connection, values["id"], "state", "Playing." if owner else "Queued.")
            ids.append(values["id"])
        return experiment_id, ids


def prompt_names(config: EpisodeConfig) -> set[str]:
    """Return the names of the prompt sets that an episode uses."""
    minds = [agent.mind for agent in config.agents] + [config.framework]
    return {mind.prompts for mind in minds if isinstance(mind, GenerativeMind | GenerativeFramework)}


async def _of_submission(connection: AsyncConnection, submission: str) -> tuple[str, list[str]] | None:
    row = (await connection.execute(select(ExperimentRow.id).where(ExperimentRow.submission == submission))).first()
    if row is None:
        return None
    runs = await connection.execute(
        select(RunRow.id).where(RunRow.experiment_id == row.id).order_by(RunRow.created_at, RunRow.id)
    )
    return row.id, [run.id for run in runs]


async def claim_next(database: Database, owner: str) -> Claim | None:
    """Take the oldest queued run for *owner*, or return None if there is none."""
    async with database.write() as connection:
        row = (
            await connection.execute(
                select(RunRow.id, RunRow.epoch, RunRow.started_at)
                .where(RunRow.state == "queued")
                .order_by(RunRow.created_at, RunRow.id)
                .limit(1)
            )
        ).first()
        if row is None:
            return None
        await connection.execute(
            update(RunRow)
            .where(RunRow.id == row.id)
            .values(
                state="playing",
                owner=owner,
                heartbeat=now(),
                epoch=row.epoch + 1,
                started_at=row.started_at or now(),
                reason_kind=None,
                reason=None,
            )
        )
        await add_log(connection, row.id, "state", "Playing." if row.epoch == 0 else "Playing again.")
        return Claim(run_id=row.id, epoch=row.epoch + 1)


async def any_queued(database: Database) -> bool:
    """Tell whether a run waits for a worker."""
    async with database.read() as connection:
        query = select(RunRow.id).where(RunRow.state == "queued").limit(1)
        return (await connection.execute(query)).first() is not None


async def beat(database: Database, claims: Iterable[Claim]) -> None:
    """Say that the players of these runs are alive."""
    async with database.write() as connection:
        for claim in claims:
            await connection.execute(
                update(RunRow)
                .where(RunRow.id == claim.run_id, RunRow.epoch == claim.epoch, RunRow.state == "playing")
                .values(heartbeat=now())
            )


async def controls(database: Database, claims: Sequence[Claim]) -> dict[str, Control | Literal["lost"] | None]:
    """Return what is asked of each claimed run: None, "pause", "stop", or "lost" if another player has it."""
    async with database.read() as connection:
        rows = await connection.execute(
            select(RunRow.id, RunRow.epoch, RunRow.state, RunRow.control).where(
                RunRow.id.in_([claim.run_id for claim in claims])
            )
        )
        found = {row.id: row for row in rows}
    return {
        claim.run_id: found[claim.run_id].control
        if claim.run_id in found and found[claim.run_id].epoch == claim.epoch and found[claim.run_id].state == "playing"
        else "lost"
        for claim in claims
    }


async def recover_lost(database: Database, silent_for: timedelta) -> list[str]:
    """Queue again the runs whose player has been silent, and return their ids.

    A run that made no progress in MAX_FRUITLESS attempts fails instead: something in it kills its players.
    """
    limit = now() - silent_for
    async with database.read() as connection:
        lost = select(RunRow.id).where(RunRow.state == "playing", RunRow.heartbeat < limit).limit(1)
        if (await connection.execute(lost)).first() is None:
            return []
    async with database.write() as connection:
        rows = (
            await connection.execute(
                select(RunRow.id, RunRow.fruitless, RunRow.owner, RunRow.control).where(
                    RunRow.state == "playing", RunRow.heartbeat < limit
                )
            )
        ).all()
        for row in rows:
            if row.fruitless >= MAX_FRUITLESS:
                text = f"Stopped after {MAX_FRUITLESS} workers died playing it without any progress."
                values = {"state": "failed", "reason_kind": "worker", "reason": text}
            elif row.control is not None:
                values, text = _obeyed(row.control)
            else:
                values, text = {"state": "queued"}, f"The worker was lost ({row.owner}); queued again."
            await connection.execute(
                update(RunRow)
                .where(RunRow.id == row.id)
                .values(owner=None, control=None, fruitless=row.fruitless + 1, epoch=RunRow.epoch + 1, **values)
            )
            await add_log(connection, row.id, "state", text)
        return [row.id for row in rows]


def _obeyed(control: str) -> tuple[dict[str, Any], str]:
    if control == "pause":
        return {"state": "paused", "reason_kind": "user", "reason": "Paused on request."}, "Paused on request."
    values = {"state": "cancelled", "reason_kind": "user", "reason": "Stopped on request.", "ended_at": now()}
    return values, "Stopped on request."


async def leave(
    database: Database,
    claim: Claim,
    state: RunState,
    *,
    reason_kind: str | None = None,
    reason: str | None = None,
    metrics: EpisodeMetrics | None = None,
) -> None:
    """Give a claimed run up, leaving it in *state*.

    Raises:
        LostRun: if the claim is no longer valid; nothing is written.
    """
    values: dict[str, Any] = {
        "state": state,
        "reason_kind": reason_kind,
        "reason": reason,
        "owner": None,
        "heartbeat": None,
        "control": None,
    }
    if state in ("finished", "cancelled", "failed"):
        values["ended_at"] = now()
    if metrics is not None:
        values |= metric_columns(metrics)
    async with database.write() as connection:
        await _conditional(connection, claim, values)
        await add_log(connection, claim.run_id, "state", _sentence(state, reason))


def metric_columns(metrics: EpisodeMetrics) -> dict[str, Any]:
    """Return the metric columns of the run table."""
    return metrics.model_dump()


def _sentence(state: str, reason: str | None) -> str:
    return f"{state.capitalize()}: {reason}" if reason else f"{state.capitalize()}."


async def _conditional(connection: AsyncConnection, claim: Claim, values: dict[str, Any]) -> None:
    result: CursorResult[Any] = await connection.execute(
        update(RunRow)
        .where(RunRow.id == claim.run_id, RunRow.epoch == claim.epoch, RunRow.state == "playing")
        .values(**values)
    )
    if result.rowcount != 1:
        raise LostRun(f"run {claim.run_id} is no longer played by epoch {claim.epoch}")


async def request(database: Database, run_id: str, control: Control) -> RunState:
    """Ask for a pause at the end of the month, or a stop now; return the state the run is in then.

    A run that nobody plays obeys at once. Asking twice is asking once.

    Raises:
        UnknownRun: if there is no such run.
        StateConflict: if the run is over, or paused already.
    """
    async with database.write() as connection:
        run = await _row(connection, run_id)
        if run.state == "playing":
            # "Stop now" overrides a pause that has been asked for, never the other way round.
            if run.control != "stop":
                await connection.execute(update(RunRow).where(RunRow.id == run_id).values(control=control))
                wish = "Pause at the end of the month" if control == "pause" else "Stop now"
                await add_log(connection, run_id, "control", f"{wish} was asked for.")
            return "playing"
        allowed = ("queued",) if control == "pause" else ("queued", "paused")
        if run.state not in allowed:
            verb = "paused" if control == "pause" else "stopped"
            raise StateConflict(f"Run {run_id} is {run.state}; it cannot be {verb}.")
        values, text = _obeyed(control)
        await connection.execute(update(RunRow).where(RunRow.id == run_id).values(**values))
        await add_log(connection, run_id, "state", text)
        state: RunState = values["state"]
        return state


async def resume(database: Database, run_id: str) -> RunState:
    """Queue a paused or failed run again; return its state. A queued or playing run is left as it is.

    Raises:
        UnknownRun: if there is no such run.
        StateConflict: if the run is over.
    """
    async with database.write() as connection:
        run = await _row(connection, run_id)
        if run.state == "playing" and run.control == "pause":
            await connection.execute(update(RunRow).where(RunRow.id == run_id).values(control=None))
            await add_log(connection, run_id, "control", "The pause was called off.")
        if run.state in ("queued", "playing"):
            state: RunState = run.state
            return state
        if run.state not in ("paused", "failed"):
            raise StateConflict(f"Run {run_id} is {run.state}; only paused and failed runs can be resumed.")
        await connection.execute(
            update(RunRow)
            .where(RunRow.id == run_id)
            .values(state="queued", control=None, ended_at=None, fruitless=0, reason=None, reason_kind=None)
        )
        await add_log(connection, run_id, "state", "Queued again on request.")
        return "queued"


async def _row(connection: AsyncConnection, run_id: str) -> Any:
    row = (await connection.execute(select(RunRow.state, RunRow.control).where(RunRow.id == run_id))).first()
    if row is None:
        raise UnknownRun(run_id)
    return row


async def get_run(database: Database, run_id: str) -> RunRecord:
    """Return a run.

    Raises:
        UnknownRun: if there is none of this id.
    """
    async with database.read() as connection:
        row = (await connection.execute(select(RunRow.__table__).where(RunRow.id == run_id))).first()
    if row is None:
        raise UnknownRun(run_id)
    return RunRecord.model_validate(row)
