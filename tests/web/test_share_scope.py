"""What a link opens, address by address: every address below a link is decided on here, or the first test fails.

`RUN` addresses belong to a run and are there twice: below a run's link, and below `/runs/{run_id}` of an experiment's
or comparison's. `SET` addresses belong to the whole, `TOGETHER` ones to a comparison. `CALLS` tell prompts, and are
refused where those are left out.
"""

from datetime import timedelta

import pytest
from sqlalchemy import update

from app.store.runs import now
from app.store.tables import CallRow, RunRow, ShareRow
from tests.support import scripted_config
from tests.web.conftest import BASE, Site
from tests.web.test_api import store_with_calls
from tests.web.test_routes import addresses

ANY, RUN, SET, CALLS, TOGETHER = "either", "a run", "the whole", "a run's calls", "a comparison"
DECISIONS = {
    "/s/{token}": ANY,
    "/s/{token}/api/events": RUN,
    "/s/{token}/api/stream": RUN,
    "/s/{token}/api/calls": CALLS,
    "/s/{token}/api/calls/{key:path}": CALLS,
    "/s/{token}/api/record": CALLS,
    "/s/{token}/api/figures/{figure}": RUN,
    "/s/{token}/api": SET,
    "/s/{token}/api/figures/runs": SET,
    "/s/{token}/picture.png": ANY,
    "/s/{token}/runs/{run_id}/picture.png": RUN,
    "/s/{token}/api/compare": TOGETHER,
    "/s/{token}/api/compare/figures/{figure}": TOGETHER,
    "/s/{token}/export/{kind}": TOGETHER,
    "/s/{token}/runs/{run_id}": RUN,
    "/s/{token}/runs/{run_id}/api/events": RUN,
    "/s/{token}/runs/{run_id}/api/stream": RUN,
    "/s/{token}/runs/{run_id}/api/calls": CALLS,
    "/s/{token}/runs/{run_id}/api/calls/{key:path}": CALLS,
    "/s/{token}/runs/{run_id}/api/record": CALLS,
    "/s/{token}/runs/{run_id}/api/figures/{figure}": RUN,
    "/s/{token}/api/search": RUN,
    "/s/{token}/runs/{run_id}/api/search": RUN,
    "/s/{token}/api/corrections": RUN,
    "/s/{token}/runs/{run_id}/api/corrections": RUN,
    "/s/{token}/api/changes/{key:path}": CALLS,
    "/s/{token}/runs/{run_id}/api/changes/{key:path}": CALLS,
}
FILLED = {"key:path": "2/harvest/Kate/harvest//1", "figure": "stock", "kind": "csv"}
COST, AUTHOR, PROMPT = 77.654321, "Ada of the Secret Lab", "How many, Kate?"


def fill(path: str, token: str, run: str) -> str:
    for name, value in {**FILLED, "token": token, "run_id": run}.items():
        path = path.replace("{" + name + "}", value)
    return path


def of_a_run(path: str) -> bool:
    return "{run_id}" not in path


async def link(site: Site, where: str, query: str = "", **wish: object) -> str:
    """Make a link through the API and return its token."""
    response = await site.client.post(f"/api/v1/{where}/shares{query}", json={"costs": False, **wish})
    assert response.status_code == 201, response.text
    made: str = response.json()["link"]
    return made.removeprefix(f"{BASE}/s/")


async def experiment(site: Site, *, runs: int = 2) -> tuple[str, list[str]]:
    ids = await site.play(*(scripted_config(seed=seed) for seed in range(runs)), experiment="Two of them")
    return (await site.json(f"/api/v1/runs/{ids[0]}"))["experiment"], ids


async def priced(site: Site) -> str:
    """Store a run whose calls have prompts and cost something."""
    run = await store_with_calls(site)
    async with site.database.write() as connection:
        await connection.execute(update(CallRow).values(cost=COST))
        await connection.execute(update(RunRow).where(RunRow.id == run).values(cost=COST))
    return run


async def statuses(site: Site, token: str, run: str) -> dict[str, int]:
    return {path: (await site.client.get(fill(path, token, run))).status_code for path in DECISIONS}


async def test_every_address_below_a_link_is_decided_on(site: Site) -> None:
    below = {path for method, path in addresses(site) if path.startswith("/s/") and method == "GET"}
    assert below == set(DECISIONS)


async def test_a_guessed_link_opens_no_address(site: Site) -> None:
    run = await priced(site)
    token = await link(site, f"runs/{run}")
    for guess in (token[:-1], token.swapcase(), "%00", "é"):
        assert set((await statuses(site, guess, run)).values()) == {404}, guess


