"""A comparison through a link: what its reader sees, may change, and does not reach."""

import asyncio
import csv
import io
import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from app.store.corrections import CorrectionIn, add_correction
from app.store.runs import now
from app.store.tables import SharedRunRow, ShareRow
from app.web.live import stream_run
from app.web.shared import follow_shared
from tests.databases import on_both
from tests.support import scripted_config
from tests.web.conftest import BASE, Site
from tests.web.test_api import HOSTILE, store_with_calls
from tests.web.test_compare import FAIR, VILLAGE, six_runs
from tests.web.test_share_scope import AUTHOR, link, priced

database_kind = on_both


def named(ids: list[str]) -> str:
    return "?" + "&".join(f"run={run}" for run in ids)


async def test_it_shows_the_comparison_and_leads_nowhere_else(site: Site) -> None:
    ids = await six_runs(site)
    [other] = await site.play(scripted_config(FAIR, seed=7))
    root = f"/s/{await link(site, 'compare', named(ids), author=AUTHOR)}"
    response = await site.client.get(root)
    assert response.headers["x-robots-tag"] == "noindex" and response.headers["cache-control"] == "no-store"
    page = await site.page(root)
    assert "read-only" in page.classed("ribbon")[0].text and AUTHOR in page.one("main").text
    assert "3 of 3" in page.one("main").text and len(page.all("figure")) >= 4
    reached = {item.attributes.get("href", "#") for item in page.all("a")}
    assert all(href.startswith((f"{root}?", f"{root}/", "#", "https://")) for href in reached), reached
    charts = [item.attributes["data-chart"] for item in page.all("figure")]
    assert all(str(chart).startswith(f"{root}/api/compare/figures/") for chart in charts)
    assert not page.all("form", method="post")
    assert all(form.attributes["action"].startswith(root) for form in page.all("form"))  # type: ignore[union-attr]
    assert other not in response.text and "two villages" not in response.text
    for chart in charts:
        assert (await site.json(str(chart)))["data"]


async def test_the_numbers_are_those_of_the_owners_comparison(site: Site) -> None:
    ids = await six_runs(site)
    own = await site.json(f"/api/v1/compare{named(ids)}&group=model")
    token = await link(site, "compare", f"{named(ids)}&group=model")
    seen = await site.json(f"/s/{token}/api/compare")
    assert seen["comparison"] == own["comparison"]
    for name in ("survival", "stock", "gini", "gain", "promises"):
        chart = await site.json(f"/s/{token}/api/compare/figures/{name}?theme=dark")
        assert chart == await site.json(f"/api/v1/compare/figures/{name}{named(ids)}&group=model&theme=dark")


async def test_its_reader_groups_otherwise_but_chooses_no_runs(site: Site) -> None:
    ids = await six_runs(site)
    [other] = await site.play(scripted_config(FAIR, seed=7))
    token = await link(site, "compare", f"{named(ids)}&group=seed")
    at = f"/s/{token}/api/compare"

    async def groups(query: str) -> int:
        found = await site.json(at + query)
        runs = {run for group in found["comparison"]["groups"] for run in (*group["runs"], *group["twins"])}
        assert runs == set(ids)
        return len(found["comparison"]["groups"])

    assert await groups("") == 3
    assert await groups("?group=model") == 2
    # The usual grouping is said in the address too: else it would be that of the link.
    assert await groups("?" + (await site.json(at + "?group=model&group=condition"))["query"]) == 2
    for tried in (f"?run={other}", "?experiment=x2222222", "?scenario=fishery", f"?group=model&run={other}&q=x"):
        await groups(tried)
    told = await site.page(f"/s/{token}?group=experiment&group=gossip&answers=maybe&diff={ids[0]}&diff={other}")
    text = told.one("main").text
    assert "does not group by “experiment”" in text and "Answers is left out" in text
    assert not told.classed("sides") and other not in text
    sides = await site.page(f"/s/{token}?diff={ids[0]}&diff={ids[3]}")
    assert sides.classed("sides") and sides.all("a", href=f"/s/{token}/runs/{ids[3]}?m=2")


