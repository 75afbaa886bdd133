import hashlib
import json
from pathlib import Path

import pytest

from app.commons.config import ObservePhase, RecordedMind, TalkPhase
from app.interop.research import ImportedRun, UnreadableLog, read_log
from app.interop.summary import summary
from tests.interop.logs import NAMES, config, interaction, month_of, record, two_months, write_run


@pytest.fixture
def run(tmp_path: Path) -> ImportedRun:
    return read_log(write_run(tmp_path / "calm-lake-1", two_months(), settings=config()))


def test_events_come_in_the_order_of_a_run_of_our_own(run: ImportedRun) -> None:
    kinds = [event.kind for event in run.events if event.month == 1]
    assert kinds == (
        ["month_started"] + ["remembered"] * 5 + ["decided"] * 5 + ["collected"] * 5 + ["harvested"]
        + ["remembered"] * 5 + ["said"] * 4 + ["agreed"] + ["remembered"] * 15 + ["remembered"] * 5
        + ["summarised"] + ["remembered"] * 5 + ["month_ended"]
    )  # fmt: skip
    assert run.events[-1].kind == "ended"
    assert run.events[-1].collapsed is True


def test_an_answer_beyond_the_stock_is_kept_as_asked_and_clipped_in_what_counts(tmp_path: Path) -> None:
    rows = month_of(1, 100.0, [150.0, 0.0, 0.0, 0.0, 0.0], got=[100.0, 0, 0, 0, 0])
    run = read_log(write_run(tmp_path / "a", rows, settings=config(), nodes=False))
    decided = next(event for event in run.events if event.kind == "decided")
    assert (decided.asked, decided.wanted, decided.readable) == (150, 100, True)


def test_each_contribution_has_the_prompt_and_completion_that_produced_it(run: ImportedRun) -> None:
    said = {(event.month, event.turn): event for event in run.events if event.kind == "said"}
    talk = [call for call in run.calls if call.key.purpose == "utterance"]
    assert len(talk) == 4
    for call in talk:
        event = said[call.key.month, int(call.key.item)]
        assert call.key.agent == event.agent
        assert call.completion is not None
        assert call.completion.text.startswith(f"Response: {event.text}")
        assert call.messages[0].content.startswith(f"You are {event.agent},")
    assert said[1, 1].by_overseer
    assert said[1, 1].speaker == "Mayor"
    assert said[1, 4].ends
    assert said[1, 2].next_speaker == "Kate"


def test_a_talk_without_a_report_is_not_shifted(tmp_path: Path) -> None:
    rows = month_of(1, 100.0, [10.0] * 5, said=[(0, "One."), (1, "Two.")], overseer=None)
    run = read_log(write_run(tmp_path / "a", rows, settings=config(), nodes=False))
    talk = [call for call in run.calls if call.key.purpose == "utterance"]
    assert [(call.key.agent, call.completion and call.completion.text[:14]) for call in talk] == [
        ("John", "Response: One."),
        ("Kate", "Response: Two."),
    ]
    phase = run.config.phase(TalkPhase)
    assert phase is not None
    assert phase.report == "none"


def test_prompts_are_cut_into_segments_that_join_to_the_logged_text(run: ImportedRun) -> None:
    rows = two_months()
    logged = [row["html_interactions"][0] for row in rows if row["action"] == "harvesting"]
    calls = [call for call in run.calls if call.key.purpose == "harvest"]
    for text, call in zip(logged, calls, strict=True):
        assert call.completion is not None
        assert interaction(call.messages[0].content, call.completion.text) == text
    assert [segment.kind for segment in calls[0].messages[0].segments] == ["rules", "situation", "memory", "task"]
    assert calls[0].messages[0].segments[2].memory == 1
    limit = next(call for call in run.calls if call.key.purpose == "limit")
    assert [segment.kind for segment in limit.messages[0].segments] == ["task"] + ["talk"] * 4 + ["task"]


def test_agent_text_is_kept_as_it_is(run: ImportedRun) -> None:
    assert "Yes </div> <b>ten</b>." in [event.text for event in run.events if event.kind == "said"]