@pytest.mark.parametrize("ending", ["revoked", "expired"])
async def test_an_ended_link_opens_no_address_and_tells_nothing(site: Site, ending: str) -> None:
    of, [run, _] = await experiment(site)
    tokens = [
        await link(site, f"runs/{run}", author=AUTHOR),
        await link(site, f"experiments/{of}", author=AUTHOR),
        await link(site, "compare", f"?experiment={of}", author=AUTHOR),
    ]
    async with site.database.write() as connection:
        moment = now() - timedelta(seconds=1)
        await connection.execute(
            update(ShareRow).values(revoked_at=moment)
            if ending == "revoked"
            else update(ShareRow).values(expires_at=moment)
        )
    for token in tokens:
        for path in DECISIONS:
            response = await site.client.get(fill(path, token, run))
            assert response.status_code == 410, path
            told = response.text.replace(fill(path, token, run), "")
            assert AUTHOR not in told and "Two of them" not in told and "fishery" not in told.lower()


async def test_a_runs_link_opens_its_own_addresses_only(site: Site) -> None:
    run = await priced(site)
    [other] = await site.play()
    token = await link(site, f"runs/{run}")
    for named in (run, other, "r2222222"):
        for path, status in (await statuses(site, token, named)).items():
            mine = of_a_run(path) and DECISIONS[path] not in (SET, TOGETHER)
            assert status == (200 if mine else 404), (path, named)


@pytest.mark.parametrize("scope", ["experiment", "comparison"])
async def test_a_sets_link_opens_its_runs_and_no_other(site: Site, scope: str) -> None:
    of, ids = await experiment(site)
    [other] = await site.play()
    one = ("compare", f"?run={ids[0]}&run={ids[1]}") if scope == "comparison" else (f"experiments/{of}",)
    token = await link(site, *one)
    wholes = (SET, ANY, TOGETHER) if scope == "comparison" else (SET, ANY)
    for path, what in DECISIONS.items():
        for run, mine in ((ids[0], True), (ids[1], True), (other, False), ("r2222222", False)):
            status = (await site.client.get(fill(path, token, run))).status_code
            if "{run_id}" in path:
                # Scripted minds make no calls: there is none of this key.
                found = 404 if "{key" in path else 200
                assert status == (found if mine else 404), (path, run)
            else:
                assert status == (200 if what in wholes else 404), path


async def test_what_is_not_there_and_what_is_not_shared_look_the_same(site: Site) -> None:
    of, _ = await experiment(site)
    [other] = await site.play()
    token = await link(site, f"experiments/{of}")
    for path in (path for path in DECISIONS if "{run_id}" in path):
        answers = []
        for run in (other, "r2222222"):
            text = (await site.client.get(fill(path, token, run))).text
            answers.append([line for line in text.replace(run, "RUN").splitlines() if "id" not in line.lower()])
        assert answers[0] == answers[1], path


async def test_no_address_tells_prompts_costs_or_the_author_that_a_link_leaves_out(site: Site) -> None:
    run = await priced(site)
    token = await link(site, f"runs/{run}", prompts=False)
    for path, what in DECISIONS.items():
        for query in ("", "?m=2&agent=kate&tab=prompt", "?m=2&agent=kate&tab=usage"):
            response = await site.client.get(fill(path, token, run) + query)
            assert PROMPT not in response.text and AUTHOR not in response.text
            assert "77.65" not in response.text, path
            if what == CALLS and of_a_run(path):
                assert response.status_code == 403


async def test_what_a_link_does_not_leave_out_is_told(site: Site) -> None:
    run = await priced(site)
    token = await link(site, f"runs/{run}", costs=True, author=AUTHOR)
    page = (await site.client.get(f"/s/{token}")).text
    assert AUTHOR in page and "$77.65" in page
    assert (await site.json(f"/s/{token}/api/calls"))["calls"][0]["cost"] == COST
    hidden = await link(site, f"runs/{run}", author=AUTHOR)
    assert (await site.json(f"/s/{hidden}/api/calls"))["calls"][0]["cost"] is None
    assert "77.65" not in (await site.client.get(f"/s/{hidden}/api/stream")).text


