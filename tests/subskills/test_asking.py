"""Tests asked by real processes: nothing twice, nothing lost, nothing guessed."""

import asyncio
import json
import signal
import time
from collections.abc import Callable

import pytest

from app.store.subskill_controls import resume_tests, stop_tests
from app.store.subskills import SubskillRun, get_subskill_run, subskill_calls, subskill_cases
from app.subskills.plan import SubskillPlan, SubskillPlanError, read_plan, start_tests
from tests.fakes.process import FakeModelServer
from tests.support import ROOT, Instance


async def start(instance: Instance, submission: str | None = None, **plan: object) -> list[str]:
    given = {"model": "lab/villager", "scenarios": ["fishery"], "cases": 10} | plan
    return await start_tests(
        instance.database,
        read_plan(given),
        check_model=lambda name: None,
        prompt_folders=[ROOT / "templates" / "prompts"],
        submission=submission,
    )


async def until(instance: Instance, run_id: str, reached: Callable[[SubskillRun], bool]) -> SubskillRun:
    end = time.monotonic() + 60
    while True:
        run = await get_subskill_run(instance.database, run_id)
        if reached(run):
            return run
        if time.monotonic() > end:
            raise TimeoutError(f"the tests are {run.state} ({run.reason}) after {run.done} cases")
        await asyncio.sleep(0.05)


async def test_a_worker_asks_every_case_of_every_scenario_once(instance: Instance, server: FakeModelServer) -> None:
    ids = await start(instance, scenarios=["fishery", "pasture", "pollution"])
    instance.start("worker")
    for run_id in ids:
        run = await until(instance, run_id, lambda run: run.state == "finished")
        cases = await subskill_cases(instance.database, run_id)
        assert (run.total, run.done, run.calls, run.unreadable) == (80, 80, 80, 0)
        assert run.passed == sum(bool(case.passed) for case in cases)
        assert 80 > run.passed > 40
        assert all(case.passed == (case.low <= (case.answer or 0) <= case.high) for case in cases)
        assert set(server.stats()["calls"][run_id].values()) == {1}


async def test_a_killed_worker_costs_nothing_that_was_recorded(instance: Instance, server: FakeModelServer) -> None:
    server.control(latency_ms=150)
    [run_id] = await start(instance, cases=40)
    worker = instance.start("worker")
    await until(instance, run_id, lambda run: run.done >= 60)
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    before = {
        call.key
        for case in await subskill_cases(instance.database, run_id)
        for call in await subskill_calls(instance.database, run_id, case.test, case.number)
    }
    instance.start("worker")
    run = await until(instance, run_id, lambda run: run.state == "finished")
    counts = server.stats()["calls"][run_id]
    assert (run.done, run.calls, len(counts)) == (320, 320, 320)
    assert len(before) >= 60
    assert {counts[key] for key in before} == {1}


async def test_an_endpoint_that_is_down_pauses_the_tests_and_resuming_goes_on(
    instance: Instance, server: FakeModelServer
) -> None:
    server.control(latency_ms=150)
    [run_id] = await start(instance, cases=60)
    instance.start("worker")
    await until(instance, run_id, lambda run: run.done >= 30)
    server.control(down=True)
    paused = await until(instance, run_id, lambda run: run.state == "paused")
    assert paused.reason_kind == "endpoint"
    assert "'lab'" in (paused.reason or "")
    assert paused.unreadable == 0
    server.control(down=False, latency_ms=0)
    await resume_tests(instance.database, run_id)
    finished = await until(instance, run_id, lambda run: run.state == "finished")
    assert (finished.done, finished.calls) == (480, 480)


async def test_stopping_keeps_what_was_answered(instance: Instance, server: FakeModelServer) -> None:
    server.control(latency_ms=200)
    [run_id] = await start(instance, cases=100)
    instance.start("worker")
    await until(instance, run_id, lambda run: run.done >= 25)
    assert await stop_tests(instance.database, run_id) == "playing"
    stopped = await until(instance, run_id, lambda run: run.state == "cancelled")
    assert stopped.done == stopped.calls == len(server.stats()["calls"][run_id])
    assert 25 <= stopped.done < 800


