"""Subskill tests: start, control, and read their results and cases."""

from typing import Annotated

from fastapi import APIRouter, Header, Path, Query
from pydantic import BaseModel

from app.store.records import RunState
from app.store.subskill_controls import resume_tests, stop_tests
from app.store.subskills import SubskillCall, SubskillCase, list_subskill_runs, subskill_calls, subskill_cases
from app.subskills.plan import SubskillPlan, start_tests
from app.subskills.report import (
    SubskillComparison,
    SubskillReport,
    SubskillSetReport,
    SubskillSummary,
    report_of,
    summary_of,
)
from app.subskills.results import comparisons
from app.web import urls
from app.web.dependencies import KnownTests
from app.web.errors import not_found
from app.web.services import Use

router = APIRouter(tags=["subskills"])

TestName = Annotated[str, Path(max_length=80)]
CaseNumber = Annotated[int, Path(ge=1, le=2**31)]


class SubskillList(BaseModel):
    """Subskill tests, newest first."""

    tests: list[SubskillSummary]


class SubskillsStarted(BaseModel):
    """What was started: one id for each scenario."""

    tests: list[str]
    page: str


class SubskillState(BaseModel):
    """The state tests are in after a control."""

    id: str
    state: RunState


class SubskillCases(BaseModel):
    """Cases of subskill tests; answers from `low` to `high` pass."""

    cases: list[SubskillCase]


class SubskillCaseOut(BaseModel):
    """A case with its calls: prompts and completions."""

    case: SubskillCase
    calls: list[SubskillCall]


@router.get("/subskills")
async def subskills(
    services: Use,
    limit: Annotated[int, Query(ge=1, le=500)] = 200,
    offset: Annotated[int, Query(ge=0, le=2**31)] = 0,
) -> SubskillList:
    """List subskill tests, newest first."""
    runs = await list_subskill_runs(services.database, limit=limit, offset=offset)
    return SubskillList(tests=[summary_of(run) for run in runs])


@router.post("/subskills", status_code=201)
async def start(
    services: Use, plan: SubskillPlan, idempotency_key: Annotated[str | None, Header(max_length=64)] = None
) -> SubskillsStarted:
    """Start tests in each scenario. The same `Idempotency-Key` again starts nothing new and answers the same."""
    ids = await start_tests(
        services.database,
        plan,
        check_model=services.models.check_name,
        prompt_folders=services.prompt_folders,
        submission=idempotency_key or None,
    )
    return SubskillsStarted(tests=ids, page=urls.subskill_run(ids[0]) if len(ids) == 1 else urls.subskills())


@router.get("/subskills/sets/{set_id}")
async def question_set(
    services: Use,
    set_id: Annotated[str, Path(max_length=40)],
    reference: Annotated[str | None, Query(max_length=40, description="the id of the tests to compare with")] = None,
) -> SubskillSetReport:
    """Return all tests that asked the same questions, at most 50, each compared with the reference."""
    runs = await list_subskill_runs(services.database, set_id=set_id, limit=50)
    if not runs:
        raise not_found("such set of questions")
    if reference is not None and reference not in {run.id for run in runs}:
        raise not_found("such reference in this set of questions")
    cases = {run.id: await subskill_cases(services.database, run.id) for run in runs}
    return SubskillSetReport(
        set=set_id,
        reference=reference,
        runs=[report_of(run, cases[run.id]) for run in runs],
        comparisons=[
            SubskillComparison(
                id=run.id, model=run.model, tests=comparisons(run.tests, cases[run.id], cases[reference])
            )
            for run in runs
            if reference is not None and run.id != reference
        ],
    )


@router.get("/subskills/{tests_id}")
async def get(services: Use, run: KnownTests) -> SubskillReport:
    """Return tests with their results."""
    return report_of(run, await subskill_cases(services.database, run.id))


@router.post("/subskills/{tests_id}/stop")
async def stop(services: Use, run: KnownTests) -> SubskillState:
    """Stop tests now; what is answered is kept."""
    return SubskillState(id=run.id, state=await stop_tests(services.database, run.id))


@router.post("/subskills/{tests_id}/resume")
async def resume(services: Use, run: KnownTests) -> SubskillState:
    """Queue paused or stopped tests again. What is answered is not asked again."""
    return SubskillState(id=run.id, state=await resume_tests(services.database, run.id))


@router.get("/subskills/{tests_id}/cases")
async def cases(
    services: Use, run: KnownTests, test: Annotated[str | None, Query(max_length=80)] = None
) -> SubskillCases:
    """Return the cases of tests, only those of one `test` if it is named."""
    return SubskillCases(cases=await subskill_cases(services.database, run.id, test=test))


@router.get("/subskills/{tests_id}/cases/{test}/{number}")
async def case(services: Use, run: KnownTests, test: TestName, number: CaseNumber) -> SubskillCaseOut:
    """Return one case with its prompts and completions."""
    found = await subskill_cases(services.database, run.id, test=test, number=number)
    if not found:
        raise not_found("such case")
    return SubskillCaseOut(case=found[0], calls=await subskill_calls(services.database, run.id, test, number))