async def test_nothing_of_the_owners_is_reached_below_a_link(site: Site) -> None:
    run = await priced(site)
    token = await link(site, f"runs/{run}")
    for method, path in addresses(site):
        if path.startswith("/s/") or path == "/":
            continue
        below = fill(path, token, run).removeprefix("/api/v1")
        for tried in (f"/s/{token}{below}", f"/s/{token}/api{below}", f"/s/{token}/runs/{run}{below}"):
            if tried.rstrip("/") in (f"/s/{token}", *(fill(known, token, run) for known in DECISIONS)):
                continue  # an address of the link's own: the search in the shared run, say
            response = await site.client.request(method, tried)
            assert response.status_code in (404, 405), tried
            assert "SQLite" not in response.text


async def test_the_pages_of_an_experiments_link_lead_nowhere_else(site: Site) -> None:
    of, ids = await experiment(site)
    [other] = await site.play()
    token = await link(site, f"experiments/{of}")
    root = f"/s/{token}"
    for path in (root, *(f"{root}/runs/{run}" for run in ids)):
        response = await site.client.get(path)
        assert response.headers["x-robots-tag"] == "noindex" and response.headers["referrer-policy"] == "no-referrer"
        assert other not in response.text and of not in response.text
        page = await site.page(path)
        reached = {item.attributes.get("href", "#") for item in page.all("a")}
        assert all(href.startswith((root, "#", "?", "https://")) for href in reached), reached
        assert not page.all("form", method="post")
    told = await site.json(f"{root}/api")
    assert sorted(run["id"] for run in told["runs"]) == sorted(ids)


async def test_a_snapshot_of_an_experiment_ends_for_each_run_where_it_was(site: Site) -> None:
    of, [run, _] = await experiment(site)
    token = await link(site, f"experiments/{of}")
    events = (await site.json(f"/api/v1/runs/{run}/events?limit=5000"))["events"]
    cut = next(event["seq"] for event in events if event["kind"] == "month_ended" and event["month"] == 2)
    from app.store.tables import SharedRunRow

    async with site.database.write() as connection:
        await connection.execute(update(SharedRunRow).where(SharedRunRow.run_id == run).values(last_seq=cut))
    below = f"/s/{token}/runs/{run}"
    assert (await site.json(f"{below}/api/events?limit=5000"))["events"] == events[:cut]
    assert [r["metrics"]["months_played"] for r in (await site.json(f"/s/{token}/api"))["runs"] if r["id"] == run] == [
        2
    ]
    figure = await site.json(f"/s/{token}/api/figures/runs")
    assert min(max(x for x in trace["x"] if x is not None) for trace in figure["data"] if trace["x"]) <= 3
    assert "Month 2 of 12 (snapshot)" in (await site.page(below)).text


async def test_a_link_that_follows_an_experiment_shows_runs_added_later_and_a_snapshot_does_not(site: Site) -> None:
    of, _ = await experiment(site)
    follows, snapshot = await link(site, f"experiments/{of}", scope="follow"), await link(site, f"experiments/{of}")
    [later] = await site.play()
    async with site.database.write() as connection:
        await connection.execute(update(RunRow).where(RunRow.id == later).values(experiment_id=of))
    assert len((await site.json(f"/s/{follows}/api"))["runs"]) == 3
    assert len((await site.json(f"/s/{snapshot}/api"))["runs"]) == 2
    assert (await site.client.get(f"/s/{snapshot}/runs/{later}")).status_code == 404


async def test_an_experiments_link_is_made_with_the_form_and_shown_once(site: Site) -> None:
    of, _ = await experiment(site)
    assert (await site.page(f"/experiments/{of}")).all("form", action=f"/experiments/{of}/share")
    response = await site.client.post(f"/experiments/{of}/share", data={"days": "7", "prompts": "1", "author": "Ada"})
    assert response.status_code == 201
    token = response.text.split(f"{BASE}/s/")[1].split('"')[0]
    assert "shared by Ada" in (await site.client.get(f"/s/{token}")).text
    listed = await site.client.get("/shares")
    assert token not in listed.text and "Two of them" in listed.text
    assert (await site.client.post("/experiments/x2222222/share", data={})).status_code == 404


async def test_a_snapshot_keeps_the_last_call_it_shows(site: Site) -> None:
    run = await store_with_calls(site)
    calls = (await site.json(f"/api/v1/runs/{run}/calls"))["calls"]
    token = await link(site, f"runs/{run}")
    async with site.database.write() as connection:
        await connection.execute(update(ShareRow).values(last_call=calls[0]["seq"]))
    assert [call["key"] for call in (await site.json(f"/s/{token}/api/calls"))["calls"]] == [calls[0]["key"]]
