import pytest
from sqlalchemy import update

from app.store.bulk_controls import BulkWish, ask_all
from app.store.connect import Database
from app.store.queries import RunFilter, list_runs, run_log
from app.store.runs import UnknownExperiment, get_run, launch
from app.store.tables import RunRow
from tests.support import scripted_config


async def experiment(database: Database, states: list[str], name: str = "many") -> tuple[str, list[str]]:
    configs = [scripted_config(seed=seed) for seed in range(1, len(states) + 1)]
    made, ids = await launch(database, configs, prompt_sets={}, engine_version="1", experiment=name)
    assert made is not None
    async with database.write() as connection:
        for run_id, state in zip(ids, states, strict=True):
            await connection.execute(update(RunRow).where(RunRow.id == run_id).values(state=state))
    return made, ids


async def states(database: Database, made: str) -> list[tuple[str, str | None]]:
    runs, _ = await list_runs(database, RunFilter(experiment=made))
    return sorted((run.state, run.control) for run in runs)


@pytest.mark.parametrize(
    ("wish", "changed", "then"),
    [
        ("pause", 3, [("failed", None), ("finished", None), *[("paused", None)] * 3, ("playing", "pause")]),
        ("resume", 1, [("failed", None), ("finished", None), ("playing", None), *[("queued", None)] * 3]),
        (
            "cancel",
            2,
            [*[("cancelled", None)] * 2, ("failed", None), ("finished", None), ("paused", None), ("playing", None)],
        ),
    ],
)
async def test_each_wish_changes_the_runs_it_fits(
    database: Database, wish: BulkWish, changed: int, then: list[tuple[str, str | None]]
) -> None:
    made, ids = await experiment(database, ["queued", "queued", "playing", "paused", "failed", "finished"])
    other, _ = await experiment(database, ["queued"], "another")
    assert await ask_all(database, made, wish) == changed
    assert await states(database, made) == then
    assert await states(database, other) == [("queued", None)]
    # The last wish again changes nothing.
    assert await ask_all(database, made, wish) == 0
    logged = [line for run_id in ids for line in await run_log(database, run_id)]
    assert len(logged) == len(ids) + changed


async def test_a_pause_is_called_off_and_a_paused_run_waits_without_a_reason(database: Database) -> None:
    made, [waiting, _] = await experiment(database, ["queued", "playing"])
    await ask_all(database, made, "pause")
    assert (await get_run(database, waiting)).reason_kind == "user"
    assert await ask_all(database, made, "resume") == 2
    assert await states(database, made) == [("playing", None), ("queued", None)]
    assert (await get_run(database, waiting)).reason_kind is None


async def test_an_unknown_experiment_is_said(database: Database) -> None:
    with pytest.raises(UnknownExperiment):
        await ask_all(database, "x2222222", "pause")
