"""The subskill tests: results side by side, starting them, one model's tests, one case."""

import secrets
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from app.commons.scenario import scenarios
from app.minds.prompts import PromptError
from app.store.subskill_controls import resume_tests, stop_tests
from app.store.subskills import SubskillRun, list_subskill_runs, subskill_calls, subskill_cases
from app.subskills.catalogue import CASES, TESTS
from app.subskills.plan import SCENARIOS, SubskillPlanError, read_plan, start_tests
from app.subskills.results import label_of_test
from app.web import urls
from app.web.contexts.subskills import (
    SubskillCasePage,
    SubskillsPage,
    case_row,
    run_page,
    set_links,
    set_view,
    subskill_row,
    unit_of,
)
from app.web.dependencies import KnownTests
from app.web.errors import not_found
from app.web.pages import Flash, page
from app.web.services import Services, Use

router = APIRouter(include_in_schema=False)

DEFAULTS = {"model": "", "cases": str(CASES), "seed": "1", "temperature": "0", "top_p": "1", "max_tokens": "8000"}
SHOWN = ("all", "failed", "unreadable")
MOST_SIDE_BY_SIDE = 12

TestName = Annotated[str, Path(max_length=80)]
CaseNumber = Annotated[int, Path(ge=1, le=2**31)]


@router.get("/subskills")
async def show(request: Request, services: Use) -> HTMLResponse:
    """Show the results of one set of questions, all tests, and the form that starts new ones."""
    return await _render(request, services, DEFAULTS, SCENARIOS[:1], {})


@router.post("/subskills")
async def start(request: Request, services: Use) -> Response:
    """Start tests and go to them; sending the same form twice starts once."""
    data = await request.form(max_files=0, max_fields=40)
    given = DEFAULTS | {
        name: value.strip() for name, value in data.items() if name in DEFAULTS and isinstance(value, str)
    }
    wanted = [value for value in data.getlist("scenario") if isinstance(value, str)][:20]
    submission = str(data.get("submission", ""))[:64] or secrets.token_urlsafe(12)
    try:
        plan = read_plan(_plan_of(given, wanted))
        ids = await start_tests(
            services.database,
            plan,
            check_model=services.models.check_name,
            prompt_folders=services.prompt_folders,
            submission=submission,
        )
    except SubskillPlanError as error:
        return await _render(request, services, given, wanted, error.fields, submission=submission)
    except PromptError as error:
        return await _render(request, services, given, wanted, {"": str(error)}, submission=submission)
    return RedirectResponse(urls.subskill_run(ids[0]) if len(ids) == 1 else urls.subskills(), 303)


@router.get("/subskills/{tests_id}")
async def tests(request: Request, services: Use, run: KnownTests, test: str = "", show: str = "all") -> HTMLResponse:
    """Show one model's tests and the cases of one test."""
    flash = []
    if test and test not in run.tests:
        flash.append(Flash(f"There is no test “{test[:80]}” here; this is the first.", "warn"))
    chosen = test if test in run.tests else run.tests[0]
    cases = await subskill_cases(services.database, run.id)
    context = run_page(run, cases, chosen, show if show in SHOWN else "all")
    return page(request, "pages/subskill_run.html", context, section="subskills", flash=flash)


@router.get("/subskills/{tests_id}/cases/{test}/{number}")
async def case(request: Request, services: Use, run: KnownTests, test: TestName, number: CaseNumber) -> HTMLResponse:
    """Show a case: what was asked, what came back, and how it was read."""
    found = await subskill_cases(services.database, run.id, test=test, number=number)
    if not found:
        raise not_found("such case")
    of_test = len(await subskill_cases(services.database, run.id, test=test))
    context = SubskillCasePage(
        row=subskill_row(run),
        item=case_row(run, found[0]),
        test_label=label_of_test(test),
        unit=unit_of(run),
        calls=await subskill_calls(services.database, run.id, test, number),
        previous=urls.subskill_case(run.id, test, number - 1) if number > 1 else None,
        following=urls.subskill_case(run.id, test, number + 1) if number < of_test else None,
    )
    return page(request, "pages/subskill_case.html", context, section="subskills")


@router.post("/subskills/{tests_id}/stop")
async def stop(services: Use, run: KnownTests) -> RedirectResponse:
    """Stop tests now; what is answered is kept."""
    await stop_tests(services.database, run.id)
    return RedirectResponse(urls.subskill_run(run.id), 303)


@router.post("/subskills/{tests_id}/resume")
async def resume(services: Use, run: KnownTests) -> RedirectResponse:
    """Queue paused or stopped tests again."""
    await resume_tests(services.database, run.id)
    return RedirectResponse(urls.subskill_run(run.id), 303)


async def _render(
    request: Request,
    services: Services,
    values: Mapping[str, str],
    wanted: Sequence[str],
    errors: Mapping[str, str],
    *,
    submission: str = "",
) -> HTMLResponse:
    runs = await list_subskill_runs(services.database)
    flash: list[Flash] = []
    members, reference = await _chosen(request, services, runs, flash)
    chosen = None
    if members:
        cases = {run.id: await subskill_cases(services.database, run.id) for run in members}
        chosen = set_view(members, cases, reference)
    context = SubskillsPage(
        rows=[subskill_row(run) for run in runs],
        sets=set_links(runs, chosen.id if chosen else None),
        chosen=chosen,
        live=any(run.live for run in (*runs, *members)),
        scenarios=[scenarios()[name] for name in SCENARIOS],
        models=_by_endpoint(services.models.names()),
        values=values,
        wanted=wanted,
        errors=errors,
        submission=submission or secrets.token_urlsafe(12),
        tests=list(TESTS.values()),
        json=f"{urls.API}/subskills",
    )
    return page(
        request, "pages/subskills.html", context, section="subskills", flash=flash, status=422 if errors else 200
    )


async def _chosen(
    request: Request, services: Services, runs: Sequence[SubskillRun], flash: list[Flash]
) -> tuple[list[SubskillRun], SubskillRun | None]:
    """Return the tests of the set that the address names, or of the latest, oldest first; and their reference."""
    if not runs:
        return [], None
    set_id = request.query_params.get("set", "")[:40] or runs[0].set_id
    members = await list_subskill_runs(services.database, set_id=set_id)
    if not members:
        flash.append(Flash(f"There is no set of questions “{set_id}”; this is the latest.", "warn"))
        members = await list_subskill_runs(services.database, set_id=runs[0].set_id)
    if len(members) > MOST_SIDE_BY_SIDE:
        flash.append(Flash(f"{len(members)} models got these questions; the latest {MOST_SIDE_BY_SIDE} are shown."))
    members = members[:MOST_SIDE_BY_SIDE][::-1]
    wanted = request.query_params.get("reference", "")[:40]
    return members, next((run for run in members if run.id == wanted), members[0])


def _plan_of(given: Mapping[str, str], wanted: Sequence[str]) -> dict[str, Any]:
    sampling = {name: given[name] or None for name in ("temperature", "top_p")} | {"max_tokens": given["max_tokens"]}
    return {
        "model": given["model"],
        "scenarios": list(wanted),
        "cases": given["cases"],
        "seed": given["seed"],
        "sampling": sampling,
    }


def _by_endpoint(names: Sequence[str]) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for name in names:
        found[name.partition("/")[0]].append(name)
    return found