def test_thinking_is_kept_apart(tmp_path: Path) -> None:
    answers = ["Let me see.\n</think>\n\nAnswer: 10 tons"] + ["<think>Hm.</think>Answer: 10 tons"] * 4
    rows = month_of(1, 100.0, [10.0] * 5, answers=answers)
    run = read_log(write_run(tmp_path / "a", rows, settings=config(), nodes=False))
    first, second = run.calls[0].completion, run.calls[1].completion
    assert first is not None and second is not None
    assert (first.text, first.thinking) == ("Answer: 10 tons", "Let me see.")
    assert (second.text, second.thinking) == ("Answer: 10 tons", "Hm.")
    assert run.metrics.unreadable == 0


def test_a_missing_completion_is_none_and_its_harvest_unreadable(tmp_path: Path) -> None:
    rows = month_of(1, 100.0, [0.0] * 5, answers=[None, "", "Answer: 2-3 tons", "Answer: 0 tons", "Answer: 7 tons"])
    run = read_log(write_run(tmp_path / "a", rows, settings=config(), nodes=False))
    assert run.calls[0].completion is None
    assert run.calls[1].completion is not None
    assert [event.readable for event in run.events if event.kind == "decided"] == [False, False, False, True, True]
    assert [event.asked for event in run.events if event.kind == "decided"] == [0] * 5
    assert run.metrics.unreadable == 3
    assert any("1 of 5 prompts" in note for note in run.notes)
    assert any("another number" in note for note in run.notes)


def test_memories_fall_into_their_month_phase_and_purpose(run: ImportedRun) -> None:
    kate = [(e.month, e.phase, e.memory.purpose) for e in run.events if e.kind == "remembered" and e.agent == "Kate"]
    assert kate == [
        (1, "observe", "stock"),
        (1, "settle", "result"),
        (1, "take_away", "planning"),
        (1, "take_away", "interesting"),
        (1, "take_away", "limit"),
        (1, "home", "insight"),
        (1, "take_away", "conversation"),
    ]
    insight = next(e.memory for e in run.events if e.kind == "remembered" and e.memory.purpose == "insight")
    assert insight.importance == 10
    assert not insight.always
    assert any("5 importance ratings" in note for note in run.notes)


def test_empty_damaged_and_missing_memories_cost_no_run(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "a", two_months(), settings=config())
    (folder / "persona_1" / "nodes.json").write_bytes(b"")
    (folder / "persona_2" / "nodes.json").write_text('[{"id": 1}]')
    (folder / "persona_3" / "nodes.json").unlink()
    run = read_log(folder)
    assert {e.agent for e in run.events if e.kind == "remembered"} == {"John", "Luke"}
    assert "The file with the memories of Kate is empty." in run.notes
    assert "The file with the memories of Jack is damaged." in run.notes
    assert "The file with the memories of Emma is missing." in run.notes


def test_memories_beyond_the_log_are_left_out_and_told(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "a", month_of(1, 100.0, [10.0] * 5), nodes=True)
    path = folder / "persona_0" / "nodes.json"
    nodes = json.loads(path.read_text())
    path.write_text(json.dumps([*nodes, nodes[0] | {"id": 8, "created": "2024-02-01 01:00:00"}]))
    run = read_log(folder)
    assert "1 memories of months that the log does not hold were left out." in run.notes


def test_the_collapse_ends_the_episode_and_the_metrics_follow(run: ImportedRun) -> None:
    metrics = run.metrics
    assert (metrics.collapsed, metrics.survived, metrics.censored) == (True, False, False)
    assert (metrics.survival_time, metrics.total_gain) == (2, 150)
    assert metrics.gains == {"John": 30, "Kate": 31, "Jack": 29, "Emma": 30, "Luke": 30}
    assert metrics.efficiency == pytest.approx(150 / 600, abs=1e-12)
    assert metrics.over_usage == metrics.over_usage_asked == 0.5
    assert not run.interrupted


def test_a_log_without_configuration_is_interrupted_and_censored(tmp_path: Path) -> None:
    advice = "2024-01-01: if everyone fishes more than 10 tons, the lake will shrink."
    rows = month_of(1, 100.0, [10.0] * 5, said=[(0, "Hello.")], extra=advice)
    run = read_log(write_run(tmp_path / "a", rows, nodes=False))
    assert run.interrupted
    assert (run.metrics.censored, run.metrics.survived, run.metrics.survival_time) == (True, None, 1)
    assert (run.config.scenario, run.config.condition) == ("fishery", "universalization")
    observe = run.config.phase(ObservePhase)
    assert observe is not None and observe.universalization
    assert (run.model, run.seed) == (None, None)
    assert run.config.names == NAMES
    assert not any(event.kind == "ended" for event in run.events)
    assert summary(run)["model"] is None
    assert "The condition was inferred from the prompts." in run.notes