async def test_names_that_were_given_for_oneself_are_told_only_where_the_link_groups_by_them(site: Site) -> None:
    ids = await six_runs(site)
    (await site.client.put(f"/api/v1/runs/{ids[0]}/tags/my-doubts")).raise_for_status()
    silent = await link(site, "compare", named(ids))
    told = await link(site, "compare", f"{named(ids)}&group=experiment&group=tag")
    for kind in ("csv", "json", "tex"):
        response = await site.client.get(f"/s/{silent}/export/{kind}?group=experiment&group=tag")
        assert response.status_code == 200
        assert "two villages" not in response.text and "my-doubts" not in response.text
    rows = (await site.client.get(f"/s/{told}/export/csv")).text
    assert "two villages" in rows and "my-doubts" in rows


async def test_exports_hold_the_shared_runs_and_no_others(site: Site) -> None:
    ids = await six_runs(site)
    [other] = await site.play(scripted_config(FAIR, seed=7))
    token = await link(site, "compare", named(ids[:4]))
    for kind in ("csv", "json", "tex"):
        response = await site.client.get(f"/s/{token}/export/{kind}?run={other}&run={ids[5]}")
        assert response.headers["content-disposition"].startswith("attachment")
        assert kind == "tex" or all(run in response.text for run in ids[:4])
        assert other not in response.text and ids[5] not in response.text
    assert json.loads((await site.client.get(f"/s/{token}/export/json")).content)["query"] == ""
    assert (await site.client.get(f"/s/{token}/export/exe")).status_code == 422


async def test_a_snapshot_ends_for_each_run_where_it_was(site: Site) -> None:
    ids = await site.play(scripted_config(FAIR, seed=1), scripted_config(VILLAGE, seed=1))
    run = ids[0]
    whole = await site.json(f"/api/v1/compare{named(ids)}")  # The owner's page must not leave its numbers to the link.
    token = await link(site, "compare", named(ids))
    events = (await site.json(f"/api/v1/runs/{run}/events?limit=5000"))["events"]
    cut = next(event["seq"] for event in events if event["kind"] == "month_ended" and event["month"] == 2)
    async with site.database.write() as connection:
        await connection.execute(update(SharedRunRow).where(SharedRunRow.run_id == run).values(last_seq=cut))
    seen = await site.json(f"/s/{token}/api/compare")

    def of(found: Any) -> Any:
        return next(group for group in found["comparison"]["groups"] if run in group["runs"])["figures"]

    assert of(whole)["complete"] == 1 and of(seen)["complete"] == 0
    rows = csv.DictReader(io.StringIO((await site.client.get(f"/s/{token}/export/csv")).text))
    cells = next(row for row in rows if row["run"] == run)
    assert (cells["month"], cells["complete"], cells["survived"]) == ("2", "false", "")
    page = await site.page(f"/s/{token}?diff={ids[0]}&diff={ids[1]}")
    assert not page.classed("sides")[0].all("a", href=f"/s/{token}/runs/{run}?m=3")
    assert "Month 2 of 12 (snapshot)" in (await site.page(f"/s/{token}/runs/{run}?m=2")).text
    assert of(await site.json(f"/api/v1/compare{named(ids)}"))["complete"] == 1


async def test_one_that_follows_goes_on_and_a_snapshot_does_not(site: Site) -> None:
    from app.jobs.player import Player
    from app.models.hub import ModelHub
    from app.store.leases import claim_next

    ids = await site.play(scripted_config(FAIR, seed=1))
    ids += await site.queue(scripted_config(VILLAGE, seed=1))
    follows = await link(site, "compare", named(ids), scope="follow")
    snapshot = await link(site, "compare", named(ids))
    claim = await claim_next(site.database, "test")
    assert claim is not None
    await Player(site.database, ModelHub([]), claim).run()
    assert (await site.json(f"/s/{follows}/api/compare"))["left_out"] == []
    assert (await site.json(f"/s/{snapshot}/api/compare"))["left_out"] == [ids[1]]
    assert "Left out: 1 run" in (await site.page(f"/s/{snapshot}")).text


