"""What several processes do at the same moment is done once. On PostgreSQL these really race."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from app.commons.config import SamplingConfig
from app.commons.frozen import canonical_json
from app.store import controls, leases, runs, shares, subskill_controls
from app.store.connect import Database
from app.store.lost import Watch, recover_lost
from app.store.queries import RunFilter, list_runs, run_log
from app.store.subskills import NewSubskillRun, SubskillCase, get_subskill_run, store_subskill_runs
from app.store.tables import PromptSetRow
from tests.support import scripted_config

AT_ONCE = 8
NOW = timedelta(0)


async def together(act: Callable[[], Awaitable[Any]], times: int = AT_ONCE) -> list[Any]:
    """Do something several times at once; what fails is given back as its exception."""
    return await asyncio.gather(*(act() for _ in range(times)), return_exceptions=True)


async def queue(database: Database, count: int = 1, **options: Any) -> list[str]:
    configs = [scripted_config(seed=seed) for seed in range(count)]
    _, ids = await runs.launch(database, configs, prompt_sets={}, engine_version="1", **options)
    return ids


def some_tests() -> NewSubskillRun:
    case = SubskillCase(test="reading", number=1, agent="Kate", stock=50, amount=None, low=0, high=9, prompt_hash="h")
    values = {
        "test_set": "1",
        "set_id": "s",
        "model": "lab/m",
        "scenario": "fishery",
        "cases": 1,
        "tests": ["reading"],
        "sampling": canonical_json(SamplingConfig()),
    }
    return NewSubskillRun(values=values, cases=[case], prompt_sets=[("base", {"rules": "a"})])


async def texts(database: Database, run_id: str) -> list[str]:
    return [entry.text for entry in await run_log(database, run_id)]


async def test_a_form_that_arrives_many_times_launches_once(database: Database) -> None:
    answers = await together(lambda: queue(database, 3, experiment="e", submission="token"))
    assert answers == [answers[0]] * AT_ONCE and len(answers[0]) == 3
    assert (await list_runs(database, RunFilter()))[1] == 3


async def test_tests_whose_form_arrives_many_times_are_stored_once(database: Database) -> None:
    answers = await together(lambda: store_subskill_runs(database, [some_tests()], submission="token"))
    assert answers == [answers[0]] * AT_ONCE and len(answers[0]) == 1


async def test_prompt_sets_that_many_launches_store_are_stored_once(database: Database) -> None:
    sets = {"base": {"rules": "a"}, "mine": {"rules": "b"}}

    def other_order(number: int) -> dict[str, dict[str, str]]:
        return dict(sorted(sets.items(), reverse=bool(number % 2)))

    answers = await asyncio.gather(
        *(
            runs.launch(database, [scripted_config()], prompt_sets=other_order(number), engine_version="1")
            for number in range(AT_ONCE)
        )
    )
    assert len({ids[0] for _, ids in answers}) == AT_ONCE
    async with database.read() as connection:
        assert (await connection.execute(select(func.count()).select_from(PromptSetRow))).scalar_one() == 2


@pytest.mark.parametrize("work", [leases.RUNS, leases.TESTS], ids=["runs", "tests"])
async def test_many_workers_take_each_run_once(database: Database, work: leases.Work) -> None:
    if work is leases.RUNS:
        ids = await queue(database, 5)
    else:
        ids = await store_subskill_runs(database, [some_tests() for _ in range(5)])
    claims = await together(lambda: leases.claim_next(database, "w", work), 12)
    assert sorted(claim.run_id for claim in claims if claim) == sorted(ids)


async def test_a_lost_run_is_taken_back_by_one_of_those_who_see_it(database: Database) -> None:
    [run_id] = await queue(database)
    claim = await leases.claim_next(database, "dead")
    assert claim is not None
    answers = await together(lambda: recover_lost(database, Watch(), NOW))
    assert sorted(map(len, answers)) == [0] * (AT_ONCE - 1) + [1]
    assert (await runs.get_run(database, run_id)).epoch == claim.epoch + 1
    assert len([text for text in await texts(database, run_id) if "was lost" in text]) == 1


async def test_a_run_is_queued_again_once_by_many_who_ask(database: Database) -> None:
    [run_id] = await queue(database)
    await controls.request(database, run_id, "pause")
    assert await together(lambda: controls.resume(database, run_id)) == ["queued"] * AT_ONCE
    assert (await texts(database, run_id)).count("Queued again on request.") == 1


async def test_a_run_is_stopped_by_one_and_the_others_are_told_so(database: Database) -> None:
    [run_id] = await queue(database)
    answers = await together(lambda: controls.request(database, run_id, "stop"))
    assert answers.count("cancelled") == 1
    assert sum(isinstance(answer, controls.StateConflict) for answer in answers) == AT_ONCE - 1
    assert (await texts(database, run_id)).count("Stopped on request.") == 1


async def test_a_stop_and_a_claim_at_once_leave_no_run_that_is_both(database: Database) -> None:
    ids = await queue(database, AT_ONCE)
    answers = await asyncio.gather(
        *(leases.claim_next(database, "w") for _ in ids),
        *(controls.request(database, run_id, "stop") for run_id in ids),
    )
    claimed = {claim.run_id for claim in answers[:AT_ONCE] if isinstance(claim, leases.Claim)}
    for run_id, answer in zip(ids, answers[AT_ONCE:], strict=True):
        run = await runs.get_run(database, run_id)
        # Stopped while it waited, or claimed and asked to stop; never claimed after it was stopped.
        assert (run.state, run.control) == (("playing", "stop") if run_id in claimed else ("cancelled", None))
        assert answer == run.state


async def test_tests_are_stopped_by_one_and_resumed_once(database: Database) -> None:
    [run_id] = await store_subskill_runs(database, [some_tests()])
    answers = await together(lambda: subskill_controls.stop_tests(database, run_id))
    assert answers.count("cancelled") == 1
    assert await together(lambda: subskill_controls.resume_tests(database, run_id)) == ["queued"] * AT_ONCE
    assert (await get_subskill_run(database, run_id)).state == "queued"


async def test_a_link_is_revoked_once(database: Database) -> None:
    [run_id] = await queue(database)
    share, _ = await shares.issue_share(database, run_id, last_seq=None)
    assert await together(lambda: shares.revoke_share(database, share.id)) == [True] * AT_ONCE
    assert (await texts(database, run_id)).count("A share link was revoked.") == 1