def test_folder_names_and_source_tell_what_a_missing_configuration_does_not(tmp_path: Path) -> None:
    rows = month_of(1, 100.0, [10.0] * 5)
    parent = tmp_path / "fishing_v6.4" / "Some-Model-8B_fish_baseline_concurrent_virtue_ethics"
    run = read_log(write_run(parent / "calm-lake-2", rows, nodes=False))
    assert (run.config.condition, run.model) == ("virtue_ethics", "Some-Model-8B")
    source = {"model": "org/Other", "experiment": "fish_baseline_concurrent_consequentialism", "seed": None}
    told = read_log(write_run(tmp_path / "b", rows, source=source, nodes=False))
    assert (told.config.condition, told.model) == ("consequentialism", "org/Other")


def test_a_game_that_is_not_ours_is_for_viewing_only(tmp_path: Path) -> None:
    rows = [*month_of(1, 100.0, [20.0] * 5), *month_of(2, 50.0, [1.0, 0.0, 0.0, 0.0, 0.0])]
    settings = config(experiment__scenario="trash", experiment__env__name="trash_baseline_concurrent")
    run = read_log(write_run(tmp_path / "a", rows, settings=settings, nodes=False))
    assert run.view_only is not None and "trash" in run.view_only
    data = summary(run)
    for name in ("survival_time", "survived", "collapsed", "censored", "efficiency", "over_usage"):
        assert data[name] is None
    assert data["total_gain"] == 101
    assert data["equality"] == pytest.approx(1 - (4 * 2 * 1) / (2 * 5 * 101))
    assert not run.interrupted
    assert [e.collapsed for e in run.events if e.kind == "harvested"] == [False, False]
    assert [e.stock_next for e in run.events if e.kind == "month_ended"] == [50]


def test_newcomers_are_present_from_the_month_they_arrive(tmp_path: Path) -> None:
    rows = [*month_of(1, 100.0, [12.0] * 4), *month_of(2, 100.0, [12.0] * 5)]
    folder = write_run(tmp_path / "a", rows)
    run = read_log(folder)
    started = [event for event in run.events if event.kind == "month_started"]
    assert [len(event.present) for event in started] == [4, 5]
    assert [event.share for event in started] == [12, 10]
    assert (run.config.condition, run.config.game.months) == ("newcomer", 15)
    # Its clock starts in January when it arrives.
    assert {e.month for e in run.events if e.kind == "remembered" and e.agent == "Luke"} == {2}


def test_numbers_may_be_whole_or_floats_and_asked_decimals_are_cut(tmp_path: Path) -> None:
    rows = month_of(1, 100, [10, 10, 10, 10, 9.6], got=[10, 10, 10, 10, 9])
    run = read_log(write_run(tmp_path / "a", rows, settings=config(), nodes=False))
    assert [event.asked for event in run.events if event.kind == "decided"] == [10, 10, 10, 10, 9]
    assert any("Decimals of 1 amounts" in note for note in run.notes)


def test_records_of_an_unknown_kind_are_told_and_left_out(tmp_path: Path) -> None:
    rows = [*month_of(1, 100.0, [10.0] * 5), record("vote", "persona_0", 1)]
    run = read_log(write_run(tmp_path / "a", rows, settings=config(), nodes=False))
    assert any("'vote'" in note for note in run.notes)


def test_the_hash_is_that_of_the_unpacked_log(tmp_path: Path) -> None:
    plain = read_log(write_run(tmp_path / "a", two_months(), settings=config()))
    packed = read_log(write_run(tmp_path / "b", two_months(), settings=config(), packed=True))
    assert plain.log_sha256 == packed.log_sha256
    assert plain.log_sha256 == hashlib.sha256(json.dumps(two_months()).encode()).hexdigest()
    assert packed.origin == "b"


def test_broken_characters_are_replaced_where_a_database_would_refuse_them(tmp_path: Path) -> None:
    rows = month_of(1, 100.0, [10.0] * 5, said=[(0, "half \ud800 and \0 and 😀")])
    run = read_log(write_run(tmp_path / "a", rows, settings=config(), nodes=False))
    assert "half � and � and 😀" in [event.text for event in run.events if event.kind == "said"]


