"""The form of an experiment: what it would launch, the same as a TOML file, and its launch."""

import re
import secrets
from collections import Counter
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile

from app.analysis.power import smallest_p_said
from app.commons.scenario import conditions, scenarios
from app.jobs.bundled_definitions import bundled_definitions
from app.jobs.context import too_long
from app.jobs.definition import Definition
from app.jobs.definition_text import MAX_CHARS, DefinitionError, write_definition
from app.jobs.estimate import estimate_all
from app.jobs.estimate_words import lines, sentence
from app.jobs.grid import GridRun, grid_runs, launch_definition
from app.jobs.launch_plan import MAX_RUNS
from app.minds.prompt_folders import find_sets
from app.store.queries import get_experiment
from app.web import urls
from app.web.contexts.experiments import Grid, NewExperimentPage
from app.web.contexts.launch import Shown
from app.web.day import look_at_day
from app.web.experiment_form import DEFAULTS, ExperimentForm, filled_from
from app.web.pages import Flash, page
from app.web.routes.launch import POLICY_LABELS, by_endpoint
from app.web.services import Services, Use

router = APIRouter(include_in_schema=False)

MAX_FIELDS = 1000
TOML = "application/toml; charset=utf-8"


@router.get(urls.new_experiment())
async def show(request: Request, services: Use) -> HTMLResponse:
    """Show the form; `from=` fills it in by a bundled definition, or like a stored experiment."""
    wanted = request.query_params.get("from", "")[:60]
    form, flash = ExperimentForm.usual(), []
    text = await _stored(services, wanted) if wanted else None
    if text is not None:
        try:
            form = filled_from(text)
            if wanted in bundled_definitions() and not _usable(services, form):
                form = ExperimentForm(form.values | {"more_models": ""}, form.chosen | {"models": ()})
                flash.append(Flash("The models of this table are not configured here: choose yours.", "info"))
        except DefinitionError as error:
            flash.append(Flash(f"The definition of {wanted} cannot be read by this version: {error}", "warn"))
    elif wanted:
        flash.append(Flash(f"There is no definition “{wanted}” to start from; this is an empty form.", "warn"))
    return await _render(request, services, form, flash=flash)


@router.post(urls.new_experiment_action("estimate"))
async def estimate(request: Request, services: Use) -> dict[str, Any]:
    """Say what the form as it is would launch, what so many runs can show, and what is wrong; nothing is stored."""
    form = ExperimentForm.given((await _sent(request)).multi_items())
    definition, shown = await _look(services, form)
    grid = _grid(definition) if definition and shown else None
    return {
        "count": shown.count if shown else 0,
        "text": shown.text if shown else None,
        "lines": shown.lines if shown else [],
        "source": shown.source if shown else "",
        "notes": shown.notes if shown else [],
        "size": grid.size if grid else "",
        "shows": grid.shows if grid else "",
        "errors": form.errors,
    }


@router.post(urls.new_experiment_action("check"))
async def check(request: Request, services: Use) -> HTMLResponse:
    """Show the form as it is, with what it would launch."""
    data = await _sent(request)
    form = ExperimentForm.given(data.multi_items())
    return await _render(request, services, form, submission=_submission(data))


@router.post(urls.new_experiment_action("fill"))
async def fill(request: Request, services: Use) -> HTMLResponse:
    """Show the form filled in by the TOML that was pasted or uploaded; where that is wrong, as it was, and why."""
    data = await _sent(request)
    text = await _toml_in(data)
    try:
        return await _render(request, services, filled_from(text), submission=_submission(data))
    except DefinitionError as error:
        form = ExperimentForm.given(data.multi_items())
        shown = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
        wrong = list(error.fields.values())
        return await _render(
            request, services, form, submission=_submission(data), toml=shown[:MAX_CHARS], wrong=wrong, status=422
        )


@router.post(urls.new_experiment_action("toml"))
async def toml(request: Request, services: Use) -> Response:
    """Give the form as a TOML file; where it is wrong, show it."""
    data = await _sent(request)
    form = ExperimentForm.given(data.multi_items())
    definition = form.definition()
    if definition is None:
        return await _render(request, services, form, submission=_submission(data), status=422)
    name = re.sub(r"[^a-z0-9]+", "-", definition.name.lower()).strip("-")[:60] or "experiment"
    headers = {"content-disposition": f'attachment; filename="{name}.toml"'}
    return Response(write_definition(definition), media_type=TOML, headers=headers)


