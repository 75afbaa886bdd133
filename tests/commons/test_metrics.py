import pytest

from app.commons.config import AgentConfig, EpisodeConfig, GameConfig, ScriptedMind
from app.commons.metrics import MonthHarvest, efficiency, episode_metrics, equality, over_usage
from app.commons.presence import presence

GAME = GameConfig(months=3)


def month(number: int, collected: dict[str, int], *, before: int = 100, share: int = 25, asked=None, unreadable=()):
    after = before - sum(collected.values())
    return MonthHarvest(
        month=number,
        share=share,
        asked=asked or dict(collected),
        collected=collected,
        unreadable=unreadable,
        stock_before=before,
        stock_after=after,
        collapsed=after < GAME.collapse_threshold,
    )


def test_a_full_episode_at_the_sustainable_share_is_perfect() -> None:
    metrics = episode_metrics([month(n, {"a": 25, "b": 25}) for n in (1, 2, 3)], GAME, ("a", "b"))
    assert (metrics.survival_time, metrics.survived, metrics.collapsed, metrics.censored) == (3, True, False, False)
    assert (metrics.efficiency, metrics.equality, metrics.over_usage) == (1.0, 1.0, 0.0)
    assert metrics.gains == {"a": 75, "b": 75}
    assert (metrics.total_gain, metrics.mean_gain) == (150, 75.0)


def test_collapse_in_the_last_month_is_a_collapse() -> None:
    months = [month(1, {"a": 25, "b": 25}), month(2, {"a": 25, "b": 25}), month(3, {"a": 50, "b": 50})]
    metrics = episode_metrics(months, GAME, ("a", "b"))
    assert (metrics.survived, metrics.collapsed, metrics.survival_time) == (False, True, 3)


def test_a_stopped_run_is_censored_and_has_no_outcome() -> None:
    metrics = episode_metrics([month(1, {"a": 25, "b": 25})], GAME, ("a", "b"))
    assert (metrics.survived, metrics.collapsed, metrics.censored, metrics.survival_time) == (None, False, True, 1)


def test_nothing_collected_leaves_equality_undefined() -> None:
    metrics = episode_metrics([month(1, {"a": 0, "b": 0})], GAME, ("a", "b"))
    assert metrics.equality is None
    assert metrics.efficiency == 0.0


def test_a_run_without_any_harvest_has_no_ratios() -> None:
    metrics = episode_metrics([], GAME, ("a", "b"))
    assert (metrics.efficiency, metrics.equality, metrics.over_usage, metrics.months_played) == (None, None, None, 0)


@pytest.mark.parametrize(
    ("gains", "expected"),
    [
        ({"a": 10, "b": 10}, 1.0),
        ({"a": 20, "b": 0}, 0.5),
        ({"a": 100, "b": 0, "c": 0, "d": 0, "e": 0}, 0.2),
        ({"a": 1, "b": 2, "c": 3}, 1 - 8 / 36),
    ],
)
def test_equality_is_one_minus_gini(gains: dict[str, int], expected: float) -> None:
    assert equality(gains) == pytest.approx(expected, abs=1e-12)


def test_efficiency_is_capped_at_one() -> None:
    assert efficiency(10_000, GAME) == 1.0


def test_over_usage_counts_actions_above_the_share_and_asking_apart() -> None:
    months = [
        month(1, {"a": 26, "b": 25}, asked={"a": 26, "b": 900}),
        month(2, {"a": 0, "b": 0}, asked={"a": None, "b": 0}),
    ]
    assert over_usage(months) == 0.25
    assert over_usage(months, asked=True) == 0.5


def test_unreadable_answers_are_counted() -> None:
    metrics = episode_metrics([month(1, {"a": 0, "b": 3}, unreadable=("a",))], GAME, ("a", "b"))
    assert metrics.unreadable == 1


def newcomer(months: int = 3) -> EpisodeConfig:
    minds = [AgentConfig(name=name, mind=ScriptedMind(policy="random")) for name in ("a", "b")]
    late = AgentConfig(name="c", mind=ScriptedMind(policy="random"), joins=2)
    return EpisodeConfig(scenario="fishery", agents=(*minds, late), game=GameConfig(months=months))


def test_gains_per_month_present_and_metrics_since_the_last_agent_joined() -> None:
    config = newcomer()
    months = [
        month(1, {"a": 25, "b": 25}),
        month(2, {"a": 10, "b": 10, "c": 30}),
        month(3, {"a": 10, "b": 10, "c": 30}),
    ]
    there = presence(months, config)
    assert there is not None and there.since is not None
    assert there.from_month == 2
    assert there.months_present == {"a": 3, "b": 3, "c": 2}
    assert there.gain_per_month == {"a": 15.0, "b": 15.0, "c": 30.0}
    assert there.equality_per_month == pytest.approx(1 - 60 / (2 * 3 * 60))
    assert there.since.gains == {"a": 20, "b": 20, "c": 60}
    assert (there.since.survived, there.since.survival_time, there.since.efficiency) == (True, 2, 1.0)
    assert there.since.equality == pytest.approx(1 - 160 / (2 * 3 * 100))


def test_who_never_came_is_in_no_metric() -> None:
    config = newcomer()
    months = [month(1, {"a": 60, "b": 38})]
    metrics = episode_metrics(months, config.game, config.names)
    there = presence(months, config)
    assert metrics.gains == {"a": 60, "b": 38} and metrics.mean_gain == 49
    assert there is not None and there.since is None
    assert there.gain_per_month == {"a": 60.0, "b": 38.0} and there.months_present["c"] == 0


def test_there_is_no_presence_to_measure_where_everybody_is_always_there() -> None:
    assert presence([month(1, {"a": 1})], newcomer().model_copy(update={"agents": newcomer().agents[:2]})) is None


def test_survival_ends_with_the_collapse_even_where_a_log_goes_on() -> None:
    months = [month(1, {"a": 25, "b": 25}), month(2, {"a": 50, "b": 50}), month(3, {"a": 1, "b": 1})]
    metrics = episode_metrics(months, GAME, ("a", "b"))
    assert (metrics.survival_time, metrics.months_played, metrics.survived) == (2, 3, False)
