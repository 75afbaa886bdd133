"""What people ask of all runs of an experiment at once: pause, resume, stop, try again. All of it, or nothing."""

from collections.abc import Sequence
from typing import Literal

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.store.connect import Database
from app.store.controls import obeyed, queue_again
from app.store.experiments import label_of_run
from app.store.runs import UnknownExperiment, add_log
from app.store.tables import ExperimentRow, RunRow

BulkWish = Literal["pause", "resume", "cancel", "stop"]
ANY = "any"


async def ask_all(database: Database, experiment_id: str, wish: BulkWish) -> int:
    """Grant *wish* to the runs of an experiment that it fits, and return how many those were.

    *pause*: queued runs at once, those being played at the end of their month. *resume*: paused runs are queued, and
    pauses that were asked for are called off; failed runs are left to be looked at (`retry_failed`). *cancel*: queued
    runs. *stop*: those that wait or are paused at once, those being played as soon as their calls are home.

    Raises:
        UnknownExperiment: if there is no such experiment.
    """
    async with database.write() as connection:
        await _known(connection, experiment_id)
        if wish == "cancel":
            return await _obey(connection, experiment_id, "queued", "stop")
        if wish == "stop":
            stopped = [await _obey(connection, experiment_id, state, "stop") for state in ("queued", "paused")]
            playing = [
                run_id
                for control in (None, "pause", "end")
                for run_id in await _runs(connection, experiment_id, "playing", control=control)
            ]
            await _change(connection, playing, {"control": "stop"}, "Stop now was asked for.")
            return sum(stopped) + len(playing)
        if wish == "pause":
            paused = await _obey(connection, experiment_id, "queued", "pause")
            playing = await _runs(connection, experiment_id, "playing", control=None)
            await _change(connection, playing, {"control": "pause"}, "Pause at the end of the month was asked for.")
            return paused + len(playing)
        waiting = await _runs(connection, experiment_id, "paused")
        queued = {"state": "queued", "fruitless": 0, "reason": None, "reason_kind": None}
        await _change(connection, waiting, queued, "Queued again on request.", kind="state")
        pausing = await _runs(connection, experiment_id, "playing", control="pause")
        await _change(connection, pausing, {"control": None}, "The pause was called off.")
        return len(waiting) + len(pausing)


async def retry_failed(database: Database, experiment_id: str, cell: tuple[str, str, str] | None = None) -> list[str]:
    """Queue the failed runs of an experiment again, of one cell where it is given, and return their ids.

    They go on from their records: what was answered is not asked again. Asking twice is asking once.

    Args:
        database: where.
        experiment_id: whose runs.
        cell: the label of a model, a scenario and a condition.

    Raises:
        UnknownExperiment: if there is no such experiment.
    """
    async with database.write() as connection:
        await _known(connection, experiment_id)
        failed = await _runs(connection, experiment_id, "failed", cell=cell)
        for run_id in failed:
            await queue_again(connection, run_id, "Queued again on request.")
        return failed


async def _known(connection: AsyncConnection, experiment_id: str) -> None:
    known = select(ExperimentRow.id).where(ExperimentRow.id == experiment_id, ExperimentRow.deleted_at.is_(None))
    if (await connection.execute(known)).first() is None:
        raise UnknownExperiment(experiment_id)


async def _obey(connection: AsyncConnection, experiment_id: str, state: str, control: str) -> int:
    waiting = await _runs(connection, experiment_id, state)
    values, text = obeyed(control)
    await _change(connection, waiting, values, text, kind="state")
    return len(waiting)


async def _runs(
    connection: AsyncConnection,
    experiment_id: str,
    state: str,
    control: str | None = ANY,
    cell: tuple[str, str, str] | None = None,
) -> list[str]:
    query = select(RunRow.id).where(RunRow.experiment_id == experiment_id, RunRow.state == state)
    query = query.where(RunRow.deleted_at.is_(None))
    if cell is not None:
        label, scenario, condition = cell
        query = query.where(label_of_run() == label, RunRow.scenario == scenario, RunRow.condition == condition)
    if control != ANY:
        query = query.where(RunRow.control.is_(None) if control is None else RunRow.control == control)
    return [row.id for row in await connection.execute(query.order_by(RunRow.id).with_for_update())]


async def _change(
    connection: AsyncConnection, run_ids: Sequence[str], values: dict[str, object], text: str, kind: str = "control"
) -> None:
    for run_id in run_ids:
        await connection.execute(update(RunRow).where(RunRow.id == run_id).values(**values))
        await add_log(connection, run_id, kind, text)
