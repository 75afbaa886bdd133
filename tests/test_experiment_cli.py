"""`govsim run --experiment` and `govsim experiments` as a user meets them."""

import json
from pathlib import Path

import pytest

from app.jobs.bundled_definitions import bundled_definitions, with_minds
from app.jobs.definition_text import read_definition, write_definition
from app.jobs.grid import grid_runs
from app.jobs.launch import no_prices
from tests.test_cli import govsim

DEFINITION = """
name = "Two policies"
scenarios = ["fishery", "pasture"]
seeds = "1-2"
models = ["scripted:greedy", "scripted:fair-share"]
[settings]
months = 2
"""


def written(folder: Path, text: str = DEFINITION) -> str:
    path = folder / "grid.toml"
    path.write_text(text)
    return str(path)


def test_a_definition_is_played_cell_by_cell_and_kept(tmp_path: Path) -> None:
    file = written(tmp_path)
    planned = json.loads(govsim(tmp_path, "run", "--experiment", file, "--dry-run", "--json").stdout)
    done = govsim(tmp_path, "run", "--experiment", file, "--json")
    assert done.returncode == 0, done.stderr
    runs = [json.loads(line) for line in done.stdout.splitlines()]
    assert [run["config_hash"] for run in runs] == [run["config_hash"] for run in planned["runs"]]
    assert {(run["model_label"], run["state"]) for run in runs} == {
        ("scripted greedy", "finished"),
        ("scripted fair-share", "finished"),
    }
    [experiment] = {run["experiment"] for run in runs}
    shown = govsim(tmp_path, "experiments", "show", experiment)
    assert shown.stdout == write_definition(read_definition(DEFINITION))


def test_progress_ends_with_a_line_a_cell(tmp_path: Path) -> None:
    done = govsim(tmp_path, "run", "--experiment", "policies", "--mind", "scripted:greedy")
    assert done.returncode == 0, done.stderr
    assert "scripted greedy · pollution, default    5 of 5    0 of 5       25.0" in done.stdout
    assert "15 of 15 runs finished" in done.stdout


def test_a_detached_experiment_waits_for_a_worker(tmp_path: Path) -> None:
    done = govsim(tmp_path, "run", "--experiment", written(tmp_path), "--detach")
    assert done.returncode == 0, done.stderr
    assert "8 runs are queued" in done.stdout and "Nobody plays them yet" in done.stdout


@pytest.mark.parametrize(
    ("text", "arguments", "said"),
    [
        (DEFINITION.replace("months", "monts"), [], "settings.monts (line 7): there is no such setting."),
        (DEFINITION.replace('"1-2"', '"1-99"'), [], "at most 200 runs at once"),
        (DEFINITION.replace("scripted:greedy", "generative:lab/m"), [], "lab/m: There is no model 'lab/m'"),
        ("name = ", [], "The definition is no TOML"),
        (DEFINITION, ["--months", "3"], "--months has no place beside --experiment"),
        (DEFINITION, ["--dry-run", "--detach"], "Choose one of"),
        (
            DEFINITION,
            ["--mind", "scripted:greedy", "--mind", "scripted:greedy"],
            "--mind: 'scripted greedy' is named twice",
        ),
    ],
)
def test_a_wrong_definition_is_a_sentence_and_exit_code_2(
    tmp_path: Path, text: str, arguments: list[str], said: str
) -> None:
    done = govsim(tmp_path, "run", "--experiment", written(tmp_path, text), *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("govsim: ") and said.lower() in done.stderr.lower()
    assert done.stdout == ""


def test_a_file_that_is_not_there_names_what_is(tmp_path: Path) -> None:
    done = govsim(tmp_path, "run", "--experiment", "nowhere.toml")
    assert done.returncode == 2 and "Bundled are: paper-communication" in done.stderr


@pytest.mark.parametrize("name", bundled_definitions())
def test_bundled_definitions_are_canonical_and_can_be_played(name: str) -> None:
    found = bundled_definitions()[name]
    assert read_definition(write_definition(found)) == found
    runs = grid_runs(with_minds(found, ("scripted:greedy",)), lambda name, kind="chat": None, no_prices)
    assert len(runs) == found.runs // len(found.models)


PLAN = """
hypotheses = ["Greed ends it"]
runs_per_cell = 2
[[contrasts]]
group = { model = "scripted greedy" }
reference = { model = "scripted fair-share" }
"""


def test_a_plan_is_frozen_and_seeds_are_added_from_the_command_line(tmp_path: Path) -> None:
    launched = govsim(tmp_path, "run", "--experiment", written(tmp_path), "--detach", "--json")
    experiment = json.loads(launched.stdout)["experiment"]
    plan = tmp_path / "plan.toml"
    plan.write_text(PLAN)
    frozen = govsim(tmp_path, "experiments", "freeze", experiment, str(plan))
    assert "Version 1 is frozen, before the first run began" in frozen.stdout, frozen.stderr
    again = govsim(tmp_path, "experiments", "freeze", experiment, str(plan), "--reason", "none")
    assert again.returncode == 2 and "frozen already" in again.stderr
    plan.write_text("hypotheses = 3")
    wrong = govsim(tmp_path, "experiments", "freeze", experiment, str(plan))
    assert wrong.returncode == 2 and "hypotheses" in wrong.stderr
    added = govsim(tmp_path, "experiments", "add-seeds", experiment, "3")
    assert "4 runs are queued" in added.stdout and "frozen before" in added.stdout
    there = govsim(tmp_path, "experiments", "add-seeds", experiment, "2-3")
    assert there.returncode == 2 and "runs of seed 2, 3 already" in there.stderr
