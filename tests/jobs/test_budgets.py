"""Runs, experiments and days that reach their budgets: what is spent, what is kept, and how it goes on."""

import asyncio
import json
import signal
from datetime import UTC, datetime, timedelta

import pytest
import structlog

from app.jobs.budgets import BudgetError, set_budget, set_experiment_budget
from app.jobs.launch import launch_plan, plan_configs
from app.jobs.launch_plan import LaunchError, LaunchPlan
from app.jobs.player import Player
from app.models.prices import Price
from app.store.budgets import change_experiment_budget
from app.store.connect import Database
from app.store.controls import StateConflict, resume
from app.store.leases import claim_next
from app.store.purse import Purse
from app.store.queries import list_calls, run_log
from app.store.records import NO_BUDGET, Budget, RunRecord
from app.store.runs import get_run
from app.store.spending import Spent, spent_by_experiment, spent_on
from tests.fakes.process import FakeModelServer
from tests.fakes.villagers import PROMPTS, VillageHub
from tests.support import Instance

PLAN = LaunchPlan(minds=["generative:lab/villager"], months=6)
PRICE = Price(input_per_mtok=10, output_per_mtok=100)
EVENING = datetime(2026, 11, 2, 22, 0, tzinfo=UTC)


class Office:
    """A hub of villagers, a day's budget and a clock; it plays the queued runs one after the other."""

    def __init__(self, database: Database, *, price: Price | None = PRICE, daily: Budget = NO_BUDGET) -> None:
        self.database = database
        self.config = plan_configs(PLAN, lambda name, kind="chat": None)[0]
        self.hub = VillageHub(self.config.names, seed=2, price=price)
        self.now = EVENING
        self.purse = Purse(database, self.hub.price_of, daily, lambda: self.now)

    async def launch(self, **changes: object) -> list[str]:
        plan = LaunchPlan.model_validate(PLAN.model_dump(exclude_unset=True) | changes)
        _, ids = await launch_plan(
            self.database,
            plan,
            check_model=lambda name, kind="chat": None,
            prompt_folders=[PROMPTS],
            price_of=self.hub.price_of,
        )
        return ids

    async def play(self) -> RunRecord:
        """Play the oldest queued run until it ends or pauses."""
        claim = await claim_next(self.database, "test")
        assert claim is not None
        await Player(self.database, self.hub, claim, purse=self.purse).run()  # type: ignore[arg-type]
        return await get_run(self.database, claim.run_id)


async def used_in_month(database: Database, run_id: str, month: int) -> int:
    calls = await list_calls(database, run_id, month=month)
    return sum((call.prompt_tokens or 0) + (call.completion_tokens or 0) for call in calls)


async def test_a_budget_pauses_at_the_end_of_a_month_with_less_than_a_month_too_much(database: Database) -> None:
    office = Office(database)
    [run_id] = await office.launch(budget_tokens=100_000)
    run = await office.play()
    last = await used_in_month(database, run_id, run.months_played)
    assert (run.state, run.reason_kind) == ("paused", "budget")
    assert 0 < run.months_played < 6
    assert 100_000 <= run.tokens < 100_000 + last
    assert run.reason == (
        f"Budget of 100,000 tokens reached: {run.tokens:,} used after month {run.months_played}. "
        "Everything up to here is kept. Raise the budget, then resume."
    )
    assert await used_in_month(database, run_id, run.months_played + 1) == 0


async def test_a_run_resumed_with_nothing_left_pauses_again_before_any_call(database: Database) -> None:
    office = Office(database)
    [run_id] = await office.launch(budget_cost=1)
    first = await office.play()
    assert (first.state, first.reason_kind) == ("paused", "budget")
    assert first.reason is not None and first.reason.startswith("Budget of $1.00 reached: $1.")
    await resume(database, run_id)
    again = await office.play()
    assert (again.state, again.calls, again.reason, again.events) == ("paused", first.calls, first.reason, first.events)
    assert (await spent_on(database, EVENING.date())).calls == first.calls


async def test_raising_a_budget_lets_the_run_go_on_to_the_same_end(database: Database) -> None:
    office = Office(database)
    [undisturbed] = await office.launch()
    assert (await office.play()).state == "finished"
    [run_id] = await office.launch(budget_tokens=60_000, budget_cost=500)
    run = await office.play()
    while run.state == "paused":
        budget, state = await set_budget(
            database,
            run,
            lambda before: before.model_copy(update={"tokens": (before.tokens or 0) + 60_000}),
            price_of=office.hub.price_of,
        )
        assert budget.cost == 500
        assert state == ("queued" if run.tokens < (budget.tokens or 0) else "paused")
        if state == "queued":
            run = await office.play()
        else:
            run = await get_run(database, run_id)
    whole = await get_run(database, undisturbed)
    assert (run.state, run.calls, run.tokens, run.gains) == (whole.state, whole.calls, whole.tokens, whole.gains)
    assert (await spent_on(database, EVENING.date())).calls == 2 * whole.calls
    texts = [entry.text for entry in await run_log(database, run_id)]
    assert "Budget: 120,000 tokens or $500.00." in texts
    assert "Queued again: the budget was changed." in texts


