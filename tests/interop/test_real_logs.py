"""The published logs, where they are: their metrics and what the pages will show of them."""

import csv
import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from app.interop.research import ImportedRun, UnreadableLog, find_logs, read_log
from app.interop.summary import summary

DATA = Path(os.environ.get("GOVSIM_TEST_DATA", Path(__file__).parents[3] / "shared" / "data")) / "govsim-logs"

pytestmark = pytest.mark.skipif(
    not (DATA / "reference_metrics.csv").is_file(),
    reason="the published logs are not here; GOVSIM_TEST_DATA names the folder that holds govsim-logs/",
)


@cache
def reference() -> dict[str, dict[str, str]]:
    with (DATA / "reference_metrics.csv").open(newline="") as file:
        return {row["run"]: row for row in csv.DictReader(file)}


@cache
def exact() -> dict[str, Any]:
    data: dict[str, Any] = json.loads((DATA / "reference_metrics.json").read_text())
    return data


@cache
def runs() -> dict[str, ImportedRun]:
    found = {}
    for folder in find_logs([DATA]):
        if folder.name != "magic-rain-37":
            found[folder.name] = read_log(folder)
    return found


def same(ours: object, theirs: str, tolerance: float = 1e-9) -> bool:
    if theirs == "":
        return ours is None
    if theirs in ("True", "False"):
        return ours is (theirs == "True")
    return isinstance(ours, int | float) and abs(ours - float(theirs)) <= tolerance


def test_all_are_read_and_the_folder_without_a_log_is_named() -> None:
    assert set(runs()) == set(reference()) == set(exact())
    with pytest.raises(UnreadableLog, match=r"^magic-rain-37: has memories but no log_env\.json\.$"):
        read_log(DATA / "runs" / "magic-rain-37")


def test_the_metrics_equal_the_reference() -> None:
    for name, row in reference().items():
        ours, precise = summary(runs()[name]), exact()[name]
        censored = row["censored"] == "True"
        wanted = {
            "months_played": row["months_played"],
            "survival_time": row["survival_months"],
            "collapsed": row["collapsed"],
            "censored": row["censored"],
            "survived": "" if censored else row["survived"],
            "total_gain": row["total_gain"],
            "mean_gain": row["mean_gain"],
        }
        for key, value in wanted.items():
            assert same(ours[key], value), (name, key, ours[key], value)
        asked = runs()[name].metrics.over_usage_asked
        for key, value, column in (
            ("efficiency", ours["efficiency"], "efficiency"),
            ("equality", ours["equality"], "equality"),
            ("over_usage", ours["over_usage"], "over_usage"),
            ("over_usage_wanted", asked, "over_usage_wanted"),
        ):
            # The table is rounded to six digits; the exact numbers are in the JSON beside it.
            assert same(value, row[column], 5.1e-7), (name, key, value, row[column])
            assert (value is None) == (precise[key] is None), (name, key)
            assert value is None or abs(value - precise[key]) <= 1e-9, (name, key)
        assert list(ours["gains"].values()) == [precise["gains"][f"persona_{index}"] for index in range(5)]


def test_models_seeds_and_conditions_are_those_of_the_table() -> None:
    for name, row in reference().items():
        ours = summary(runs()[name])
        assert (ours["model"] or "").replace(" ", "") == row["model"].replace(" ", ""), name
        assert ours["seed"] == (int(row["seed"]) if row["seed"] else None), name
        slug = row["experiment"].removesuffix(" (inferred)").partition("_concurrent")[2].strip("_")
        assert ours["condition"] == {"": "default", "japanese": "default"}.get(slug, slug), name
        assert runs()[name].interrupted == (row["status"] == "interrupted"), name


def test_every_contribution_stands_beside_the_completion_that_produced_it() -> None:
    shown = 0
    for run in runs().values():
        said = {(event.month, event.turn): event for event in run.events if event.kind == "said"}
        for call in run.calls:
            if call.key.purpose != "utterance":
                continue
            event = said[call.key.month, int(call.key.item)]
            assert event.agent == call.key.agent
            if event.text.strip() and call.completion:
                whole = f"{call.completion.thinking or ''}\n{call.completion.text}"
                assert event.text.strip()[:30] in whole
                shown += 1
    assert shown > 1000


def test_prompts_are_exactly_those_of_the_log() -> None:
    run = runs()["brisk-pine-11"]
    rows = json.loads((run.folder / "log_env.json").read_text())
    logged = "".join(row["html_interactions"] for row in rows if row["action"] == "conversation_summary")
    for call in run.calls:
        if call.key.purpose == "summary":
            assert call.messages[0].content in logged
    harvests = [row["html_interactions"][0] for row in rows if row["action"] == "harvesting"]
    ours = [call.messages[0].content for call in run.calls if call.key.purpose == "harvest"]
    assert all(prompt in text for prompt, text in zip(ours, harvests, strict=True))


def test_quoted_memories_are_linked_to_the_memories() -> None:
    run = runs()["sleek-music-168"]
    known = {(e.agent, e.memory.id): e.memory.text for e in run.events if e.kind == "remembered"}
    quoted = [
        (call.key.agent, segment)
        for call in run.calls
        for segment in call.messages[0].segments
        if segment.kind == "memory"
    ]
    linked = [(agent, segment) for agent, segment in quoted if segment.memory is not None]
    assert len(linked) > 0.95 * len(quoted)
    assert all(known[agent, segment.memory].strip() in segment.text for agent, segment in linked)


def test_what_is_special_about_a_run_is_told() -> None:
    assert any("Jack, Emma, Luke is empty" in note for note in runs()["spring-cloud-940"].notes)
    assert any("interrupted" in note for note in runs()["decent-deluge-5"].notes)
    assert runs()["vivid-galaxy-17"].metrics.unreadable == 60
    assert runs()["blooming-leaf-15"].config.names == ("Himari", "Rin", "Tsumugi", "Yua", "Yuina")
    assert runs()["playful-rain-110"].log_sha256 == runs()["different-brook-143"].log_sha256
    for name, run in runs().items():
        assert (run.view_only is not None) == (run.config.scenario == "trash"), name
        source = json.loads((run.folder / "source.json").read_text())
        assert run.log_sha256 == source["log_sha256"], name
