"""What pages and the API say while the database does not answer, and of runs that are tried again."""

from typing import Any

import psycopg
import pytest
from sqlalchemy.exc import OperationalError

from app.store.leases import claim_next
from app.store.runs import get_run
from app.store.waiting import for_endpoint, leave_waiting
from app.web.contexts.words import waiting_text
from tests.web.conftest import Site


async def waiting_run(site: Site) -> str:
    [run_id] = await site.queue()
    claim = await claim_next(site.database, "w")
    assert claim is not None
    await leave_waiting(
        site.database,
        claim,
        for_endpoint("lab"),
        reason_kind="endpoint",
        reason="Endpoint 'lab' answered 503 twice.",
        at_least_s=120,
    )
    return run_id


@pytest.mark.parametrize("path", ["/", "/runs", "/runs/r1"])
async def test_pages_say_that_the_database_is_away(site: Site, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setattr(type(site.database), "read", _away)
    response = await site.client.get(path)
    assert (response.status_code, response.headers["retry-after"]) == (503, "5")
    assert "The database does not answer at the moment" in response.text
    assert "refused" not in response.text


async def test_the_api_says_it_in_its_one_shape_and_health_is_degraded(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(site.database), "read", _away)
    response = await site.client.get("/api/v1/runs")
    assert (response.status_code, response.headers["retry-after"]) == (503, "5")
    assert response.json()["error"]["code"] == "database_unavailable"
    health = await site.client.get("/healthz")
    assert (health.json()["status"], health.json()["database"]) == ("degraded", "unreachable")


def _away(self: Any) -> Any:
    raise OperationalError("SELECT", {}, psycopg.OperationalError("connection refused"))


async def test_a_run_that_is_tried_again_says_when_and_what_is_kept(site: Site) -> None:
    run_id = await waiting_run(site)
    page = (await site.client.get(f"/runs/{run_id}")).text
    assert "Endpoint &#39;lab&#39; answered 503 twice. Everything so far is kept. Tries again at" in page
    assert "UTC (in 2 min), attempt 1." in page
    assert "Resume now" in page and "Keep paused" in page
    for path in ("/", "/runs"):
        text = (await site.client.get(path)).text
        assert "tries again" in text and "attempt 1" in text and 'data-fresh="on"' in text
    told = await site.json(f"/api/v1/runs/{run_id}")
    assert (told["state"], told["reason_kind"], told["retries"]) == ("paused", "endpoint", 1)
    assert told["retry_at"]


async def test_resume_now_and_keep_paused_do_what_they_say(site: Site) -> None:
    run_id = await waiting_run(site)
    kept = await site.client.post(f"/runs/{run_id}/pause")
    assert kept.status_code == 303
    run = await get_run(site.database, run_id)
    assert (run.state, run.waiting, run.reason_kind) == ("paused", False, "user")
    other = await waiting_run(site)
    assert (await site.client.post(f"/runs/{other}/resume")).status_code == 303
    assert (await get_run(site.database, other)).state == "queued"


async def test_a_moment_that_has_come_is_now(site: Site) -> None:
    run = await get_run(site.database, await waiting_run(site))
    assert run.retry_at is not None
    played = run.model_copy(update={"months_played": 4, "retries": 3})
    assert waiting_text(played, run.retry_at) == ("Everything up to month 4 is kept. It is tried again now, attempt 3.")
    assert waiting_text(run.model_copy(update={"state": "queued"}), run.retry_at) is None