async def test_a_budget_that_is_still_used_up_leaves_the_run_paused(database: Database) -> None:
    office = Office(database)
    await office.launch(budget_tokens=100_000)
    run = await office.play()
    _, state = await set_budget(database, run, lambda before: Budget(tokens=run.tokens), price_of=office.hub.price_of)
    assert state == "paused"
    _, state = await set_budget(database, run, lambda before: NO_BUDGET, price_of=office.hub.price_of)
    assert state == "queued"
    assert (await office.play()).state == "finished"


async def test_a_run_that_is_over_takes_no_budget(database: Database) -> None:
    office = Office(database)
    await office.launch()
    run = await office.play()
    with pytest.raises(StateConflict, match="spends nothing any more"):
        await set_budget(database, run, lambda before: Budget(tokens=5), price_of=office.hub.price_of)
    assert (await get_run(database, run.id)).budget == NO_BUDGET


async def test_scripted_minds_spend_nothing_and_know_no_budget(database: Database) -> None:
    office = Office(database, daily=Budget(tokens=1))
    await office.launch(budget_tokens=50_000)
    assert (await office.play()).reason_kind == "day budget"
    await office.launch(minds=["scripted:fair-share"], budget_tokens=1, budget_cost=0.01)
    assert (await office.play()).state == "finished"


async def test_an_experiment_pauses_when_its_runs_together_have_reached_its_budget(database: Database) -> None:
    office = Office(database)
    ids = await office.launch(seeds=[1, 2, 3], experiment_budget_tokens=250_000)
    runs = [await office.play() for _ in ids]
    assert [run.state for run in runs] == ["finished", "paused", "paused"]
    assert runs[2].calls == 0 and "paused before month 1" in (runs[2].reason or "")
    experiment = runs[0].experiment_id or ""
    spent = await spent_by_experiment(database, experiment)
    assert 250_000 <= spent.tokens < 250_000 + await used_in_month(database, ids[1], runs[1].months_played)
    assert f"{spent.tokens:,} used by its 3 runs" in (runs[1].reason or "")

    _, freed = await set_experiment_budget(
        database, experiment, runs, lambda before: Budget(tokens=spent.tokens), price_of=office.hub.price_of
    )
    assert freed == []
    # A run whose own budget is used up stays where it is.
    await set_budget(database, runs[1], lambda before: Budget(tokens=1), price_of=office.hub.price_of)
    _, freed = await change_experiment_budget(database, experiment, lambda before: Budget(tokens=10**9))
    assert freed == [ids[2]]
    assert (await office.play()).state == "finished"


async def test_the_day_s_budget_pauses_until_midnight_and_the_rest_follows_by_itself(database: Database) -> None:
    office = Office(database, daily=Budget(tokens=100_000))
    [run_id] = await office.launch()
    run = await office.play()
    assert (run.state, run.reason_kind) == ("paused", "day budget")
    assert "by itself after midnight, 2026-11-03 00:00 UTC." in (run.reason or "")
    today = await spent_on(database, EVENING.date())
    assert today.tokens == run.tokens >= 100_000
    assert await office.purse.wake() == []
    office.now = EVENING + timedelta(hours=1, minutes=59)
    assert await office.purse.wake() == []
    office.now = EVENING + timedelta(hours=2)
    assert await office.purse.wake() == [run_id]
    assert await office.purse.wake() == []
    again = await office.play()
    tomorrow = await spent_on(database, office.now.date())
    assert (tomorrow.calls, today.calls) == (again.calls - run.calls, run.calls)
    assert today == await spent_on(database, EVENING.date())


async def test_a_budget_in_dollars_is_refused_without_a_price(database: Database) -> None:
    office = Office(database, price=None)
    for name in ("budget_cost", "experiment_budget_cost"):
        with pytest.raises(LaunchError, match=r"price of lab/villager is unknown.*models\.toml") as refused:
            await office.launch(**{name: 5})
        assert list(refused.value.fields) == [name]
    [run_id] = await office.launch(budget_tokens=100_000)
    run = await office.play()
    with pytest.raises(BudgetError, match=r"price of \d+ calls is unknown"):
        await set_budget(database, run, lambda before: Budget(cost=5), price_of=lambda name: PRICE)
    assert (await get_run(database, run_id)).budget == Budget(tokens=100_000)


