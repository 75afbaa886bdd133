"""A run's calls in pages: everything that was asked and answered, each text of the prompts once."""

from typing import Any

from sqlalchemy import update

from app.store.pages import PAGE_CHARACTERS
from app.store.tables import ShareRow
from tests.support import scripted_config
from tests.web.conftest import BASE, Site
from tests.web.test_api import store_with_calls


async def read(site: Site, address: str, limit: int = 200) -> tuple[list[Any], dict[str, str], list[dict[str, Any]]]:
    """Read all pages as `next` says; return the calls, the texts and the pages."""
    calls: list[Any] = []
    texts: dict[str, str] = {}
    pages: list[dict[str, Any]] = []
    query = f"limit={limit}"
    while True:
        page = await site.json(f"{address}?{query}")
        pages.append(page)
        assert not texts.keys() & page["texts"].keys(), "a text was told twice"
        calls += page["calls"]
        texts |= page["texts"]
        if "next" not in page:
            return calls, texts, pages
        query = f"limit={limit}&after={page['next']['after']}&texts={page['next']['texts']}"


async def test_the_pages_hold_what_each_call_by_itself_tells(site: Site) -> None:
    run = await store_with_calls(site)
    calls, texts, pages = await read(site, f"/api/v1/runs/{run}/record", limit=3)
    assert [len(page["calls"]) for page in pages] == [3, 3, 3, 1]
    # Five agents are asked the same in both months.
    assert len(texts) == 5 and not pages[2]["texts"]
    listed = (await site.json(f"/api/v1/runs/{run}/calls"))["calls"]
    assert [call["key"] for call in calls] == [call["key"] for call in listed]
    for call in calls:
        alone = await site.json(f"/api/v1/runs/{run}/calls/{call['key']}")
        told = ["".join(texts[str(part["text"])] for part in message["texts"]) for message in call["request"]]
        assert told == ["".join(part["text"] for part in message["segments"]) for message in alone["messages"]]
        assert (call["completion"], call["thinking"]) == (alone["answer"]["text"], alone["answer"]["thinking"])
        assert call["request_hash"] == alone["request_hash"]


async def test_a_page_in_the_middle_can_be_read_by_itself(site: Site) -> None:
    run = await store_with_calls(site)
    page = await site.json(f"/api/v1/runs/{run}/record?after=5&limit=2")
    used = {str(part["text"]) for call in page["calls"] for message in call["request"] for part in message["texts"]}
    assert used == page["texts"].keys()


async def test_a_page_ends_early_where_its_texts_are_long(site: Site) -> None:
    run = await store_with_calls(site, long=PAGE_CHARACTERS // 2)
    calls, _, pages = await read(site, f"/api/v1/runs/{run}/record")
    assert len(calls) == 10 and [len(page["calls"]) for page in pages] == [2, 2, 2, 2, 2]


async def test_a_run_without_calls_has_one_empty_page(site: Site) -> None:
    [run] = await site.play(scripted_config())
    assert await site.json(f"/api/v1/runs/{run}/record") == {"calls": [], "texts": {}}
    await site.json("/api/v1/runs/r2222222/record", 404)
    for wrong in ("after=-1", "texts=-1", "limit=0", "limit=1001", "after=x"):
        await site.json(f"/api/v1/runs/{run}/record?{wrong}", 422)


async def test_a_snapshot_tells_no_call_after_it_and_no_text_that_only_later_calls_sent(site: Site) -> None:
    run = await store_with_calls(site)
    made = await site.client.post(f"/api/v1/runs/{run}/shares", json={"costs": False})
    token = made.json()["link"].removeprefix(f"{BASE}/s/")
    for values in ({"last_call": 4}, {"last_call": None, "last_seq": 1}):
        async with site.database.write() as connection:
            await connection.execute(update(ShareRow).values(**values))
        seen = [call["key"] for call in (await site.json(f"/s/{token}/api/calls"))["calls"]]
        calls, texts, _ = await read(site, f"/s/{token}/api/record", limit=3)
        assert [call["key"] for call in calls] == seen
        assert len(texts) == len(seen) == (4 if values["last_call"] else 0)
        assert all("cost" not in call for call in calls)
