"""/metrics: valid, complete, described, and behind the gate."""

import re
from collections import Counter
from pathlib import Path

import pytest
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse
from sqlalchemy.exc import OperationalError

from app.models.meter import EndpointUse
from app.store.controls import request
from app.store.usage import add_use
from app.store.workers import WorkerReport, report_worker
from app.web import instance
from tests.support import ROOT, scripted_config
from tests.web.conftest import Site, open_site

TOKEN = "only-for-prometheus"
WORKER = WorkerReport(id="w1", role="worker", host="a", pid=1, version="1", capacity=8, playing=2)


async def scrape(site: Site) -> dict[str, Metric]:
    answer = await site.client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    return {metric.name: metric for metric in parse(answer.text)}


def value(metrics: dict[str, Metric], name: str, **labels: str) -> float:
    found = [
        sample.value
        for metric in metrics.values()
        for sample in metric.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    ]
    assert len(found) == 1, (name, labels, found)
    return found[0]


async def busy(site: Site) -> None:
    """Something of everything."""
    await site.play()
    await site.queue(scripted_config(seed=2), scripted_config(seed=3))
    [paused] = await site.queue(scripted_config(seed=4))
    await request(site.database, paused, "pause")
    await report_worker(site.database, WORKER)
    use = EndpointUse(outcomes=Counter({"answered": 3, "429": 1}), latencies=Counter({0: 1, 11: 2}), latency_ms=400_000)
    await add_use(site.database, {"lab": use})


async def test_any_web_process_tells_of_the_whole_instance(site: Site) -> None:
    await busy(site)
    found = await scrape(site)
    assert [value(found, "govsim_runs", state=state) for state in ("queued", "paused", "finished")] == [2, 1, 1]
    assert value(found, "govsim_runs_stopped", state="paused", reason="user") == 1
    assert value(found, "govsim_queue_oldest_seconds") < 60
    assert (value(found, "govsim_workers"), value(found, "govsim_worker_capacity")) == (1, 8)
    assert value(found, "govsim_endpoint_requests_total", endpoint="lab", outcome="429") == 1
    assert value(found, "govsim_endpoint_request_seconds_bucket", endpoint="lab", le="0.1") == 1
    assert value(found, "govsim_endpoint_request_seconds_bucket", endpoint="lab", le="+Inf") == 3
    assert value(found, "govsim_endpoint_request_seconds_sum", endpoint="lab") == 400
    assert value(found, "govsim_database_bytes") > 10_000
    assert value(found, "govsim_run_log_lines_total", kind="state") >= 5


async def test_requests_are_counted_by_route_and_never_by_address(site: Site) -> None:
    await site.client.get("/s/SECRET-TOKEN")
    await site.client.get("/runs/r2222222")
    await site.client.get("/nothing/SECRET")
    await site.client.request("BREW", "/runs")
    answer = await site.client.get("/metrics")
    assert "SECRET" not in answer.text and "BREW" not in answer.text and "r2222222" not in answer.text
    found = await scrape(site)
    assert value(found, "govsim_http_requests_total", route="/s/{token}", status="4xx") == 1
    assert value(found, "govsim_http_requests_total", route="none") == 1
    assert value(found, "govsim_http_requests_total", method="other") == 1
    assert value(found, "govsim_http_request_seconds_count", route="/runs/{run_id}") == 1


async def test_both_forms_are_valid(site: Site) -> None:
    await busy(site)
    accept = "application/openmetrics-text; version=1.0.0"
    answer = await site.client.get("/metrics", headers={"Accept": accept})
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n") and answer.text.count("# EOF") == 1
    assert {metric.name for metric in parse_openmetrics(answer.text)} >= {"govsim_runs", "govsim_http_requests"}


async def test_the_docs_describe_every_metric_and_no_other(site: Site) -> None:
    await busy(site)
    await site.client.get("/")
    names = {metric.name for metric in (await scrape(site)).values() if not metric.name.endswith("_created")}
    told = (ROOT / "docs" / "operations.md").read_text()
    described = set(re.findall(r"^\| `(govsim_\w+)`", told, re.MULTILINE))
    assert {name.removesuffix("_total") for name in described} == names


async def test_without_its_database_it_says_so(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(database: object) -> None:
        raise OperationalError("SELECT", {}, Exception("gone"))

    monkeypatch.setattr(instance, "instance_figures", away)
    found = await scrape(site)
    assert value(found, "govsim_database_up") == 0
    assert "govsim_runs" not in found


async def test_many_readers_share_one_reading(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    read, original = 0, instance.instance_figures

    async def counted(database: object) -> object:
        nonlocal read
        read += 1
        return await original(database)  # type: ignore[arg-type]

    monkeypatch.setattr(instance, "instance_figures", counted)
    for _ in range(3):
        await scrape(site)
    assert read == 1


async def test_a_token_opens_the_numbers_and_nothing_else(tmp_path: Path) -> None:
    async with open_site(tmp_path, password="correct horse", metrics_token=TOKEN) as site:
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        assert (await site.client.get("/metrics", headers=bearer)).status_code == 200
        assert (await site.client.get("/runs", headers=bearer)).status_code in (303, 401)
        assert (await site.client.get("/api/v1/runs", headers=bearer)).status_code == 401
        refused = await site.client.get("/metrics")
        assert (refused.status_code, refused.json()["error"]["code"]) == (401, "login_required")
        wrong = await site.client.get("/metrics", headers={"Authorization": "Bearer guess"})
        assert wrong.json()["error"]["code"] == "wrong_password"
        password = {"Authorization": "Bearer correct horse"}
        assert (await site.client.get("/metrics", headers=password)).status_code == 200


async def test_without_a_token_only_the_password_opens_them(locked: Site) -> None:
    answer = await locked.client.get("/metrics", headers={"Authorization": "Bearer None"})
    assert answer.status_code == 401
