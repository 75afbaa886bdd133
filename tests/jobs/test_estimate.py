"""What runs will use: counted calls, tokens that measured episodes lie between, and what stored runs teach."""

import json

import pytest

from app.jobs.estimate import Range, Use, estimate
from app.jobs.estimate_words import dollars, duration, lines, sentence, tokens
from app.jobs.launch import plan_configs
from app.jobs.launch_plan import LaunchPlan
from app.models.prices import Price
from app.store.connect import Database
from app.store.records import NO_BUDGET, Budget
from app.store.spending import Spent
from tests.fakes.process import FakeModelServer
from tests.jobs.test_budgets import Office
from tests.support import Instance

PRICE = Price(input_per_mtok=1, output_per_mtok=10)


async def of(database: Database, price: Price | None = PRICE, **plan: object):  # type: ignore[no-untyped-def]
    given = LaunchPlan.model_validate({"minds": ["generative:lab/villager"]} | plan)
    configs = plan_configs(given, lambda name, kind="chat": None)
    return await estimate(database, configs[0], len(configs), price_of=lambda name: price, endpoints=())


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"scenario": "pollution"},
        {"condition": "universalization"},
        {"ratings": "batched", "embedding": "lab/embedder"},
        {"report": "individual"},
    ],
)
async def test_a_measured_episode_lies_in_its_range(
    instance: Instance, server: FakeModelServer, options: dict[str, object]
) -> None:
    plan = {"minds": ["generative:lab/villager"], "months": 4} | options
    found = await of(instance.database, **plan)
    [run_id] = await instance.launch(**plan)
    instance.start("worker")
    run = await instance.until(run_id, lambda run: run.state == "finished")
    # The fake server's talks are as short as they get: it is at the low end.
    assert 0.9 * found.each.tokens_in.low <= run.prompt_tokens <= found.each.tokens_in.high
    if "embedding" not in options:
        assert found.each.calls == run.calls

    again = await of(instance.database, **plan)
    assert (found.stored, again.stored) == (0, 1) and "1 stored run of the same model" in again.source
    for known, measured in ((again.each.tokens_in, run.prompt_tokens), (again.each.tokens_out, run.completion_tokens)):
        assert known.low <= measured <= known.high < 1.5 * measured


async def test_several_runs_use_as_much_as_all_of_them(database: Database) -> None:
    one, three = await of(database), await of(database, seeds=[1, 2, 3])
    assert (one.each, three.each) == (one.total, one.each)
    assert three.total.calls == 3 * 852 and three.total.tokens_in.low == pytest.approx(3 * one.each.tokens_in.low)
    assert one.each.cost is not None
    low = (one.each.tokens_in.low * 1 + one.each.tokens_out.low * 10) / 1e6
    assert one.each.cost.low == pytest.approx(low)


async def test_an_unknown_price_is_an_unknown_cost_and_scripted_minds_cost_nothing(database: Database) -> None:
    found = await of(database, price=None)
    assert (found.each.cost, found.total.cost, found.unpriced) == (None, None, ("lab/villager",))
    told = dict(lines(found, NO_BUDGET, NO_BUDGET, NO_BUDGET, Spent()))
    assert told["Cost"] == "unknown: no price for lab/villager"
    free = await of(database, minds=["scripted:greedy"])
    assert sentence(free) == "1 run, no model calls: nothing to pay."
    assert lines(free, Budget(tokens=1), NO_BUDGET, NO_BUDGET, Spent()) == []


async def test_the_parts_of_budgets_are_told(database: Database) -> None:
    found = await of(database, seeds=[1, 2])
    high = found.each.tokens.high
    told = dict(
        lines(
            found,
            Budget(tokens=10_000),
            Budget(tokens=round(2.1 * high)),
            Budget(tokens=round(10 * high)),
            Spent(prompt_tokens=round(8.5 * high)),
        )
    )
    assert told["Of a run's budget"].endswith("of 10,000 tokens. A run will pause before it is over.")
    assert told["Of the experiment's budget"].endswith("tokens.")
    assert "left today. The launch may pause" in told["Of today's budget"]
    over = dict(lines(found, NO_BUDGET, NO_BUDGET, Budget(cost=2), Spent(cost=2)))
    assert over["Of today's budget"].startswith("Nothing is left today")


async def test_runs_in_which_others_were_asked_too_teach_nothing(database: Database) -> None:
    office = Office(database)
    await office.launch(framework="generative:lab/other")
    assert (await office.play()).state == "finished"
    assert (await of(database)).stored == 0
    await office.launch()
    await office.play()
    assert (await of(database)).stored == 1


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [(20, 90, "20–90 s"), (180, 1020, "3–17 min"), (5400, 14400, "1.5–4 h"), (0, 0, "0 s")],
)
def test_times_are_written_for_people(low: float, high: float, text: str) -> None:
    assert duration(Range(low=low, high=high)) == text


def test_amounts_are_written_for_people() -> None:
    assert tokens(Range(low=403_919, high=566_000)) == "400,000–570,000"
    assert [dollars(amount) for amount in (0, 0.0012, 0.37, 1234.5)] == ["$0.00", "$0.0012", "$0.37", "$1,234.50"]


def test_numbers_leave_without_their_noise() -> None:
    tokens, cost = Range(low=10.4, high=20.6), Range(low=0.07399999999999998, high=0.1)
    use = Use(calls=1, tokens_in=tokens, tokens_out=tokens, cost=cost, seconds=tokens)
    told = json.loads(use.model_dump_json())
    assert (told["tokens_in"], told["cost"]) == ({"low": 10, "high": 21}, {"low": 0.074, "high": 0.1})
    assert use.cost == cost
    assert Spent(cost=0.07399999999999998).model_dump(mode="json")["cost"] == 0.074
