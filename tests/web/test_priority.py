"""The place of a run in the queue: on its page, in the launch form and in the API."""

import pytest

from app.store.leases import claim_next
from app.store.runs import get_run
from tests.web.conftest import Site


async def test_a_queued_run_can_be_moved_in_the_queue_from_its_page(site: Site) -> None:
    usual, urgent = [(await site.queue())[0] for _ in range(2)]
    assert 'name="priority"' in (await site.client.get(f"/runs/{urgent}")).text
    answer = await site.client.post(f"/runs/{urgent}/priority", data={"priority": "5"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/runs/{urgent}")
    claim = await claim_next(site.database, "w")
    assert claim is not None and claim.run_id == urgent
    assert (await get_run(site.database, usual)).state == "queued"


async def test_the_api_moves_a_run_and_shows_its_priority(site: Site) -> None:
    [run_id] = await site.queue()
    answer = await site.client.post(f"/api/v1/runs/{run_id}/priority", json={"priority": -3})
    assert (answer.status_code, answer.json()) == (200, {"id": run_id, "state": "queued"})
    assert (await site.json(f"/api/v1/runs/{run_id}"))["priority"] == -3


@pytest.mark.parametrize("body", [{"priority": 101}, {"priority": -101}, {"priority": "first"}, {}, {"priority": 1.5}])
async def test_a_priority_that_is_none_is_refused_and_changes_nothing(site: Site, body: dict[str, object]) -> None:
    [run_id] = await site.queue()
    answer = await site.client.post(f"/api/v1/runs/{run_id}/priority", json=body)
    assert answer.status_code == 422 and "priority" in answer.json()["error"]["fields"]
    form = await site.client.post(f"/runs/{run_id}/priority", data={name: str(value) for name, value in body.items()})
    assert form.status_code == 422
    assert (await get_run(site.database, run_id)).priority == 0


async def test_a_run_that_is_over_has_no_place_in_the_queue(site: Site) -> None:
    [run_id] = await site.play()
    answer = await site.client.post(f"/api/v1/runs/{run_id}/priority", json={"priority": 1})
    assert answer.status_code == 409
    assert "only runs that wait" in answer.json()["error"]["message"]


async def test_the_launch_form_gives_its_runs_a_priority_and_refuses_a_wrong_one(site: Site) -> None:
    right = await site.client.post("/launch", data={"mind": "scripted:greedy", "priority": "7"})
    assert right.status_code == 303
    assert (await get_run(site.database, right.headers["location"].rsplit("/", 1)[1])).priority == 7
    wrong = await site.client.post("/launch", data={"mind": "scripted:greedy", "priority": "700"})
    assert wrong.status_code == 422
    assert 'id="priority"' in wrong.text and "100" in wrong.text
