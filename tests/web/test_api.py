from typing import Any

from app.commons.config import EpisodeConfig, RecordedFramework, RecordedMind, SamplingConfig
from app.commons.events import parse_event
from app.commons.metrics import episode_metrics, harvests
from app.jobs.player import Player
from app.jobs.report import run_object
from app.models.base import CallKey, Completion, Message, RecordedCall, Segment
from app.models.hub import ModelHub
from app.store.imports import ForeignRun, store_foreign
from app.store.leases import claim_next
from app.store.queries import events_after
from app.store.runs import get_run
from tests.support import played, scripted_config
from tests.web.conftest import Site

HOSTILE = "<script>alert('x')</script> & \"quotes\" \u2028 javascript:alert(1)"


def call(month: int, agent: str, text: str = "8 tons") -> RecordedCall:
    return RecordedCall(
        key=CallKey(month=month, phase="harvest", agent=agent, purpose="harvest"),
        model="local/echo",
        request_hash="0" * 64,
        messages=(Message(role="user", segments=(Segment(kind="task", text=f"How many, {agent}? {HOSTILE}"),)),),
        sampling=SamplingConfig(),
        completion=Completion(text=text, thinking="hm", prompt_tokens=10, completion_tokens=2, latency_ms=5),
    )


async def store_with_calls(
    site: Site, config: EpisodeConfig | None = None, name: str = "imported run", long: int = 0
) -> str:
    """Store a run that has calls: an imported one, its answers longer by *long* characters."""
    config = config or scripted_config()
    events = await played(config)
    recorded = tuple(agent.model_copy(update={"mind": RecordedMind(model="m")}) for agent in config.agents)
    config = config.model_copy(update={"agents": recorded, "framework": RecordedFramework(model="m")})
    metrics = episode_metrics(harvests(events), config.game, config.names)
    return await store_foreign(
        site.database,
        ForeignRun(
            config=config,
            events=tuple(events),
            calls=tuple(call(month, name, "8 tons" + "." * long) for month in (1, 2) for name in config.names),
            metrics=metrics,
            name=name,
            models="somebody's model",
            seed=7,
            source=f"/logs/{name}",
            log_sha256="1" * 64,
        ),
    )


async def test_a_launched_run_is_there_and_queued(site: Site) -> None:
    plan = {"scenario": "pasture", "minds": ["scripted:greedy"], "seeds": [3], "months": 4}
    response = await site.client.post("/api/v1/runs", json=plan)
    assert response.status_code == 201
    launched = response.json()
    [run] = launched["runs"]
    assert launched["page"] == f"/runs/{run}"
    shown = await site.json(f"/api/v1/runs/{run}")
    assert (shown["state"], shown["outcome"], shown["metrics"]["survived"]) == ("queued", "undecided", None)
    assert shown["config"]["game"]["months"] == 4 and shown["config"]["seed"] == 3


async def test_a_launch_sent_twice_with_one_key_launches_once(site: Site) -> None:
    headers = {"Idempotency-Key": "k-1"}
    answers = [
        await site.client.post("/api/v1/runs", json={"minds": ["scripted:greedy"], "seeds": [1, 2]}, headers=headers)
        for _ in range(2)
    ]
    assert answers[0].json() == answers[1].json()
    assert (await site.json("/api/v1/runs"))["total"] == 2


async def test_a_model_that_is_not_configured_cannot_be_launched(site: Site) -> None:
    for mind in ("generative:nowhere/x", "generative:local/unknown", "generative:paid/big"):
        response = await site.client.post("/api/v1/runs", json={"minds": [mind]})
        assert response.status_code == 422
        assert "minds" in response.json()["error"]["fields"]
    assert (await site.client.post("/api/v1/runs", json={"minds": ["generative:local/echo"]})).status_code == 201


