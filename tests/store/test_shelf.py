"""Names, notes, tags, the archive, deletion and its undoing: beside the record, on all that looks at runs."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from app.jobs.housekeeping import purge_old
from app.jobs.player import Player
from app.models.hub import ModelHub
from app.store.again import retry, tried_again_as
from app.store.annotations import (
    MAX_NOTE,
    MAX_TAGS,
    AnnotationError,
    add_tags,
    clean_tags,
    remove_tag,
    rename,
    rename_experiment,
    tags_of,
    write_note,
)
from app.store.bulk_controls import ask_all
from app.store.connect import Database
from app.store.controls import StateConflict, request, resume
from app.store.leases import claim_next
from app.store.queries import (
    RunFilter,
    events_after,
    filter_values,
    get_experiment,
    get_runs,
    latest_runs,
    list_experiments,
    list_runs,
)
from app.store.records import RunRecord, RunState
from app.store.runs import DeletedRun, UnknownExperiment, UnknownRun, get_run, launch, now
from app.store.shelf import (
    archive,
    archive_experiment,
    bring_back,
    bring_run_back,
    delete_experiment,
    delete_runs,
    hidden_at,
    list_deleted,
    purge,
)
from app.store.tables import EventRow, ExperimentRow, RunRow, RunTagRow, UsageDayRow
from tests.support import scripted_config


async def queued(database: Database, count: int = 1, experiment: str | None = None) -> list[str]:
    configs = [scripted_config(seed=seed) for seed in range(1, count + 1)]
    return (await launch(database, configs, prompt_sets={}, engine_version="1", experiment=experiment))[1]


async def put(database: Database, run_id: str, state: RunState, **values: object) -> None:
    async with database.write() as connection:
        await connection.execute(update(RunRow).where(RunRow.id == run_id).values(state=state, **values))


async def listed(database: Database, **wanted: object) -> list[str]:
    runs, total = await list_runs(database, RunFilter.model_validate(wanted | {"descending": False}))
    assert total == len(runs)
    return [run.id for run in runs]


def record_of(run: RunRecord) -> RunRecord:
    return run.model_copy(update={"name": None, "owner_note": None, "owner_note_at": None, "archived_at": None})


async def test_words_about_a_run_change_nothing_in_its_record(database: Database) -> None:
    [run_id] = await queued(database)
    before = await get_run(database, run_id)
    assert await rename(database, run_id, "  The   first\0 one\n") == "The first one"
    assert await write_note(database, run_id, "line\r\nline <b>\u200f\0") == "line\nline <b>\u200f"
    await add_tags(database, [run_id], clean_tags("To Discuss, ÉTÉ,to discuss"))
    await archive(database, [run_id])
    after = await get_run(database, run_id)
    assert record_of(after) == record_of(before)
    assert (after.name, after.owner_note) == ("The first one", "line\nline <b>\u200f")
    assert after.owner_note_at is not None and abs(after.owner_note_at - now()) < timedelta(minutes=1)
    assert await tags_of(database, [run_id]) == {run_id: ["to-discuss", "été"]}
    await write_note(database, run_id, "line\nline <b>\u200f")
    assert (await get_run(database, run_id)).owner_note_at == after.owner_note_at
    await remove_tag(database, [run_id], "été")
    assert await tags_of(database, [run_id]) == {run_id: ["to-discuss"]}
    assert await rename(database, run_id, " ") is None


@pytest.mark.parametrize("text", ["", " , ", "-x", "a b!", "x" * 41, "<b>"])
def test_what_cannot_be_a_tag_is_refused(text: str) -> None:
    with pytest.raises(AnnotationError):
        clean_tags(text)


async def test_what_is_too_much_is_refused_and_changes_nothing(database: Database) -> None:
    [run_id, other] = await queued(database, 2)
    await add_tags(database, [run_id], [f"t{number}" for number in range(MAX_TAGS)])
    with pytest.raises(AnnotationError, match="at most"):
        await add_tags(database, [other, run_id], ["more"])
    with pytest.raises(AnnotationError):
        await rename(database, run_id, "x" * 201)
    with pytest.raises(AnnotationError):
        await write_note(database, run_id, "x" * (MAX_NOTE + 1))
    with pytest.raises(UnknownRun):
        await add_tags(database, [other, "r0000000"], ["more"])
    assert await tags_of(database, [other]) == {other: []}


async def test_lists_filter_by_tag_and_leave_the_archive_out(database: Database) -> None:
    first, second, third = await queued(database, 3)
    await add_tags(database, [first, second], ["pilot"])
    await archive(database, [second])
    assert await listed(database) == [first, third]
    assert await listed(database, archived="only") == [second]
    assert await listed(database, archived="all", tag="pilot") == [first, second]
    assert await listed(database, origin="imported") == []
    assert [run.id for run in await latest_runs(database, ("queued",), 9)] == [third, first]
    assert (await filter_values(database))["tag"] == ["pilot"]
    await archive(database, [second], False)
    assert await listed(database, tag="pilot") == [first, second]


async def test_a_deleted_run_is_gone_from_everything_and_comes_back_whole(database: Database) -> None:
    first, second = await queued(database, 2, experiment="E")
    claim = await claim_next(database, "test")
    assert claim is not None and claim.run_id == first
    await Player(database, ModelHub([]), claim).run()
    before, events = await get_run(database, first), await events_after(database, first)
    await add_tags(database, [first], ["kept"])
    moment = await delete_runs(database, [first])
    with pytest.raises(DeletedRun) as gone:
        await get_run(database, first)
    assert gone.value.moment == moment
    assert await listed(database) == [second]
    assert await get_runs(database, [first]) == [] and await latest_runs(database, ("finished",), 9) == []
    assert (await filter_values(database))["tag"] == []
    for change in (rename(database, first, "x"), resume(database, first), delete_runs(database, [second, first])):
        with pytest.raises(DeletedRun):
            await change
    assert await listed(database) == [second]
    assert [(run.id, run.deleted_at) for run in await list_deleted(database)] == [(first, moment)]
    assert await hidden_at(database, moment) == [first]
    assert await bring_back(database, moment) == [first]
    assert await bring_back(database, moment) == []
    assert (await get_run(database, first), await events_after(database, first)) == (before, events)
    assert await tags_of(database, [first]) == {first: ["kept"]}


async def test_nothing_is_spent_on_a_deleted_run(database: Database) -> None:
    waiting, paused, playing = await queued(database, 3, experiment="E")
    await put(database, paused, "paused", reason_kind="budget", retry_at=now())
    await put(database, playing, "playing", owner="w", epoch=1)
    experiment = (await get_run(database, waiting)).experiment_id
    assert experiment is not None
    moment = await delete_runs(database, [waiting, paused, playing])
    assert await claim_next(database, "test") is None
    assert await ask_all(database, experiment, "resume") == 0
    await bring_back(database, moment)
    found = {run.id: run for run in await get_runs(database, [waiting, paused, playing])}
    assert [found[run_id].state for run_id in (waiting, paused, playing)] == ["paused", "paused", "playing"]
    assert found[playing].control == "stop" and found[paused].retry_at is None
    assert found[waiting].reason == "Paused when it was deleted."


async def test_a_purge_takes_all_of_a_deleted_run_and_leaves_what_was_spent(database: Database) -> None:
    [run_id, other] = await queued(database, 2, experiment="E")
    await add_tags(database, [run_id], ["x"])
    async with database.write() as connection:
        used = {"calls": 1, "prompt_tokens": 2, "completion_tokens": 3, "cost": 0.5, "unpriced": 0}
        await connection.execute(UsageDayRow.__table__.insert().values(day="2026-11-02", subject=run_id, **used))
    with pytest.raises(StateConflict, match="not deleted"):
        await purge(database, run_id)
    await put(database, run_id, "playing")
    await delete_runs(database, [run_id])
    with pytest.raises(StateConflict, match="still being stopped"):
        await purge(database, run_id)
    await put(database, run_id, "cancelled")
    assert await purge_old(database) == []
    assert await purge_old(database, timedelta(0)) == [run_id]
    with pytest.raises(UnknownRun) as gone:
        await bring_run_back(database, run_id)
    assert not isinstance(gone.value, DeletedRun)
    async with database.read() as connection:
        for table, column in ((EventRow, EventRow.run_id), (RunTagRow, RunTagRow.run_id)):
            query = select(func.count()).select_from(table).where(column == run_id)
            assert (await connection.execute(query)).scalar_one() == 0
        assert (await connection.execute(select(UsageDayRow.cost))).scalars().all() == [0.5]
    assert await listed(database) == [other]


async def test_an_experiment_takes_its_runs_along(database: Database) -> None:
    first, second, third = await queued(database, 3, experiment="E")
    experiment = (await get_run(database, first)).experiment_id
    assert experiment is not None
    assert await rename_experiment(database, experiment, " Pilot  study ") == "Pilot study"
    with pytest.raises(AnnotationError):
        await rename_experiment(database, experiment, " ")
    await archive(database, [first])
    await archive_experiment(database, experiment)
    assert (await list_experiments(database), await listed(database)) == ([], [])
    await archive_experiment(database, experiment, False)
    assert await listed(database) == [second, third]
    await delete_runs(database, [second])
    moment = await delete_experiment(database, experiment)
    assert await get_experiment(database, experiment) is None
    for ask in (rename_experiment(database, experiment, "x"), archive_experiment(database, experiment)):
        with pytest.raises(UnknownExperiment):
            await ask
    assert await listed(database, archived="all") == []
    assert sorted(await bring_back(database, moment)) == sorted([first, third])
    found = await get_experiment(database, experiment)
    assert found is not None and found.name == "Pilot study"
    await delete_experiment(database, experiment)
    assert len(await purge_old(database, timedelta(0))) == 3
    async with database.read() as connection:
        assert (await connection.execute(select(ExperimentRow.id))).all() == []


async def test_a_cancelled_run_is_launched_again_once_and_linked(database: Database) -> None:
    [run_id] = await queued(database, experiment="E")
    await request(database, run_id, "stop")
    again = await retry(database, run_id, "2")
    assert again != run_id and await retry(database, run_id, "2") == again
    old, new = await get_run(database, run_id), await get_run(database, again)
    assert (new.retry_of, new.state, new.engine_version) == (run_id, "queued", "2")
    assert (new.config, new.config_hash, new.prompts, new.seed) == (old.config, old.config_hash, old.prompts, old.seed)
    assert new.experiment_id == old.experiment_id and old.state == "cancelled"
    assert await tried_again_as(database, run_id) == again
    await delete_runs(database, [again])
    assert await tried_again_as(database, run_id) is None
    assert await retry(database, run_id, "2") not in (run_id, again)


@pytest.mark.parametrize(
    ("state", "same"), [("failed", True), ("paused", True), ("queued", False), ("finished", False)]
)
async def test_only_what_stopped_is_tried_again(database: Database, state: RunState, same: bool) -> None:
    [run_id] = await queued(database)
    await put(database, run_id, state)
    if same:
        assert await retry(database, run_id, "1") == run_id
        assert (await get_run(database, run_id)).state == "queued"
    else:
        with pytest.raises(StateConflict, match=state):
            await retry(database, run_id, "1")


async def test_a_run_that_is_to_end_with_its_month_is_cancelled_there(database: Database) -> None:
    [run_id] = await queued(database)
    with pytest.raises(StateConflict, match="only a run that is being played"):
        await request(database, run_id, "end")
    claim = await claim_next(database, "test")
    assert claim is not None
    player = Player(database, ModelHub([]), claim, on_event=lambda event: player.wish("end"))
    assert await player.run() == "cancelled"
    run = await get_run(database, run_id)
    assert (run.months_played, run.reason_kind) == (1, "user")
    assert run.reason == "Stopped on request at the end of a month." and run.censored


async def test_a_stop_overrides_the_end_and_a_resume_calls_it_off(database: Database) -> None:
    [run_id] = await queued(database)
    await claim_next(database, "test")
    await request(database, run_id, "end")
    assert (await get_run(database, run_id)).control == "end"
    await resume(database, run_id)
    assert (await get_run(database, run_id)).control is None
    await request(database, run_id, "stop")
    await request(database, run_id, "end")
    assert (await get_run(database, run_id)).control == "stop"
