import asyncio
import json
from pathlib import Path

from app.jobs.player import Player
from app.models.hub import ModelHub
from app.store.controls import request
from app.store.leases import claim_next
from app.store.queries import events_after
from app.store.runs import get_run
from app.web.live import look_at, stream_run
from tests.databases import on_both
from tests.support import Instance
from tests.web.conftest import MODELS, Site

database_kind = on_both


def messages(text: str) -> list[dict[str, str]]:
    """Read server-sent events as a browser would."""
    found = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if line and not line.startswith(":"))
        if fields:
            found.append(fields)
    return found


async def test_a_finished_run_streams_all_its_events_then_says_so(site: Site) -> None:
    [run] = await site.play()
    response = await site.client.get(f"/api/v1/runs/{run}/stream")
    assert response.headers["content-type"].startswith("text/event-stream")
    assert "gzip" not in response.headers.get("content-encoding", "")
    *events, status = messages(response.text)
    stored = await events_after(site.database, run)
    assert [(int(item["id"]), item["data"]) for item in events] == stored
    assert "id" not in status and status["event"] == "status"
    told = json.loads(status["data"])
    assert (told["state"], told["over"], told["events"]) == ("finished", True, len(stored))


async def test_a_reader_that_comes_back_gets_only_what_it_missed(site: Site) -> None:
    [run] = await site.play()
    total = len(await events_after(site.database, run))
    for after in (1, total // 2, total - 1, total):
        response = await site.client.get(f"/api/v1/runs/{run}/stream?after=1", headers={"Last-Event-ID": str(after)})
        ids = [int(item["id"]) for item in messages(response.text) if "id" in item]
        assert ids == list(range(after + 1, total + 1))


async def test_a_last_event_id_that_is_no_number_starts_over(site: Site) -> None:
    [run] = await site.play()
    for nonsense in ("", "abc", "-4", "1.5", "9" * 30):
        response = await site.client.get(f"/api/v1/runs/{run}/stream", headers={"Last-Event-ID": nonsense})
        assert response.status_code == 200
        ids = [item["id"] for item in messages(response.text) if "id" in item]
        assert ids[:1] == ([] if nonsense.startswith("9") else ["1"])


async def test_a_run_is_streamed_while_it_is_played(site: Site) -> None:
    [run] = await site.queue()
    told: list[tuple[str | None, str | None]] = []
    first = asyncio.Event()

    async def read() -> None:
        async for message in stream_run(site.services, run, look_at(site.services, run)):
            told.append((message.event, message.id))
            first.set()

    reader = asyncio.create_task(read())
    await first.wait()
    assert told == [("status", None)]
    claim = await claim_next(site.database, "test")
    assert claim is not None
    await Player(site.database, ModelHub([]), claim).run()
    async with asyncio.timeout(10):
        await reader
    count = (await get_run(site.database, run)).events
    assert [number for _, number in told if number] == [str(number) for number in range(1, count + 1)]
    assert told[-1] == ("status", None)


async def test_a_pause_is_told_and_the_stream_stays_open(site: Site) -> None:
    [run] = await site.queue()
    states: list[str] = []
    changed = asyncio.Event()

    async def read() -> None:
        async for message in stream_run(site.services, run, look_at(site.services, run)):
            states.append(message.data.state)
            changed.set()

    reader = asyncio.create_task(read())
    for wish in (None, "pause", "stop"):
        changed.clear()
        if wish:
            await request(site.database, run, wish)
        async with asyncio.timeout(10):
            await changed.wait()
    async with asyncio.timeout(10):
        await reader
    assert states == ["queued", "paused", "cancelled"]


async def test_nobody_is_followed_once_the_streams_are_over(site: Site) -> None:
    [run] = await site.play()
    await site.client.get(f"/api/v1/runs/{run}/stream")
    assert site.services.watcher.latest(run) is None
    assert not site.services.watcher._followed


async def test_a_run_that_another_process_plays_is_followed_to_its_end(
    site: Site, tmp_path: Path, database_url: str
) -> None:
    instance = Instance(tmp_path, MODELS, database_url)
    [run] = await instance.launch(minds=["scripted:greedy"], months=3, pace_ms=20)
    instance.start("worker")
    states, ids = [], []
    async with asyncio.timeout(60):
        async for item in stream_run(site.services, run, look_at(site.services, run)):
            if item.id is None:
                states.append(item.data.state)
            else:
                ids.append(int(item.id))
    stored = await events_after(site.database, run)
    assert ids == [seq for seq, _ in stored] and states[0] == "queued" and states[-1] == "finished"
    assert "playing" in states, "it was seen while it was played, not only when it was over"
    await instance.close()