async def test_a_run_tells_what_the_command_line_tells(site: Site) -> None:
    [run] = await site.play()
    shown = await site.json(f"/api/v1/runs/{run}")
    printed = run_object(await get_run(site.database, run))
    for name, value in printed.items():
        if isinstance(value, dict) and name == "metrics":
            assert value.items() <= shown["metrics"].items()
        else:
            assert shown[name] == value


async def test_metrics_of_a_finished_run_are_those_of_its_events(site: Site) -> None:
    [run] = await site.play()
    events = [parse_event(text) for _, text in await events_after(site.database, run)]
    config = scripted_config()
    expected = episode_metrics(harvests(events), config.game, config.names).model_dump()
    assert (await site.json(f"/api/v1/runs/{run}"))["metrics"] == expected


async def test_events_come_in_pages_and_are_complete(site: Site) -> None:
    [run] = await site.play()
    found: list[dict[str, Any]] = []
    after = 0
    while True:
        page = await site.json(f"/api/v1/runs/{run}/events?after={after}&limit=50")
        found += page["events"]
        assert len(page["events"]) <= 50 and page["state"] == "finished"
        if page["next"] is None:
            break
        after = page["next"]
    assert [item["seq"] for item in found] == list(range(1, len(found) + 1))
    stored = [parse_event(text) for _, text in await events_after(site.database, run)]
    assert [{k: v for k, v in item.items() if k != "seq"} for item in found] == [
        event.model_dump(mode="json") for event in stored
    ]


async def test_events_of_one_kind_are_only_those(site: Site) -> None:
    [run] = await site.play()
    page = await site.json(f"/api/v1/runs/{run}/events?kind=harvested")
    assert {item["kind"] for item in page["events"]} == {"harvested"} and len(page["events"]) > 1


async def test_calls_are_listed_by_month_and_agent_and_opened_by_their_key(site: Site) -> None:
    run = await store_with_calls(site)
    every = (await site.json(f"/api/v1/runs/{run}/calls"))["calls"]
    assert len(every) == 10 and "messages" not in every[0]
    [one] = (await site.json(f"/api/v1/runs/{run}/calls?month=2&agent=Kate"))["calls"]
    assert one["key"] == "2/harvest/Kate/harvest//1"
    detail = await site.json(f"/api/v1/runs/{run}/calls/{one['key']}")
    assert detail["answer"]["text"] == "8 tons" and detail["answer"]["thinking"] == "hm"
    assert HOSTILE in detail["messages"][0]["segments"][0]["text"]
    await site.json(f"/api/v1/runs/{run}/calls/2/harvest/Nobody/harvest//1", 404)


async def test_controls_move_a_run_from_state_to_state(site: Site) -> None:
    [run] = await site.queue()
    for action, state in (("pause", "paused"), ("resume", "queued"), ("stop", "cancelled")):
        answer = await site.client.post(f"/api/v1/runs/{run}/{action}")
        assert answer.json() == {"id": run, "state": state}
    assert (await site.client.post(f"/api/v1/runs/{run}/resume")).status_code == 409


async def test_an_experiment_has_its_runs(site: Site) -> None:
    ids = await site.play(scripted_config(seed=1), scripted_config(seed=2), experiment="two seeds")
    [listed] = (await site.json("/api/v1/experiments"))["experiments"]
    shown = await site.json(f"/api/v1/experiments/{listed['id']}")
    assert shown["name"] == "two seeds" and sorted(run["id"] for run in shown["runs"]) == sorted(ids)
    figure = await site.json(f"/api/v1/experiments/{listed['id']}/figures/stock?theme=dark")
    assert {trace.get("customdata", [None])[0] for trace in figure["data"]} >= set(ids)


async def test_figures_are_data_and_layout(site: Site) -> None:
    [run] = await site.play()
    for name in ("stock", "catches", "gains"):
        figure = await site.json(f"/api/v1/runs/{run}/figures/{name}")
        assert figure["data"] and figure["layout"]["title"]["text"]
    await site.json(f"/api/v1/runs/{run}/figures/gossip", 422)
    await site.json(f"/api/v1/runs/{run}/figures/stock?theme=pink", 422)


