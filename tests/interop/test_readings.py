"""Where our reader and the research code read a harvest differently: each difference under a named rule."""

import os
import re
from collections import Counter
from pathlib import Path

import pytest

from app.interop.files import find_logs, log_bytes, parse_json
from app.interop.readings import RULES, differences
from app.interop.rows import read_rows
from tests.interop.logs import month_of
from tests.support import ROOT

DATA = Path(os.environ.get("GOVSIM_TEST_DATA", ROOT.parent / "shared" / "data")) / "govsim-logs"


@pytest.mark.parametrize(
    ("answer", "recorded", "ours", "rule"),
    [
        (None, 0, None, "no completion"),
        ("<think>Hm.</think>", 0, None, "empty"),
        ("I would rather wait and see what the others do.", 0, None, "no marker"),
        ("It depends on the others.\n\nAnswer:", 0, None, "nothing after the marker"),
        ("Answer: N tons", 0, None, "no number"),
        ("Answer: 6-7 tons", 6, None, "range"),
        ("Answer: between 5 and 30 tons", 5, None, "range"),
        ("Answer: at most 12", 12, None, "bound"),
        ("Answer: 20 each, 100 in all", 20, None, "several numbers"),
        ("Answer: 8 tons", 0, 8, "lost answer"),
        ("Answer: 3.5 tons", 7, 3, "another number"),
    ],
)
def test_each_difference_has_its_rule(answer: str | None, recorded: int, ours: int | None, rule: str) -> None:
    same = "Answer: 1"
    rows = month_of(1, 100.0, [float(recorded), 1.0], answers=[answer, same], names=("John", "Kate"))
    [found] = differences(read_rows(rows))
    assert (found.agent_id, found.recorded, found.ours, found.rule) == ("persona_0", recorded, ours, rule)


def test_where_both_read_the_same_there_is_nothing_to_tell() -> None:
    assert list(differences(read_rows(month_of(1, 100.0, [10.0, 0.0, 40.0, 9.0, 1.0])))) == []


@pytest.mark.skipif(
    not (DATA / "reference_metrics.csv").is_file(),
    reason="the published logs are not here; GOVSIM_TEST_DATA names the folder that holds govsim-logs/",
)
def test_the_differences_on_real_answers_are_those_of_the_documentation() -> None:
    counts: Counter[str] = Counter()
    harvests, runs = 0, set()
    for folder in find_logs([DATA]):
        if folder.name == "magic-rain-37":
            continue
        log = read_rows(parse_json(log_bytes(folder), "log_env.json"))
        harvests += sum(len(month.harvests) for month in log.months)
        for found in differences(log):
            counts[found.rule] += 1
            runs.add(folder.name)
    text = (ROOT / "docs" / "fidelity.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([a-z ]+) \| (\d+) \| (.+) \|$", text, re.MULTILINE)
    assert {rule: int(count) for rule, count, _ in rows} == dict(counts)
    assert {rule: said for rule, _, said in rows} == dict(RULES)
    assert f"hold {harvests} harvests. In {harvests - counts.total()} of them" in text
    assert f"in {len(runs)} of the runs" in text
