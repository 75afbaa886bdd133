"""What a link says of itself where its address is pasted: titles, texts, pictures."""

from datetime import timedelta
from io import BytesIO

import httpx
import pytest
from PIL import Image
from sqlalchemy import update

from app.store.runs import now
from app.store.tables import RunRow, SharedRunRow, ShareRow
from app.web.services import services_of
from tests.support import scripted_config
from tests.web.conftest import BASE, Site
from tests.web.page import Element
from tests.web.test_api import HOSTILE, store_with_calls
from tests.web.test_compare import FAIR, six_runs
from tests.web.test_share_scope import AUTHOR, experiment, link, priced


def said(page: Element) -> dict[str, str]:
    tags = [item.attributes for item in page.all("meta")]
    return {
        tag.get("property", tag.get("name", "")): tag["content"] for tag in tags if "property" in tag or "name" in tag
    }


async def picture(site: Site, address: str) -> Image.Image:
    response = await site.client.get(address)
    assert response.status_code == 200 and response.headers["content-type"] == "image/png"
    assert response.headers["cache-control"] == "no-store" and response.headers["x-robots-tag"] == "noindex"
    assert len(response.content) < 150_000
    image = Image.open(BytesIO(response.content))
    image.load()
    assert image.size == (1200, 630)
    return image


async def test_a_run_says_how_it_ended_and_of_what_it_is(site: Site) -> None:
    [run] = await site.play(scripted_config(FAIR, seed=1))
    token = await link(site, f"runs/{run}")
    found = said(await site.page(f"/s/{token}"))
    assert found["og:title"] == "Survived 12/12: fair-share, fishery"
    assert "5 agents" in found["og:description"] and "gain per agent 120.0" in found["og:description"]
    assert found["og:url"] == f"{BASE}/s/{token}" and found["og:image"] == f"{BASE}/s/{token}/picture.png"
    assert (found["og:image:width"], found["og:image:height"]) == ("1200", "630")
    assert "from 100 to 50 of 100" in found["og:image:alt"]
    image = await picture(site, found["og:image"])
    assert len(image.convert("RGB").getcolors(1_000_000) or ()) > 8


async def test_an_experiment_a_comparison_and_their_runs_say_so_too(site: Site) -> None:
    ids = await six_runs(site)
    of = (await site.json(f"/api/v1/runs/{ids[0]}"))["experiment"]
    whole = said(await site.page(f"/s/{await link(site, f'experiments/{of}')}"))
    assert whole["og:title"] == "3 of 6 survived: two villages"
    token = await link(site, "compare", f"?experiment={of}&group=seed")
    compared = said(await site.page(f"/s/{token}"))
    assert compared["og:title"] == "6 runs compared: 1, 2, 3" and "1: 1 of 2 survived" in compared["og:description"]
    one = said(await site.page(f"/s/{token}/runs/{ids[0]}"))
    assert one["og:title"].startswith("Survived 12/12") and one["og:image"] == f"{one['og:url']}/picture.png"
    pictures = [await picture(site, found["og:image"]) for found in (whole, compared, one)]
    assert len({image.tobytes() for image in pictures}) == 3


async def test_only_shared_pages_say_it(site: Site) -> None:
    [run] = await site.play()
    for path in ("/", f"/runs/{run}", "/compare?scenario=fishery", "/runs"):
        assert not [name for name in said(await site.page(path)) if name.startswith("og:")]


@pytest.mark.parametrize("ending", ["revoked", "expired"])
async def test_an_ended_link_reveals_nothing_though_its_picture_was_drawn(site: Site, ending: str) -> None:
    of, [run, _] = await experiment(site)
    paths = [f"/s/{await link(site, f'runs/{run}', author=AUTHOR)}", f"/s/{await link(site, f'experiments/{of}')}"]
    paths += [f"{paths[1]}/runs/{run}"]
    for path in paths:
        await picture(site, f"{path}/picture.png")
    async with site.database.write() as connection:
        column = "revoked_at" if ending == "revoked" else "expires_at"
        await connection.execute(update(ShareRow).values({column: now() - timedelta(seconds=1)}))
    for path in paths:
        response = await site.client.get(f"{path}/picture.png")
        assert response.status_code == 410 and not response.content.startswith(b"\x89PNG")
        page = await site.page(path, 410)
        assert not [name for name in said(page) if name.startswith("og:")] and "fair-share" not in page.text
    assert (await site.client.get("/s/guessed/picture.png")).status_code == 404


async def test_what_a_link_leaves_out_is_in_no_card(site: Site) -> None:
    run = await priced(site)
    found = said(await site.page(f"/s/{await link(site, f'runs/{run}', author=AUTHOR, prompts=False)}"))
    told = " ".join(found.values())
    assert "77.65" not in told and "How many" not in told and AUTHOR not in told


async def test_a_snapshot_says_nothing_of_what_came_after_it(site: Site) -> None:
    of, [run, _] = await experiment(site)
    token = await link(site, f"experiments/{of}")
    before = await picture(site, f"/s/{token}/runs/{run}/picture.png")
    events = (await site.json(f"/api/v1/runs/{run}/events?limit=5000"))["events"]
    cut = next(event["seq"] for event in events if event["kind"] == "month_ended" and event["month"] == 2)
    async with site.database.write() as connection:
        await connection.execute(update(SharedRunRow).where(SharedRunRow.run_id == run).values(last_seq=cut))
    found = said(await site.page(f"/s/{token}/runs/{run}"))
    assert found["og:title"].startswith("Snapshot in month 2 of 12")
    assert (await picture(site, found["og:image"])).tobytes() != before.tobytes()


async def test_names_cannot_break_or_bloat_it(site: Site) -> None:
    run = await store_with_calls(site, name=HOSTILE)
    for name in (HOSTILE, "模型" * 100, "\u202e\u0000x" * 60, "W" * 200, "e\u0301" * 100):
        async with site.database.write() as connection:
            values = {"models": name[:200].replace("\0", ""), "origin": "imported"}
            await connection.execute(update(RunRow).where(RunRow.id == run).values(**values))
        path = f"/s/{await link(site, f'runs/{run}')}"
        text = (await site.client.get(path)).text
        head = text.partition("</head>")[0]
        assert "<script>alert" not in head and len(head) < 8_000
        found = said(await site.page(path))
        assert len(found["og:title"]) <= 110 and len(found["og:description"]) <= 200
        await picture(site, f"{path}/picture.png")


async def test_addresses_are_whole_behind_a_proxy(site: Site) -> None:
    from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

    [run] = await site.play()
    token = await link(site, f"runs/{run}")
    transport = httpx.ASGITransport(
        ProxyHeadersMiddleware(site.app, trusted_hosts="127.0.0.1"), client=("127.0.0.1", 1)
    )  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        text = (await client.get(f"/s/{token}", headers={"X-Forwarded-Proto": "https"})).text
    assert f'content="https://localhost/s/{token}/picture.png"' in text


async def test_few_pictures_are_kept(site: Site) -> None:
    [run] = await site.play()
    token = await link(site, f"runs/{run}")
    for _ in range(2):
        await picture(site, f"/s/{token}/picture.png")
    assert len(services_of(site.app).pictures.drawn) == 1