def test_the_summary_has_exactly_the_promised_keys(run: ImportedRun) -> None:
    assert list(summary(run)) == [
        "path", "scenario", "condition", "model", "seed", "months_played", "survival_time", "survived", "collapsed",
        "censored", "gains", "total_gain", "mean_gain", "efficiency", "equality", "over_usage", "unreadable",
    ]  # fmt: skip
    assert json.loads(json.dumps(summary(run), allow_nan=False))["gains"]["Kate"] == 31


def test_every_agent_has_its_own_recorded_model(tmp_path: Path) -> None:
    settings = config(llm__path=["a", "a", "a", "a", "b"])
    run = read_log(write_run(tmp_path / "a", two_months(), settings=settings))
    assert [agent.mind.model for agent in run.config.agents if isinstance(agent.mind, RecordedMind)] == [
        "a", "a", "a", "a", "b",
    ]  # fmt: skip
    assert run.model == "mix: 4x a + 1x b"
    luke = next(call for call in run.calls if call.key.agent == "Luke")
    assert luke.model == "b"


BROKEN = {
    "no list": ({}, "no list"),
    "nothing": ([], "nothing was harvested"),
    "no object": ([1], "record 1 of log_env.json is no object"),
    "no harvests": ([r for r in two_months() if r["action"] != "harvesting"], "no harvests"),
    "out of order": (two_months()[::-1], "out of order"),
    "a month lacking": ([r for r in two_months() if r["round"] == 1], "begins with month 2"),
    "one harvest lacking": (two_months()[1:], "does not add up"),
    "negative": (month_of(1, 100.0, [-1.0, 1.0]), "is negative"),
    "parts of a unit": (month_of(1, 100.0, [1.5, 1.0]), "whole units"),
    "absurd": (month_of(1, 1e18, [1.0, 1.0]), "absurdly large"),
    "a text for a number": ([two_months()[0] | {"wanted_resource": "10"}], "is no number"),
    "more than asked": (month_of(1, 100.0, [1.0, 1.0], got=[2.0, 1.0]), "more than was wanted"),
    "twice": ([two_months()[0], two_months()[0]], "harvests twice"),
    "one agent": (month_of(1, 100.0, [1.0]), "1 agents harvest"),
    "too large a stock": (month_of(1, 1e9, [1.0, 1.0]), "cannot be one of this game"),
    "a stranger": ([two_months()[0] | {"agent_id": "mallory"}, *two_months()[1:]], "mallory"),
    "one name twice": (month_of(1, 100.0, [1.0] * 5, said=[(0, "A"), (1, "B")], names=("Ann",) * 5), "two agents are"),
    "a taken name": (month_of(1, 100.0, [1.0] * 5, said=[(0, "A")], names=("Framework", *NAMES[1:])), "cannot be"),
    "two names": (
        month_of(1, 100.0, [1.0] * 5, said=[(0, "A")])
        + month_of(2, 100.0, [1.0] * 5, said=[(0, "B")], names=NAMES[::-1]),
        "is called 'John' and 'Luke'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_log_is_named_with_one_reason(name: str, tmp_path: Path) -> None:
    rows, reason = BROKEN[name]
    folder = write_run(tmp_path / "broken-log-1", rows, settings=config(), nodes=False)
    with pytest.raises(UnreadableLog, match=r"^broken-log-1: .*\.$") as caught:
        read_log(folder)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "not valid JSON"),
        (b'[{"round": 0', "not valid JSON"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b'[{"round": NaN}]', "NaN"),
        (b'[{"round": -Infinity}]', "Infinity"),
        (b'[{"action": "harvesting", "round": 1e999}]', "absurdly large"),
        (b'[{"action": "harvesting", "round": ' + b"9" * 400 + b"}]", "absurdly large"),
        (b"[" + b"9" * 10_000 + b"]", "number"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_a_text_that_is_no_log_is_named_with_one_reason(text: bytes, reason: str, tmp_path: Path) -> None:
    (tmp_path / "log_env.json").write_bytes(text)
    with pytest.raises(UnreadableLog) as caught:
        read_log(tmp_path)
    assert reason in str(caught.value)
