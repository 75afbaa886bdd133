"""In which order queued runs get a worker."""

import pytest

from app.commons.config import EpisodeConfig
from app.store import leases, runs
from app.store.connect import Database
from app.store.controls import StateConflict, prioritise, request
from app.store.line import next_in_line
from app.store.records import HIGHEST_PRIORITY, LOWEST_PRIORITY
from app.store.tables import RunRow
from tests.support import scripted_config


async def launch(database: Database, count: int, experiment: str | None = "runs", priority: int = 0) -> list[str]:
    """Queue *count* runs of one experiment, or of none, in this order."""
    configs: list[EpisodeConfig] = [scripted_config(seed=seed) for seed in range(count)]
    _, ids = await runs.launch(
        database, configs, prompt_sets={}, engine_version="1", experiment=experiment, priority=priority
    )
    return ids


async def claim_all(database: Database) -> list[str]:
    """Return the ids of all queued runs in the order in which they are claimed, one by one, none of them ending."""
    order = []
    while (claim := await leases.claim_next(database, "w")) is not None:
        order.append(claim.run_id)
    return order


async def test_a_large_launch_does_not_keep_the_next_small_one_waiting(database: Database) -> None:
    large = await launch(database, 6)
    await leases.claim_waiting(database, "w", leases.RUNS, 2)
    small = await launch(database, 2)
    assert await claim_all(database) == [small[0], small[1], *large[2:]]


async def test_experiments_that_start_together_take_turns(database: Database) -> None:
    first, second = await launch(database, 3), await launch(database, 2)
    assert await claim_all(database) == [first[0], second[0], first[1], second[1], first[2]]


async def test_a_run_launched_alone_is_an_experiment_of_one(database: Database) -> None:
    many, alone = await launch(database, 3), await launch(database, 1, experiment=None)
    assert await claim_all(database) == [many[0], *alone, *many[1:]]


async def test_what_ends_makes_room_for_its_own_experiment(database: Database) -> None:
    first, second = await launch(database, 3), await launch(database, 3)
    claims = [await leases.claim_next(database, "w") for _ in range(2)]
    assert claims[0] is not None
    await leases.leave(database, claims[0], "finished")
    assert (await claim_all(database))[0] == first[1]
    assert second[0] in {claim.run_id for claim in claims if claim}


async def test_a_higher_priority_goes_before_all_others_also_within_an_experiment(database: Database) -> None:
    usual, urgent = await launch(database, 3), await launch(database, 2, priority=5)
    low = await launch(database, 1, priority=-1)
    assert await prioritise(database, usual[2], 7) == "queued"
    assert await claim_all(database) == [usual[2], *urgent, usual[0], usual[1], *low]


async def test_the_place_of_a_run_that_is_played_or_over_cannot_be_changed(database: Database) -> None:
    [played, stopped] = await launch(database, 2)
    await leases.claim_next(database, "w")
    await request(database, stopped, "stop")
    for run_id in (played, stopped):
        with pytest.raises(StateConflict, match="only runs that wait"):
            await prioritise(database, run_id, 1)
    with pytest.raises(runs.UnknownRun):
        await prioritise(database, "r2222222", 1)


async def test_priorities_are_stored_to_their_bounds(database: Database) -> None:
    [run_id] = await launch(database, 1)
    for priority in (LOWEST_PRIORITY, HIGHEST_PRIORITY):
        await prioritise(database, run_id, priority)
        assert (await runs.get_run(database, run_id)).priority == priority


async def test_several_are_given_in_the_order_in_which_they_would_be_one_by_one(database: Database) -> None:
    await launch(database, 4)
    await launch(database, 3, priority=2)
    await launch(database, 2)
    async with database.read() as connection:
        together = await next_in_line(connection, RunRow, 20)
    assert together == await claim_all(database)
    assert len(together) == 9


async def test_a_claim_by_id_is_given_once_and_only_for_what_waits(database: Database) -> None:
    [run_id, paused] = await launch(database, 2)
    await request(database, paused, "pause")
    assert await leases.claim_one(database, run_id, "w1") == leases.Claim(run_id=run_id, epoch=1)
    assert await leases.claim_one(database, run_id, "w2") is None
    assert await leases.claim_one(database, paused, "w2") is None
    assert await leases.claim_one(database, "r2222222", "w2") is None