@router.post(urls.new_experiment())
async def start(request: Request, services: Use) -> Response:
    """Launch the experiment and go to it; sending the same form twice launches once."""
    data = await _sent(request)
    form = ExperimentForm.given(data.multi_items())
    definition = form.definition()
    if definition is not None:
        try:
            experiment, _ = await launch_definition(
                services.database,
                definition,
                check_model=services.models.check_name,
                prompt_folders=services.prompt_folders,
                price_of=services.models.price_of,
                submission=_submission(data) or secrets.token_urlsafe(12),
            )
        except DefinitionError as error:
            form.take(error)
        else:
            return RedirectResponse(urls.experiment(experiment), 303)
    return await _render(request, services, form, submission=_submission(data), status=422)


async def _sent(request: Request) -> FormData:
    return await request.form(max_files=1, max_fields=MAX_FIELDS)


def _submission(data: FormData) -> str:
    return str(data.get("submission") or "")[:64]


async def _toml_in(data: FormData) -> str | bytes:
    """Return the file that was uploaded, else the text that was pasted."""
    file = data.get("file")
    if isinstance(file, UploadFile) and file.filename:
        return await file.read(4 * MAX_CHARS + 1)
    return str(data.get("toml") or "")


async def _stored(services: Services, name: str) -> str | None:
    """Return the bundled definition of this name, or that of the experiment of this id."""
    if name in bundled_definitions():
        return write_definition(bundled_definitions()[name])
    found = await get_experiment(services.database, name)
    return None if found is None else found.definition


async def _look(services: Services, form: ExperimentForm) -> tuple[Definition | None, Shown | None]:
    """Return what the form asks for, and what it would launch and use; None where it is wrong: its errors say how."""
    definition = form.definition()
    if definition is None:
        return None, None
    try:
        runs = grid_runs(definition, services.models.check_name, services.models.price_of)
    except DefinitionError as error:
        form.take(error)
        return definition, None
    counted = Counter(run.cell for run in runs)
    one_each = {run.cell: run for run in runs}
    found = await estimate_all(
        services.database,
        [(one_each[cell].config, number) for cell, number in counted.items()],
        price_of=services.models.price_of,
        endpoints=services.models.views(),
    )
    budget = definition.budget
    told = lines(found, budget.each, budget.shared, services.daily, (await look_at_day(services)).spent)
    return definition, Shown(
        count=len(runs),
        text=sentence(found),
        lines=told,
        source=found.source,
        notes=_notes(services, list(one_each.values())),
    )


def _usable(services: Services, form: ExperimentForm) -> bool:
    """Whether all models that the form names can be asked here."""
    definition = form.definition()
    return definition is not None and all(services.models.can_ask(name) for name in definition.models_named)


def _notes(services: Services, runs: Sequence[GridRun]) -> list[str]:
    found = [note for run in runs for note in too_long(run.config, services.models.strict_context_of)]
    return list(dict.fromkeys(found))


def _grid(definition: Definition) -> Grid:
    n = len(definition.seeds)
    return Grid(size=definition.size, shows=f"One cell against another: {_small(smallest_p_said(n, n))}")


def _small(text: str) -> str:
    return text[:1].lower() + text[1:]


async def _render(
    request: Request,
    services: Services,
    form: ExperimentForm,
    *,
    flash: Sequence[Flash] = (),
    submission: str = "",
    toml: str | None = None,
    wrong: Sequence[str] = (),
    status: int = 200,
) -> HTMLResponse:
    errors = dict(form.errors)
    definition, shown = await _look(services, form)
    form.errors = errors | form.errors if status != 200 else form.errors
    names = services.models.names()
    known = {f"generative:{name}" for name in names} | {choice.value for choice in POLICY_LABELS}
    prompt_sets = await run_in_threadpool(find_sets, services.prompt_folders)
    further = ("settings", "plan", "prompts", "temperature", "order_seed")
    context = NewExperimentPage(
        scenarios=[scenario for scenario in scenarios().values() if scenario.playable],
        conditions=list(conditions().values()),
        policies=POLICY_LABELS,
        models=by_endpoint(names),
        strangers=[model for model in form.chosen["models"] if model not in known],
        values=form.values,
        chosen=form.chosen,
        errors=form.errors,
        submission=submission or secrets.token_urlsafe(12),
        estimate=shown,
        grid=_grid(definition) if definition and shown else None,
        bundled=[(name, found.name, found.size) for name, found in bundled_definitions().items()],
        prompt_sets=[found.name for found in prompt_sets if found.prompts],
        toml=toml if toml is not None else "",
        toml_errors=wrong,
        advanced=any(form.values[name] != DEFAULTS[name] or name in form.errors for name in further),
        budgeted=any(form.values[name] for name in ("budget_tokens", "budget_cost", "run_tokens", "run_cost")),
        most=MAX_RUNS,
    )
    return page(request, "pages/experiment_new.html", context, section="experiments", flash=flash, status=status)
