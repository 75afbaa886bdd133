"""Results of the research code: the six real files, and files that are wrong."""

import csv
import json
import os
from pathlib import Path
from typing import Any

import pytest

from app.store.connect import Database
from app.store.subskills import get_subskill_run, subskill_calls, subskill_cases
from app.subskills.research import UnreadableResults, import_results, read_results
from app.subskills.results import results
from tests.support import ROOT

DATA = Path(os.environ.get("GOVSIM_TEST_DATA", ROOT.parent / "shared" / "data")) / "govsim-subskills"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"there are no result files at {DATA}")


def instance(stock: int = 40, answer: int | None = 4, passed: bool = True, **args: int) -> dict[str, Any]:
    said = "" if answer is None else f"<div><strong>ASSISTANT</strong>: I say </div> {answer}</div>"
    return {
        "args": {"persona": "Ann", "num_tonnes_lake": stock, **args},
        "answer": answer,
        "passed": passed,
        "correct_answer": 4,
        "error": "OK",
        "html_prompt": f"<div><strong>USER</strong>: There are {stock} tons. How many?</div>{said}",
    }


def write(folder: Path, name: str = "multiple_sim_shrinking_limit", **changes: Any) -> Path:
    instances = changes.pop("instances", [instance(), instance(60, 5, False)])
    results = {
        "name": name,
        "instances": instances,
        "score_mean": sum(item["passed"] for item in instances) / max(1, len(instances)),
        "config": {"code_version": "v9", "group_name": "some-model_fishing", "llm": {"path": "some/model"}, "seed": 3},
    } | changes
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(json.dumps(results))
    return path


@needs_data
async def test_the_real_files_score_as_expected(database: Database) -> None:
    expected = {row["file"]: row for row in csv.DictReader((DATA / "expected_scores.csv").open())}
    names = {"fishing": "fishery", "sheep": "pasture", "pollution": "pollution"}
    assert len(expected) == 6
    for name, row in expected.items():
        test = read_results(DATA / name)
        assert (test.name, test.model, test.seed) == (row["test"], row["model"], int(row["seed"]))
        assert test.scenario == names[row["scenario"]]
        assert (len(test.cases), test.passed) == (int(row["instances"]), int(row["passed"]))
        assert test.passed / len(test.cases) == pytest.approx(float(row["score_mean"]), abs=1e-6)
        wanted = (float(row["score_ci_lower"]), float(row["score_ci_upper"]))
        assert test.interval == pytest.approx(wanted, abs=1e-6)
        missing = sum(call.completion is None for _, call in test.calls)
        assert missing == int(row["instances_without_completion"])
        thinking = sum("</think>" in (call.completion.text if call.completion else "") for _, call in test.calls)
        assert thinking == int(row["think_tags"])


@needs_data
async def test_imported_sets_keep_their_scores_and_are_never_one_of_ours(database: Database) -> None:
    outcomes = await import_results(database, [DATA])
    assert [outcome.kind for outcome in outcomes] == ["imported"] * 6
    expected = {row["model"]: row for row in csv.DictReader((DATA / "expected_scores.csv").open())}
    for outcome in outcomes:
        run = await get_subskill_run(database, outcome.run_id or "")
        [result] = results(run.tests, await subskill_cases(database, run.id))
        assert run.origin == "imported"
        assert run.test_set.startswith("research-")
        assert (result.score.passed, result.score.total) == (int(expected[run.model]["passed"]), 15)
    again = await import_results(database, [DATA])
    assert [(outcome.kind, outcome.run_id) for outcome in again] == [("skipped", o.run_id) for o in outcomes]


async def test_files_of_one_run_are_one_run_and_every_case_keeps_its_prompt_and_completion(
    database: Database, tmp_path: Path
) -> None:
    write(tmp_path / "run-1")
    pair = [instance(50, 60, True, num_tonnes_fisher=4), instance(50, None, False, num_tonnes_fisher=4)]
    write(tmp_path / "run-1", "multiple_math_consequence_after_using_same_amount", instances=pair)
    write(tmp_path / "run-2", config={"group_name": "x_sheep", "llm": {"path": "x"}, "seed": 4})
    outcomes = await import_results(database, [tmp_path])
    assert [outcome.kind for outcome in outcomes] == ["imported", "imported"]
    run = await get_subskill_run(database, outcomes[0].run_id or "")
    assert (run.scenario, run.done, run.passed, run.unreadable, len(run.tests)) == ("fishery", 4, 2, 1, 2)
    assert any("missing" in note for note in run.notes)
    [call] = await subskill_calls(database, run.id, "multiple_sim_shrinking_limit", 1)
    assert call.messages[0].content == "There are 40 tons. How many?"
    assert call.completion is not None
    assert call.completion.text == "I say </div> 4"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"instances": []}, "'instances'"),
        ({"instances": [instance(passed=False)]}, "does not follow from the rules"),
        ({"score_mean": 0.9}, "its cases say 0.5"),
        ({"name": "multiple_sim_guess_the_weather"}, "unknown test"),
        ({"config": {"group_name": "x_desert", "llm": {"path": "x"}, "seed": 1}}, "unknown scenario 'desert'"),
        ({"config": {"group_name": "x_sheep", "llm": {}, "seed": 1}}, "'config.llm.path'"),
    ],
)
def test_a_wrong_file_is_refused_in_one_sentence(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(UnreadableResults, match=said):
        read_results(write(tmp_path, **changes))


async def test_a_bad_file_stops_no_other(database: Database, tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "notes.json").write_text("{not json")
    assert [outcome.kind for outcome in await import_results(database, [tmp_path])] == ["failed", "imported"]


@pytest.mark.parametrize("name", ["missing", ""])
async def test_nothing_to_import_is_said(database: Database, tmp_path: Path, name: str) -> None:
    with pytest.raises(UnreadableResults):
        await import_results(database, [tmp_path / name])
