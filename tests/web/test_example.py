"""The example on the home page: there on an empty instance, told month by month, a run of its own on request."""

from app.analysis.replay import replay
from app.store.runs import get_run
from app.store.shelf import delete_runs
from app.web.contexts.example import QUOTES, example
from app.web.samples import ExampleStory, example_config
from tests.databases import on_both
from tests.support import played
from tests.web.conftest import Site
from tests.web.page import Element

database_kind = on_both


def shown(page: Element) -> list[str]:
    return [month.attributes["data-month"] for month in page.all("article") if "hidden" not in month.attributes]


async def test_the_example_is_a_tragedy_of_broken_agreements() -> None:
    told = await ExampleStory().told()
    assert told == replay(await played(example_config()), example_config())
    assert told.collapsed
    assert told.months_played == len(told.months) == 6
    assert [month.breaches > 0 for month in told.months] == [False, True, True, True, True, True]


async def test_its_months_say_what_was_agreed_who_broke_it_and_how_it_ends() -> None:
    story = example(await ExampleStory().told(), example_config(), "1")
    first, second, last = story.months[0], story.months[1], story.months[-1]
    assert first.facts == "Nothing is agreed yet. Emma takes most: 16 t."
    assert first.outlook == "They agree on at most 8 t each. What is left doubles: 82 t next month."
    assert second.facts == "Agreed: at most 8 t each. Kate and Emma take more."
    assert last.outlook == "3 t are left, fewer than 5: the lake has collapsed. Nobody will fish again."
    assert [len(month.quotes) for month in story.months] == [QUOTES] * 6
    assert all(month.scale <= previous.scale for previous, month in zip(story.months, story.months[1:], strict=False))


async def test_an_empty_instance_shows_the_example_and_its_address_names_the_month(site: Site) -> None:
    page = await site.page("/")
    assert shown(page) == ["1"]
    assert {tag.text for tag in page.one("section", id="example").classed("tag")} == {"example", "scripted"}
    assert page.all("a", href="/?month=6#example")
    assert shown(await site.page("/?month=6")) == ["6"]


async def test_an_address_without_such_a_month_shows_the_first(site: Site) -> None:
    for wrong in ("0", "7", "-1", "x", "٣", "9" * 50):
        assert shown(await site.page(f"/?month={wrong}")) == ["1"], wrong


async def test_the_example_becomes_one_run_however_often_it_is_opened(site: Site) -> None:
    answers = [await site.client.post("/example", data={"submission": token}) for token in ("a", "a", "b")]
    assert [answer.status_code for answer in answers] == [303] * 3
    # At first it is watched as it comes, later it is replayed.
    fresh, again, address = (answer.headers["location"] for answer in answers)
    assert again == address == f"{fresh}?m=1"
    run = await get_run(site.database, fresh.removeprefix("/runs/"))
    assert run.episode == example_config()
    assert (await site.json("/api/v1/runs"))["total"] == 1
    assert [tag.text for tag in (await site.page(address)).classed("tag")] == ["scripted"]
    # Once it is deleted, it is played anew.
    await delete_runs(site.database, [run.id])
    anew = (await site.client.post("/example", data={"submission": "c"})).headers["location"]
    assert anew.startswith("/runs/r")
    assert run.id not in anew


async def test_the_twin_of_the_example_has_its_months_and_talk(site: Site) -> None:
    told = await site.json("/api/v1/example")
    assert [month["stock_after"] for month in told["months"]] == [41, 35, 22, 7, 6, 3]
    assert told["months"][1]["lines"][1]["text"].startswith("Emma, we had agreed on 8, and you caught 13.")