async def test_the_catalogue_offers_what_can_be_launched(site: Site) -> None:
    assert [item["id"] for item in await site.json("/api/v1/scenarios")] == ["fishery", "pasture", "pollution"]
    assert "universalization" in [item["id"] for item in await site.json("/api/v1/conditions")]
    models = await site.json("/api/v1/models")
    assert {"local/echo", "local/other"} <= set(models["models"]) and "paid/big" not in models["models"]
    assert not next(item for item in models["endpoints"] if item["name"] == "paid")["key_present"]


async def test_health_says_what_is_there(site: Site) -> None:
    await site.queue()
    for path in ("/healthz", "/api/v1/health"):
        health = await site.json(path)
        assert (health["status"], health["database"], health["queued"]) == ("ok", "ok", 1)
        assert health["schema"]


async def test_the_description_names_every_error_by_its_shape(site: Site) -> None:
    description = await site.json("/api/openapi.json")
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            [content] = operation["responses"]["4XX"]["content"].values()
            assert content["schema"]["$ref"].endswith("/ErrorReply") and "422" not in operation["responses"]
            assert operation["description"], f"{method} {path} says nothing"


async def test_a_launch_must_say_who_decides(site: Site) -> None:
    response = await site.client.post("/api/v1/runs", json={})
    assert response.status_code == 422
    assert "Say who decides" in response.json()["error"]["fields"]["minds"]


async def test_a_run_with_a_newcomer_is_measured_since_then_and_per_month_present(site: Site) -> None:
    plan = {
        "minds": ["scripted:fair-share"],
        "condition": "newcomer",
        "fidelity": "research",
        "disclose": ["collapse_threshold"],
        "report": "individual",
    }
    response = await site.client.post("/api/v1/runs", json=plan)
    assert response.status_code == 201, response.text
    [run_id] = response.json()["runs"]
    claim = await claim_next(site.database, "test")
    assert claim is not None
    await Player(site.database, ModelHub([]), claim).run()
    run = await site.json(f"/api/v1/runs/{run_id}")
    assert run["config"]["disclose"] == ["collapse_threshold"] and len(run["config"]["fidelity"]) == 6
    there = run["presence"]
    assert (there["from_month"], there["months_present"]["Luke"], there["since"]["months_played"]) == (4, 12, 12)
    [listed] = (await site.json("/api/v1/runs"))["runs"]
    assert listed["presence"] is None
    page = await site.page(f"/runs/{run_id}?m=2")
    head = page.one("header", class_="run-head").text
    assert "Fidelity: research" in head and "each reports its own catch" in head and "told: collapse threshold" in head
    assert "Since month 4: 12 months" in head and "equality per month present" in head
    assert page.one("a", href="/methods#fidelity")
    luke = page.one("tr", data_decision="4").text
    assert "from month 4" in luke
    assert "seat--absent" in page.one("g", data_seat="4").attributes["class"]
    row = (await site.page("/runs")).one("main").text
    assert "fidelity: research" in row


async def test_conditions_say_what_they_set(site: Site) -> None:
    found = {item["id"]: item for item in await site.json("/api/v1/conditions")}
    assert found["newcomer"]["months"] == 15 and found["newcomer_universalization"]["universalization"]
    observed = found["no_communication_observed"]
    assert (observed["talk"], observed["observe_others"], observed["home"]) == (False, True, False)


async def test_a_run_without_newcomers_has_no_presence_and_no_fidelity(site: Site) -> None:
    [run_id] = await site.play()
    assert (await site.json(f"/api/v1/runs/{run_id}"))["presence"] is None
    head = (await site.page(f"/runs/{run_id}")).one("header", class_="run-head").text
    assert "Fidelity" not in head and "Since month" not in head