async def test_corrections_after_a_snapshot_are_no_part_of_it(site: Site) -> None:
    [run] = await site.play(scripted_config(VILLAGE, seed=1))
    events = (await site.json(f"/api/v1/runs/{run}/events?kind=agreed"))["events"]
    month = next(event["month"] for event in events if event["limit"] is not None)
    follows, snapshot = [await link(site, "compare", f"?run={run}", scope=scope) for scope in ("follow", "snapshot")]
    await add_correction(site.database, run, CorrectionIn(month=month, limit=0, author="a reader", version=0))

    async def corrected(token: str) -> int:
        [group] = (await site.json(f"/s/{token}/api/compare"))["comparison"]["groups"]
        return int(group["promises"]["corrected"])

    assert (await corrected(follows), await corrected(snapshot)) == (1, 0)


async def test_hidden_prompts_and_costs_stay_hidden_on_every_address(site: Site) -> None:
    run = await priced(site)
    token = await link(site, "compare", f"?run={run}", prompts=False)
    root = f"/s/{token}"
    for path in ("", "/api", "/api/compare", "/export/json", "/export/csv", "/export/tex", f"/runs/{run}"):
        for query in ("", "?m=2&agent=kate&tab=prompt", "?m=2&agent=kate&tab=usage"):
            response = await site.client.get(f"{root}{path}{query}")
            assert response.status_code == 200, path
            assert "How many, Kate?" not in response.text and "77.65" not in response.text, path
    assert (await site.client.get(f"{root}/runs/{run}/api/calls")).status_code == 403
    assert "77.65" not in (await site.client.get(f"{root}/runs/{run}/api/stream")).text


@pytest.mark.parametrize("ending", ["revoked", "expired"])
async def test_an_ended_one_closes_the_streams_of_its_runs(site: Site, ending: str) -> None:
    [run] = await site.queue()
    [other] = await site.play()
    token = await link(site, "compare", named([run, other]), scope="follow")
    started = asyncio.Event()

    async def read() -> None:
        async for _ in stream_run(site.services, run, lambda: follow_shared(site.database, token, run)):
            started.set()

    reader = asyncio.create_task(read())
    await started.wait()
    async with site.database.write() as connection:
        column = "revoked_at" if ending == "revoked" else "expires_at"
        await connection.execute(update(ShareRow).values({column: now() - timedelta(seconds=1)}))
    async with asyncio.timeout(5):
        await reader
    assert (await site.client.get(f"/s/{token}")).status_code == 410


async def test_it_is_made_with_the_form_and_listed(site: Site) -> None:
    ids = await six_runs(site)
    page = await site.page(f"/compare{named(ids)}&group=model")
    [form] = page.all("form", method="post")
    response = await site.client.post(str(form.attributes["action"]), data={"days": "7", "prompts": "1"})
    assert response.status_code == 201
    token = response.text.split(f"{BASE}/s/")[1].split('"')[0]
    assert len((await site.json(f"/s/{token}/api"))["runs"]) == 6
    listed = (await site.page("/shares")).all("a", href=f"/compare{named(sorted(ids))}&group=model")
    assert listed and token not in (await site.client.get("/shares")).text
    shared = (await site.json("/api/v1/shares"))["shares"][0]
    assert shared["scope"] == "comparison"


async def test_a_comparison_of_nothing_is_not_shared(site: Site) -> None:
    await site.play()
    for query in ("", "?run=r2222222", "?scenario=pasture"):
        assert (await site.client.post(f"/api/v1/compare/shares{query}", json={})).status_code == 422
        assert (await site.client.post(f"/compare/share{query}", data={})).status_code == 422
    assert (await site.json("/api/v1/shares"))["shares"] == []


async def test_hostile_names_stay_text(site: Site) -> None:
    await store_with_calls(site, name=HOSTILE)
    token = await link(site, "compare", "?scenario=fishery", author=HOSTILE)
    response = await site.client.get(f"/s/{token}")
    assert response.status_code == 200 and "<script>alert" not in response.text


async def test_a_link_to_an_experiment_is_no_comparison(site: Site) -> None:
    [run] = await site.play(experiment="E")
    of = (await site.json(f"/api/v1/runs/{run}"))["experiment"]
    token = await link(site, f"experiments/{of}")
    for path in ("api/compare", "api/compare/figures/stock", "export/csv"):
        assert (await site.client.get(f"/s/{token}/{path}")).status_code == 404