async def test_rubbish_is_asked_again_twice_then_counted_and_never_passes(
    instance: Instance, server: FakeModelServer
) -> None:
    server.control(rubbish_rate=0.6)
    [run_id] = await start(instance)
    instance.start("worker")
    run = await until(instance, run_id, lambda run: run.state == "finished")
    cases = await subskill_cases(instance.database, run_id)
    unread = [case for case in cases if case.unreadable]
    assert run.unreadable == len(unread) > 0
    assert all((case.answer, case.passed, case.attempts) == (None, False, 3) for case in unread)
    assert run.calls == sum(case.attempts for case in cases)
    calls = await subskill_calls(instance.database, run_id, unread[0].test, unread[0].number)
    assert [call.attempt for call in calls] == [1, 2, 3]
    assert [len(call.messages) - len(calls[0].messages) for call in calls] == [0, 2, 4]


async def test_the_command_asks_here_and_now_and_prints_the_results(
    instance: Instance, server: FakeModelServer
) -> None:
    done = await asyncio.to_thread(
        instance.govsim, "subskills", "--model", "lab/villager", "--cases", "5", "--seed", "4", "--scenario", "pasture",
        "--json",
    )  # fmt: skip
    printed = json.loads(done.stdout)
    assert (done.returncode, printed["state"], printed["scenario"], printed["done"]) == (0, "finished", "pasture", 40)
    assert [result["answered"] for result in printed["results"]] == [5] * 8
    assert all(result["low"] <= result["share"] <= result["high"] for result in printed["results"])
    run = await get_subskill_run(instance.database, printed["id"])
    assert run.set_id == printed["set"]


async def test_equal_plans_ask_equal_questions_and_other_seeds_others(instance: Instance) -> None:
    [one], [two], [other] = [await start(instance, seed=seed) for seed in (1, 1, 2)]
    first, second, third = [await get_subskill_run(instance.database, run_id) for run_id in (one, two, other)]
    assert first.set_id == second.set_id != third.set_id


async def test_the_same_form_sent_twice_starts_once(instance: Instance) -> None:
    once = await start(instance, "token", scenarios=["fishery", "pasture"])
    assert await start(instance, "token", scenarios=["fishery", "pasture"]) == once
    assert len(once) == 2


async def test_cases_made_with_other_words_are_not_asked_with_these(
    instance: Instance, server: FakeModelServer
) -> None:
    [run_id] = await start(instance)
    async with instance.database.write() as connection:
        await connection.exec_driver_sql("UPDATE subskill_case SET prompt_hash = 'other' WHERE number = 3")
    instance.start("worker")
    run = await until(instance, run_id, lambda run: run.state == "paused")
    assert run.reason_kind == "version"
    assert "reads differently" in (run.reason or "")


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"model": "nonsense"}, "model"),
        ({"cases": 0}, "cases"),
        ({"cases": 5000}, "cases"),
        ({"seed": -1}, "seed"),
        ({"scenarios": []}, "scenarios"),
        ({"sampling": {"temperature": 9}}, "sampling"),
    ],
)
def test_a_wrong_plan_names_its_field(given: dict[str, object], field: str) -> None:
    with pytest.raises(SubskillPlanError) as error:
        read_plan({"model": "lab/villager"} | given)
    assert list(error.value.fields) == [field]


@pytest.mark.parametrize("scenario", ["forest", "trash"])
async def test_a_scenario_without_tests_is_refused(instance: Instance, scenario: str) -> None:
    with pytest.raises(SubskillPlanError, match=scenario):
        await start(instance, scenarios=[scenario])


def test_by_default_all_scenarios_are_tested_with_150_cases() -> None:
    plan = SubskillPlan(model="lab/villager")
    assert (plan.scenarios, plan.cases) == (["fishery", "pasture", "pollution"], 150)


async def test_the_day_s_budget_pauses_tests_and_the_rest_is_asked_once_there_is_one(
    instance: Instance, server: FakeModelServer
) -> None:
    server.control(latency_ms=5)
    instance.settings["GOVSIM_DAILY_TOKENS"] = "20000"
    [run_id] = await start(instance, cases=40)
    worker = instance.start("worker")
    run = await until(instance, run_id, lambda run: run.state == "paused")
    assert run.reason_kind == "day budget"
    assert run.reason is not None and "goes on by itself after midnight" in run.reason
    spent = run.prompt_tokens + run.completion_tokens
    # Cases are asked 25 at a time, and looked after as often.
    assert 20_000 <= spent < 20_000 + 2 * 25 * spent / run.calls
    assert run.done == run.calls < run.total
    worker.terminate()
    worker.wait(10)
    # More for the day: a worker that may spend it goes on with what waits.
    instance.settings["GOVSIM_DAILY_TOKENS"] = "20000000"
    instance.start("worker")
    run = await until(instance, run_id, lambda run: run.state == "finished")
    assert (run.done, run.calls) == (run.total, run.total)
    assert set(server.stats()["calls"][run_id].values()) == {1}
