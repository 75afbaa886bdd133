"""`govsim compare` as a user meets it."""

import json
from pathlib import Path

from tests.test_cli import govsim


def test_a_comparison_is_printed_and_written(tmp_path: Path) -> None:
    ids = []
    for mind in ("fair-share", "greedy"):
        done = govsim(tmp_path, "run", "--mind", f"scripted:{mind}", "--months", "3", "--json")
        ids.append(json.loads(done.stdout)["id"])
    out = tmp_path / "out"
    done = govsim(tmp_path, "compare", *ids, "--group-by", "model", "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert "scripted: greedy" in done.stdout
    names = {path.name for path in out.iterdir()}
    assert names >= {"comparison.tex", "comparison.json", "runs.csv", "survival.svg", "stock.svg"}
    assert len((out / "runs.csv").read_text().splitlines()) == 3


def test_what_was_played_is_cited(tmp_path: Path) -> None:
    run = json.loads(govsim(tmp_path, "run", "--mind", "scripted:greedy", "--months", "3", "--json").stdout)["id"]
    done = govsim(tmp_path, "cite", run)
    assert done.returncode == 0, done.stderr
    assert "the scripted policy greedy" in done.stdout and "@inproceedings{piatti2024cooperate" in done.stdout
    told = json.loads(govsim(tmp_path, "cite", run, "--json").stdout)
    assert told["methods"] in done.stdout and len(told["entries"]) == 3
    wrong = govsim(tmp_path, "cite", "r2222222")
    assert (wrong.returncode, wrong.stderr) == (2, "govsim: There is no run or experiment r2222222.\n")
    assert govsim(tmp_path, "cite", "../etc").returncode == 2


def test_what_does_not_exist_is_one_sentence(tmp_path: Path) -> None:
    done = govsim(tmp_path, "compare", "r2222222")
    assert (done.returncode, done.stderr) == (2, "govsim: There is no run or experiment r2222222.\n")
    wrong = govsim(tmp_path, "compare", "r2222222", "--group-by", "gossip")
    assert wrong.returncode == 2 and wrong.stderr.startswith("govsim: --group-by")
