"""What the run page says of a run."""

from app.analysis.replay import replay
from app.commons.config import GameConfig, GenerativeMind
from app.commons.events import Ended, Unreadable
from app.commons.scenario import scenarios
from app.store.runs import describe_minds, get_run
from app.web.contexts.rows import tags
from app.web.contexts.run import run_page
from app.web.contexts.setup import settings_of
from app.web.contexts.words import (
    Breach,
    first_breach,
    growth_text,
    mind_counts,
    mind_text,
    outcome_badge,
    state_word,
    trend_text,
)
from app.web.run_events import PageEvents
from tests.analysis.stories import config, two_months
from tests.support import played, scripted_config
from tests.web.conftest import Site


async def test_an_outcome_waits_for_the_end_of_the_run(site: Site) -> None:
    episode = scripted_config(("fair-share",) * 5, game=GameConfig(months=2))
    [run] = await site.queue(episode)
    record = (await get_run(site.database, run)).model_copy(update={"state": "playing"})
    events = await played(episode)
    assert isinstance(events[-1], Ended)
    assert outcome_badge(record, replay(events[:-1], episode)).text == "Month 2 of 2"
    assert outcome_badge(record, replay(events, episode)).text == "Survived 2/2"
    stopped = record.model_copy(update={"state": "cancelled"})
    assert outcome_badge(stopped, replay(events[:-1], episode)).text == "2 of 2 months"


def test_who_first_broke_an_agreement_is_named() -> None:
    events = two_months()
    assert first_breach(replay(events, config())) == Breach(2, "Kate", "Kate in month 2")
    assert first_breach(replay([event for event in events if event.month == 1], config())) is None
    told = replay(events, config())
    crowd = [told.months[1].agents[1].model_copy(update={"name": name}) for name in ("A", "B", "C", "D")]
    crowded = told.model_copy(update={"months": [told.months[1].model_copy(update={"agents": crowd})]})
    assert first_breach(crowded) == Breach(2, "A", "A, B, 2 others in month 2")


async def test_what_was_asked_of_a_run_is_said_until_it_happens(site: Site) -> None:
    [run] = await site.queue()
    record = await get_run(site.database, run)
    assert state_word(record) == "queued"
    assert state_word(record.model_copy(update={"control": "stop"})) == "stopping"
    assert state_word(record.model_copy(update={"control": "pause"})) == "pausing at the end of the month"


async def test_a_policy_and_a_model_of_the_same_name_stay_apart(site: Site) -> None:
    episode = scripted_config(("greedy",) * 3)
    model = GenerativeMind(model="lab/greedy")
    agents = (episode.agents[0].model_copy(update={"mind": model}), *episode.agents[1:])
    mixed = episode.model_copy(update={"agents": agents})
    assert mind_counts(mixed) == {"lab/greedy": 1, "scripted: greedy": 2}
    assert mind_counts(episode) == {"greedy": 3}
    assert [mind_text(agent.mind) for agent in agents[:2]] == ["lab/greedy", "scripted, greedy"]
    [run] = await site.queue(episode)
    kind, models = describe_minds(mixed)
    record = await get_run(site.database, run)
    record = record.model_copy(update={"minds": kind, "models": models, "config": mixed.model_dump_json()})
    shown = run_page(record, PageEvents([], [], whole=True), {}, api="/a", page="/p")
    assert [tag for tag, _ in shown.tags] == list(tags(record)) == ["partly scripted"]
    assert shown.minds == "lab/greedy, scripted: greedy ×2"


async def test_a_run_of_models_says_so(site: Site) -> None:
    [run] = await site.queue()
    record = (await get_run(site.database, run)).model_copy(update={"minds": "generative", "models": "lab/m"})
    assert tags(record) == ("generative",)


async def test_the_configuration_marks_what_differs(site: Site) -> None:
    episode = scripted_config(game=GameConfig(growth=1.5, months=12))
    [run] = await site.queue(episode)
    record = await get_run(site.database, run)
    found = {line.label: line for line in settings_of(record, scenarios()["fishery"], "Default")}
    assert (found["Growth"].value, found["Growth"].changed) == ("×1.5", True)
    assert (found["Months"].value, found["Months"].changed) == ("12", False)
    assert found["Configuration hash"].value == episode.hash
    assert found["Mind of John"].value == "scripted, fair-share"
    assert episode.hash in (await site.page(f"/runs/{run}")).one("details", id="configuration").text


async def test_words_that_could_not_be_read_are_not_silence(site: Site) -> None:
    events = two_months()
    lost = Unreadable(
        month=1, phase="talk", agent="Kate", purpose="utterance", item="3", attempts=3, fallback="nothing said"
    )
    insight = Unreadable(month=1, phase="home", agent="Kate", purpose="insight", attempts=3, fallback="none")
    [run] = await site.queue(config())
    record = await get_run(site.database, run)
    held = PageEvents([], [*events, lost, insight, insight], whole=True)
    shown = run_page(record, held, {"m": "1"}, api="/a", page="/p")
    assert shown.month is not None
    assert [bool(shown.unread(line)) for line in shown.month.lines] == [False, False, True]
    assert shown.not_readable == "Kate's insight"


def test_stocks_are_compared_and_their_growth_is_told() -> None:
    first, second = replay(two_months(), config()).months
    assert trend_text(first, None, "t") == ""
    assert trend_text(second, first, "t") == "▼ 66 t less than after month 1."
    assert trend_text(first, second, "t") == "▲ 66 t more than after month 2."
    assert trend_text(first, first, "t") == "As much as after month 1."
    assert growth_text(first, "t") == "The stock grows from 68 t to 100 t."
    assert growth_text(first.model_copy(update={"stock_next": 68}), "t") == "The stock stays at 68 t."
    assert growth_text(first.model_copy(update={"stock_next": None}), "t") == ""
