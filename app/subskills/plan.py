"""Starting tests: a checked plan becomes a run of tests for each scenario, with all its cases."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.commons.config import SamplingConfig
from app.commons.scenario import UnknownName, get_scenario
from app.minds.build import load_prompt_sets
from app.minds.prompts import PromptSet
from app.models.base import ModelNotConfigured
from app.store.connect import Database
from app.store.subskills import NewSubskillRun, SubskillCase, store_subskill_runs
from app.subskills.cases import draw_cases
from app.subskills.catalogue import CASES, MOST_CASES, TEST_SET, TESTS
from app.subskills.prompts import GAME_SET, SET_NAME, Questions, SubskillPrompts, prompt_hash, set_id

SCENARIOS = ("fishery", "pasture", "pollution")

SENTENCES = {
    "model": "Model: write it as ENDPOINT/MODEL.",
    "scenarios": f"Scenarios: choose one or more of {', '.join(SCENARIOS)}.",
    "cases": f"Cases: a whole number from 1 to {MOST_CASES}.",
    "seed": f"Seed: a whole number from 0 to {2**31 - 1}.",
    "sampling": "Sampling: temperature from 0 to 2, top-p above 0 and up to 1, at least one token.",
}


class SubskillPlanError(ValueError):
    """Tests that cannot be started; `fields` says for each field what is wrong."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__(" ".join(fields.values()))
        self.fields = dict(fields)


class SubskillPlan(BaseModel):
    """Which model to test, in which scenarios, with how many cases of each test."""

    model_config = ConfigDict(extra="forbid")

    model: str = Field(pattern=r"^[A-Za-z0-9_.-]+/\S+$", max_length=200, description="ENDPOINT/MODEL")
    scenarios: list[str] = Field(default=list(SCENARIOS), min_length=1, max_length=20)
    cases: int = Field(default=CASES, ge=1, le=MOST_CASES, description="of each test")
    seed: int = Field(default=1, ge=0, le=2**31 - 1, description="draws the cases")
    sampling: SamplingConfig = SamplingConfig()


def read_plan(given: Mapping[str, Any]) -> SubskillPlan:
    """Return *given* as a plan.

    Raises:
        SubskillPlanError: if a field is wrong.
    """
    try:
        return SubskillPlan.model_validate(given)
    except ValidationError as error:
        raise SubskillPlanError(
            {".".join(str(part) for part in item["loc"][:1]): _sentence(item) for item in error.errors()}
        ) from None


async def start_tests(
    database: Database,
    plan: SubskillPlan,
    *,
    check_model: Callable[[str], None],
    prompt_folders: Sequence[Path],
    submission: str | None = None,
    owner: str | None = None,
) -> list[str]:
    """Store the runs of *plan*, one for each scenario, and return their ids.

    Args:
        database: where to.
        plan: what is to be tested.
        check_model: raises ModelNotConfigured for a model that cannot be asked.
        prompt_folders: where prompt sets lie; the first one that has a set wins.
        submission: sending the same one twice starts once.
        owner: the process that asks at once; without it the runs wait for a worker.

    Raises:
        SubskillPlanError: if the model or a scenario cannot be tested.
        app.minds.prompts.PromptError: if a prompt set cannot be used.
    """
    try:
        check_model(plan.model)
    except ModelNotConfigured as error:
        raise SubskillPlanError({"model": str(error)}) from None
    runs = await asyncio.to_thread(_runs, plan, prompt_folders)
    return await store_subskill_runs(database, runs, submission=submission, owner=owner)


def _runs(plan: SubskillPlan, prompt_folders: Sequence[Path]) -> list[NewSubskillRun]:
    own = SubskillPrompts.load(prompt_folders)
    game_files = load_prompt_sets(prompt_folders, [GAME_SET])[GAME_SET]
    game = PromptSet.from_files(GAME_SET, game_files)
    sets = [(SET_NAME, own.files), (GAME_SET, game_files)]
    return [_run(plan, scenario, own, game, sets) for scenario in dict.fromkeys(plan.scenarios)]


def _run(
    plan: SubskillPlan,
    name: str,
    own: SubskillPrompts,
    game: PromptSet,
    sets: Sequence[tuple[str, dict[str, str]]],
) -> NewSubskillRun:
    try:
        scenario = get_scenario(name)
    except UnknownName as error:
        raise SubskillPlanError({"scenarios": str(error)}) from None
    if not scenario.playable:
        raise SubskillPlanError(
            {"scenarios": f"There are no tests for '{name}'. Choose one of: {', '.join(SCENARIOS)}."}
        )
    questions = Questions(own, game, scenario)
    cases = [
        SubskillCase(**case.model_dump(), prompt_hash=prompt_hash(questions.task(case).messages))
        for case in draw_cases(scenario.agents, plan.seed, plan.cases)
    ]
    values = {
        "test_set": TEST_SET,
        "set_id": set_id(TEST_SET, name, cases),
        "model": plan.model,
        "scenario": name,
        "seed": plan.seed,
        "cases": plan.cases,
        "tests": list(TESTS),
        "sampling": plan.sampling.model_dump_json(),
    }
    return NewSubskillRun(values=values, cases=cases, prompt_sets=sets)


def _sentence(item: Any) -> str:
    field, text = item["loc"][0], str(item["msg"])
    return SENTENCES.get(field) or f"{str(field).replace('_', ' ').capitalize()}: {text[:1].lower()}{text[1:]}."