async def test_a_price_that_turns_out_missing_pauses_at_the_next_month(database: Database) -> None:
    office = Office(database)
    [run_id] = await office.launch(budget_cost=500)
    office.hub.price = None
    run = await office.play()
    assert (run.state, run.reason_kind, run.calls) == ("paused", "budget", 0)
    assert "the price of lab/villager is unknown" in (run.reason or "")
    # The hub knows a price, but the calls come back without one: their tokens are not told.
    office.purse = Purse(database, lambda name: PRICE, NO_BUDGET, lambda: office.now)
    await resume(database, run_id)
    run = await office.play()
    assert (run.reason_kind, run.months_played) == ("budget", 1)
    assert run.reason is not None and f"the price of {run.calls} calls is unknown" in run.reason


@pytest.mark.parametrize(
    ("error", "level", "key"),
    [(ConnectionError("gone"), "warning", "error"), (ValueError("a bug"), "error", "exc_info")],
)
async def test_an_outage_while_paused_runs_are_looked_for_is_a_warning(
    error: Exception, level: str, key: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = asyncio.Event()

    async def fail(purse: Purse) -> list[str]:
        stop.set()
        raise error

    monkeypatch.setattr(Purse, "wake", fail)
    with structlog.testing.capture_logs() as told:
        await Purse(database, lambda name: PRICE).keep_waking(stop)
    assert [(line["log_level"], key in line) for line in told] == [(level, True)]


@pytest.mark.parametrize("wrong", [0, -1, float("nan"), float("inf"), 10**13, "x"])
def test_a_budget_is_an_amount(wrong: object) -> None:
    for name in ("budget_tokens", "budget_cost", "experiment_budget_tokens", "experiment_budget_cost"):
        with pytest.raises(ValueError, match=name):
            LaunchPlan.model_validate({name: wrong})


async def test_two_workers_share_an_experiment_s_budget(instance: Instance, server: FakeModelServer) -> None:
    server.control(latency_ms=10)
    ids = await instance.launch(
        minds=["generative:lab/villager"], months=6, seeds=[1, 2, 3, 4], experiment_budget_tokens=300_000
    )
    for _ in range(2):
        instance.settings["GOVSIM_RUNS_PER_WORKER"] = "2"
        instance.start("worker")
    runs = [await instance.until(run_id, lambda run: run.state in ("paused", "finished")) for run_id in ids]
    paused = [run for run in runs if run.state == "paused"]
    assert paused and {run.reason_kind for run in paused} == {"budget"}
    experiment = runs[0].experiment_id or ""
    spent = await spent_by_experiment(instance.database, experiment)
    month = max([await used_in_month(instance.database, run.id, run.months_played) for run in runs])
    assert 300_000 <= spent.tokens < 300_000 + 4 * month
    told = json.loads(
        (await asyncio.to_thread(instance.govsim, "budget", experiment, "--tokens", "9,000,000", "--json")).stdout
    )
    assert set(told["resumed"]) == {run.id for run in paused}
    for run_id in ids:
        await instance.until(run_id, lambda run: run.state == "finished")
    for counts in server.stats()["calls"].values():
        assert set(counts.values()) == {1}


async def test_a_killed_worker_is_charged_once(instance: Instance, server: FakeModelServer) -> None:
    server.control(latency_ms=20)
    [run_id] = await instance.launch(minds=["generative:lab/villager"], months=5, budget_tokens=100_000)
    worker = instance.start("worker")
    await instance.until(run_id, lambda run: run.months_played >= 2)
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    instance.start("worker")
    run = await instance.until(run_id, lambda run: run.state == "paused")
    calls = await list_calls(instance.database, run_id, limit=5000)
    tokens = sum((call.prompt_tokens or 0) + (call.completion_tokens or 0) for call in calls)
    today = datetime.now(UTC).date()
    days = [await spent_on(instance.database, day) for day in (today - timedelta(days=1), today)]
    assert run.tokens == tokens == sum(day.tokens for day in days)
    assert run.calls == len(calls) == sum(day.calls for day in days)
    assert 100_000 <= run.tokens < 100_000 + await used_in_month(instance.database, run_id, run.months_played)


async def test_what_reaches_no_budget_is_no_budget(database: Database) -> None:
    assert not Spent(prompt_tokens=10**15, cost=1e9).reaches(NO_BUDGET)
    assert Spent(prompt_tokens=3, completion_tokens=2).reaches(Budget(tokens=5))
    assert not Spent(cost=0.99, unpriced=5).reaches(Budget(cost=1))
