import asyncio
from datetime import timedelta

import pytest

from app.store import controls, leases, runs
from app.store.connect import Database
from app.store.lost import MAX_FRUITLESS, Watch, recover_lost
from app.store.queries import RunFilter, list_runs, run_log
from tests.support import scripted_config

NOW = timedelta(seconds=-1)
"""A silence that every player has kept."""


async def queue(database: Database, count: int = 1, **options: object) -> list[str]:
    configs = [scripted_config(seed=seed) for seed in range(count)]
    _, ids = await runs.launch(database, configs, prompt_sets={}, engine_version="1", **options)
    return ids


async def state(database: Database, run_id: str) -> str:
    return (await runs.get_run(database, run_id)).state


async def test_runs_are_claimed_oldest_first_each_once(database: Database) -> None:
    ids = await queue(database, 3)
    claims = await asyncio.gather(*(leases.claim_next(database, f"w{n}") for n in range(5)))
    assert sorted(claim.run_id for claim in claims if claim) == sorted(ids)
    assert await leases.claim_next(database, "late") is None


async def test_a_form_sent_twice_launches_once(database: Database) -> None:
    first = await queue(database, 2, experiment="e", submission="token")
    assert await queue(database, 2, experiment="e", submission="token") == first
    assert (await list_runs(database, RunFilter()))[1] == 2


async def test_whoever_lost_its_claim_cannot_leave_the_run(database: Database) -> None:
    [run_id] = await queue(database)
    old = await leases.claim_next(database, "frozen")
    assert await recover_lost(database, Watch(), NOW) == [run_id]
    new = await leases.claim_next(database, "alive")
    assert old and new and new.epoch > old.epoch
    with pytest.raises(leases.LostRun):
        await leases.leave(database, old, "finished")
    await leases.leave(database, new, "finished")
    assert await state(database, run_id) == "finished"
    assert (await leases.wishes(database, [old]))[run_id] == "lost"


async def test_a_player_that_beats_is_not_taken_for_lost(database: Database) -> None:
    await queue(database)
    claim = await leases.claim_next(database, "w")
    assert claim
    await leases.beat(database, [claim])
    assert await recover_lost(database, Watch(), timedelta(seconds=5)) == []


async def test_a_run_that_kills_its_players_fails_in_the_end(database: Database) -> None:
    [run_id] = await queue(database)
    for _ in range(MAX_FRUITLESS):
        assert await leases.claim_next(database, "w")
        await recover_lost(database, Watch(), NOW)
    run = await runs.get_run(database, run_id)
    assert (run.state, run.reason_kind) == ("failed", "worker")
    assert "without progress" in (run.reason or "")


async def test_a_pause_is_a_wish_while_playing_and_a_fact_while_queued(database: Database) -> None:
    first, second = await queue(database, 2)
    claim = await leases.claim_next(database, "w")
    assert claim and claim.run_id == first
    assert await controls.request(database, first, "pause") == "playing"
    assert (await leases.wishes(database, [claim]))[first] == "pause"
    assert await controls.request(database, second, "pause") == "paused"
    assert await controls.resume(database, second) == "queued"


async def test_resuming_calls_a_pause_off_that_has_not_happened_yet(database: Database) -> None:
    [run_id] = await queue(database)
    claim = await leases.claim_next(database, "w")
    assert claim
    await controls.request(database, run_id, "pause")
    assert await controls.resume(database, run_id) == "playing"
    assert (await leases.wishes(database, [claim]))[run_id] is None


async def test_a_wish_survives_the_player_that_did_not_live_to_grant_it(database: Database) -> None:
    [run_id] = await queue(database)
    await leases.claim_next(database, "w")
    await controls.request(database, run_id, "stop")
    await controls.request(database, run_id, "pause")
    await recover_lost(database, Watch(), NOW)
    assert await state(database, run_id) == "cancelled"


async def test_what_is_over_cannot_be_paused_stopped_or_resumed(database: Database) -> None:
    [run_id] = await queue(database)
    claim = await leases.claim_next(database, "w")
    assert claim
    await leases.leave(database, claim, "finished")
    for control in ("pause", "stop"):
        with pytest.raises(controls.StateConflict, match="is finished"):
            await controls.request(database, run_id, control)
    with pytest.raises(controls.StateConflict, match="only paused and failed"):
        await controls.resume(database, run_id)
    assert await state(database, run_id) == "finished"


async def test_unknown_runs_are_named_as_such(database: Database) -> None:
    with pytest.raises(runs.UnknownRun):
        await runs.get_run(database, "rnothere")
    with pytest.raises(runs.UnknownRun):
        await controls.request(database, "rnothere", "stop")


async def test_the_log_tells_what_happened_in_order(database: Database) -> None:
    [run_id] = await queue(database)
    claim = await leases.claim_next(database, "w")
    assert claim
    await leases.leave(database, claim, "paused", reason_kind="endpoint", reason="The endpoint is down.")
    await controls.resume(database, run_id)
    assert [entry.text for entry in await run_log(database, run_id)] == [
        "Queued.",
        "Playing.",
        "Paused: The endpoint is down.",
        "Queued again on request.",
    ]


async def test_filters_find_what_they_name_and_bad_text_is_only_text(database: Database) -> None:
    await queue(database, 3)
    assert (await list_runs(database, RunFilter(scenario="fishery")))[1] == 3
    assert (await list_runs(database, RunFilter(scenario="pasture")))[1] == 0
    assert (await list_runs(database, RunFilter(model="greedy")))[1] == 3
    for text in ("%", "_", "' OR 1=1 --", "\\"):
        assert (await list_runs(database, RunFilter(q=text)))[1] == 0
    page, count = await list_runs(database, RunFilter(limit=2, sort="no such column"))
    assert (len(page), count) == (2, 3)
