"""/operations and its twin: full, empty, without its database; and the controls."""

from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.exc import OperationalError

from app.models.meter import EndpointUse
from app.store.runs import add_log
from app.store.tables import RunRow, WorkerRow
from app.store.usage import add_use
from app.store.workers import WorkerReport, list_workers, report_worker
from app.web import instance
from app.web.contexts.operations import CHART_HEIGHT, bars
from app.web.operations import look_around
from tests.support import scripted_config
from tests.web.conftest import Site


def worker(name: str = "w1", **fields: object) -> WorkerReport:
    given = {"id": name, "role": "worker", "host": "alpha", "pid": 7, "version": "0.0.1", "capacity": 8} | fields
    return WorkerReport.model_validate(given)


async def busy(site: Site) -> tuple[str, list[str]]:
    """An experiment of four runs, one of them being played, one failed; a worker, a lost one, and calls."""
    ids = await site.queue(*(scripted_config(seed=seed) for seed in range(1, 5)), experiment="Sweep")
    await report_worker(site.database, worker(playing=1, calls_per_minute={ids[0]: 55}))
    await report_worker(site.database, worker("w2", host="beta"))
    [w1, *_] = await list_workers(site.database)
    async with site.database.write() as connection:
        await connection.execute(
            update(WorkerRow).where(WorkerRow.id == "w2").values(heartbeat=w1.heartbeat - timedelta(minutes=9))
        )
        await connection.execute(update(RunRow).where(RunRow.id == ids[0]).values(state="playing", owner="w1"))
        failed = {"state": "failed", "reason_kind": "defect", "reason": "It broke <b>badly</b>."}
        await connection.execute(update(RunRow).where(RunRow.id == ids[1]).values(**failed))
        await add_log(connection, ids[1], "state", "Failed: It broke <b>badly</b>.")
    use = EndpointUse(outcomes=Counter({"answered": 40, "429": 2}), latencies=Counter({3: 40}), latency_ms=60_000)
    use.prompt_tokens, use.completion_tokens, use.cost, use.unpriced = 9_000, 1_000, 0.5, 3
    await add_use(site.database, {"local": use})
    experiment = (await site.json(f"/api/v1/runs/{ids[0]}"))["experiment"]
    return experiment, ids


async def test_the_page_and_its_twin_tell_what_goes_on(site: Site) -> None:
    experiment, ids = await busy(site)
    now = await site.json("/api/v1/operations")
    assert [(line["host"], line["alive"]) for line in now["workers"]] == [("alpha", True), ("beta", False)]
    [line] = now["activity"]["waiting"]
    assert (line["experiment"], line["queued"], line["playing"]) == (experiment, 2, 1)
    assert [(run["id"], run["calls_per_minute"]) for run in now["playing"]] == [(ids[0], 55)]
    assert [run["id"] for run in now["activity"]["stopped"]] == [ids[1]]
    assert now["activity"]["trouble"][0]["text"].startswith("Failed:")
    [local] = [endpoint for endpoint in now["endpoints"] if endpoint["name"] == "local"]
    assert (local["answered"], local["failed"], local["mean_latency_s"]) == (40, 2, 1.5)
    assert len(now["last_hour"]) == 60 and sum(minute["tokens"] for minute in now["last_hour"]) == 10_000
    assert now["database"]["kind"] == "SQLite" and now["database"]["free_bytes"] > 0

    page = await site.page("/operations")
    text = page.one("main").text
    for told in ("Sweep", "alpha", "lost", "1 failed: defect", "$0.50 and 3 calls of unknown price", "It broke <b>"):
        assert told in text, told
    assert page.one("a", href=f"/experiments/{experiment}") and page.one("a", href=f"/runs/{ids[0]}")


async def test_an_idle_instance_says_so(site: Site) -> None:
    text = (await site.page("/operations")).one("main").text
    for told in ("No worker is running.", "Nothing waits", "No model was asked", "No run is paused or failed"):
        assert told in text
    assert "queued run" not in text
    assert (await site.page("/")).one("footer").one("a", href="/operations")


async def test_without_its_database_the_page_still_says_what_is_wrong(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(database: object) -> None:
        raise OperationalError("SELECT", {}, Exception("secret host is gone"))

    monkeypatch.setattr(instance, "instance_figures", away)
    page = await site.page("/operations", 503)
    assert page.one("h1").text == "Operations" and "The database cannot be read" in page.text
    answer = await site.client.get("/api/v1/operations")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "database_unreachable")
    assert "secret" not in page.text + answer.text


async def test_all_runs_of_an_experiment_are_paused_resumed_and_cancelled(site: Site) -> None:
    experiment, ids = await busy(site)

    async def states() -> list[str]:
        return [(await site.json(f"/api/v1/runs/{run_id}"))["state"] for run_id in ids]

    answer = await site.client.post(f"/experiments/{experiment}/pause", data={"back": "operations"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/operations")
    assert await states() == ["playing", "failed", "paused", "paused"]
    assert (await site.client.post(f"/api/v1/experiments/{experiment}/resume")).json()["runs"] == 3
    assert await states() == ["playing", "failed", "queued", "queued"]
    answer = await site.client.post(f"/experiments/{experiment}/cancel", data={"back": "//evil.example"})
    assert answer.headers["location"] == f"/experiments/{experiment}"
    assert await states() == ["playing", "failed", "cancelled", "cancelled"]
    assert (await site.client.post("/api/v1/experiments/x2222222/pause")).status_code == 404


async def test_shares_lead_to_no_operations(site: Site) -> None:
    [run] = await site.play()
    issued = (await site.client.post(f"/api/v1/runs/{run}/shares", json={})).json()
    page = await site.page("/s/" + issued["link"].rpartition("/s/")[2])
    assert not page.all("a", href="/operations")


async def test_bars_stand_on_the_ground_and_stay_inside(site: Site) -> None:
    await busy(site)
    drawn, most = bars((await look_around(site.services)).last_hour)
    assert most == 42 and len(drawn) == 60
    busiest = max(drawn, key=lambda bar: bar.answered_height)
    assert busiest.answered_y + busiest.answered_height == pytest.approx(CHART_HEIGHT)
    assert busiest.failed_y == pytest.approx(0, abs=0.01)
    assert "40 answered, 2 failed" in busiest.text
    assert bars([]) == ([], 0)
