"""The launch form."""

import secrets
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from app.commons.fidelity import DEVIATIONS
from app.commons.scenario import DISCLOSURES, conditions, scenarios
from app.jobs.context import too_long
from app.jobs.estimate import estimate as estimate_runs
from app.jobs.estimate_words import lines, sentence
from app.jobs.launch import launch_plan
from app.jobs.launch_plan import LaunchError
from app.minds.prompt_folders import find_sets
from app.minds.prompts import PromptError
from app.models.check import ModelCheck, check_models
from app.store.records import RunRecord
from app.store.runs import UnknownRun, get_run
from app.web import urls
from app.web.budget_form import amounts
from app.web.contexts.launch import AgentField, Choice, LaunchPage, Shown
from app.web.day import look_at_day
from app.web.launch_form import ADVANCED, DEFAULTS, Form, form_of, given_fields
from app.web.pages import Flash, page
from app.web.services import Services, Use

router = APIRouter(include_in_schema=False)

POLICY_LABELS = (
    Choice("scripted:fair-share", "fair-share: takes its sustainable share"),
    Choice("scripted:greedy", "greedy: takes much more than its share"),
    Choice("scripted:reciprocal", "reciprocal: does as the others did last month"),
    Choice("scripted:forgetful", "forgetful: agrees to a limit, then breaks it now and then"),
    Choice("scripted:random", "random: takes anything"),
)

ON_THIS_MACHINE = "On this machine: no key, no cost"


@router.get("/launch")
async def show(request: Request, services: Use) -> HTMLResponse:
    """Show the form; `from=RUN` fills it in like that run, other parameters fill in their fields."""
    query = given_fields(request.query_params.multi_items())
    wanted = query.pop("from", "")[:40]
    source, flash = None, []
    values: dict[str, str] = {}
    if wanted:
        try:
            source = await get_run(services.database, wanted)
            values = form_of(source.episode) | {f"budget_{name}": text for name, text in amounts(source.budget).items()}
            values["priority"] = str(source.priority)
        except UnknownRun:
            flash.append(Flash(f"There is no run “{wanted}” to copy; this is an empty form.", "warn"))
    if source is not None and "mind" not in values:
        flash.append(Flash("The copied run was imported: choose who decides for the agents.", "info"))
    form = Form(values | query)
    return await _render(request, services, form, source=source, flash=flash)


@router.get(urls.estimate())
async def estimate(request: Request, services: Use) -> dict[str, Any]:
    """Say what the form as it is would launch, and what is wrong with it."""
    form = Form(given_fields(request.query_params.multi_items()))
    shown = await _estimate(services, form)
    return {
        "count": shown.count if shown else 0,
        "text": shown.text if shown else None,
        "lines": shown.lines if shown else [],
        "source": shown.source if shown else "",
        "notes": shown.notes if shown else [],
        "errors": form.errors,
    }


@router.post(urls.check_chosen())
async def check(request: Request, services: Use) -> HTMLResponse:
    """Make one tiny call to each model that the form names, and show the form as it is with what came of it."""
    given = given_fields((await request.form(max_files=0, max_fields=80)).multi_items())
    form = Form(given)
    checks = await check_models(services.models, names=form.models)
    return await _render(request, services, form, submission=given.get("submission", "")[:64], checks=checks)


@router.post("/launch")
async def start(request: Request, services: Use) -> Response:
    """Launch the runs and go to them; sending the same form twice launches once."""
    data = await request.form(max_files=0, max_fields=80)
    given = given_fields(data.multi_items())
    form = Form(given)
    checked = form.check(services.models.check_name, services.models.price_of)
    if checked is not None:
        try:
            experiment, ids = await launch_plan(
                services.database,
                checked[0],
                check_model=services.models.check_name,
                prompt_folders=services.prompt_folders,
                price_of=services.models.price_of,
                submission=given.get("submission", "")[:64] or secrets.token_urlsafe(12),
            )
        except LaunchError as error:
            form.errors = error.fields
        except PromptError as error:
            form.errors[""] = str(error)
        else:
            single = len(ids) == 1 or experiment is None
            return RedirectResponse(urls.run(ids[0]) if single else urls.experiment(experiment or ""), 303)
    return await _render(request, services, form, submission=given.get("submission", "")[:64], status=422)


async def _estimate(services: Services, form: Form) -> Shown | None:
    """Return what the form would launch and use; None where it is wrong, and its errors say how."""
    checked = form.check(services.models.check_name, services.models.price_of)
    if checked is None:
        return None
    plan, configs = checked
    found = await estimate_runs(
        services.database,
        configs[0],
        len(configs),
        price_of=services.models.price_of,
        endpoints=services.models.views(),
    )
    told = lines(found, plan.budget, plan.shared, services.daily, (await look_at_day(services)).spent)
    return Shown(
        count=len(configs),
        text=sentence(found),
        lines=told,
        source=found.source,
        notes=too_long(configs[0], services.models.strict_context_of),
    )


async def _render(
    request: Request,
    services: Services,
    form: Form,
    *,
    source: RunRecord | None = None,
    flash: list[Flash] | None = None,
    submission: str = "",
    checks: Sequence[ModelCheck] = (),
    status: int = 200,
) -> HTMLResponse:
    shown = await _estimate(services, form)
    prompt_sets = await run_in_threadpool(find_sets, services.prompt_folders, services.prompt_sets)
    context = LaunchPage(
        scenarios=[scenario for scenario in scenarios().values() if scenario.playable],
        conditions=list(conditions().values()),
        policies=POLICY_LABELS,
        models=by_endpoint(services.models.names()),
        groups={view.name: ON_THIS_MACHINE for view in services.models.views() if view.on_this_machine},
        labels={
            name: label for name in services.models.names() if (label := services.models.label_of(name)) is not None
        },
        embeddings=services.models.embedding_names(),
        agents=[
            AgentField(number, name, form.values.get(f"mind_{number}", "")) for number, name in enumerate(form.names, 1)
        ],
        values=form.values,
        chosen=form.chosen("disclose") + form.chosen("fidelity"),
        disclosures=DISCLOSURES,
        deviations=DEVIATIONS,
        errors=form.errors,
        submission=submission or secrets.token_urlsafe(12),
        estimate=shown,
        count=shown.count if shown else 1,
        source=source,
        missing=[view for view in services.models.views() if not view.key_present or view.unusable],
        prompt_sets=[found.name for found in prompt_sets if found.prompts],
        advanced=any(form.values[name] != DEFAULTS[name] for name in ADVANCED)
        or any(name in form.errors for name in (*ADVANCED, "agents")),
        checks=checks,
        budgeted=any(form.values[name] for name in form.values if "budget_" in name),
    )
    return page(request, "pages/launch.html", context, section="launch", flash=flash or (), status=status)


def by_endpoint(names: tuple[str, ...]) -> Mapping[str, list[str]]:
    """Return models by the endpoint that their names begin with."""
    found: dict[str, list[str]] = defaultdict(list)
    for name in names:
        found[name.partition("/")[0]].append(name)
    return found
