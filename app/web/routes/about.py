"""Pages about the instance: its settings, its methods, its health."""

from collections.abc import Sequence

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.concurrency import run_in_threadpool

from app.analysis.published import published
from app.commons.fidelity import DEVIATIONS
from app.commons.scenario import conditions, scenarios
from app.engine.version import ENGINE_VERSION
from app.interop.cite import PAPER
from app.minds.prompt_folders import find_sets
from app.models.check import ModelCheck, check_models
from app.models.endpoints import KNOWN
from app.models.hub import ModelHub
from app.store.budgets import dollars
from app.web import urls
from app.web.contexts.budget import meters
from app.web.contexts.methods import METRICS, ApiLine, MethodsPage, software_citation
from app.web.contexts.pages import KeyLine, SettingsPage
from app.web.day import look_at_day
from app.web.health import look
from app.web.local import look_at_local
from app.web.pages import page
from app.web.routes.launch import POLICY_LABELS
from app.web.services import Services, Use

router = APIRouter(include_in_schema=False)


@router.get("/settings")
async def settings(request: Request, services: Use) -> HTMLResponse:
    """Show which models there are. Keys are never shown."""
    return await _settings(request, services, [])


@router.post(urls.check_models())
async def check(request: Request, services: Use) -> HTMLResponse:
    """Make one tiny call to each model and show beside it whether it answered."""
    return await _settings(request, services, await check_models(services.models))


async def _settings(request: Request, services: Services, checks: Sequence[ModelCheck]) -> HTMLResponse:
    day = await look_at_day(services)
    views = services.models.views()
    context = SettingsPage(
        endpoints=views,
        keys=[
            KeyLine(name, table.api_key_env or "", any(view.name == name and view.key_present for view in views))
            for name, table in KNOWN.items()
        ],
        known={name: text for name in services.models.names() if (text := _known_of(services.models, name))},
        health=await look(services),
        locked=services.gate.locked,
        day=day,
        meters=meters(day.budget, day.spent),
        checks={check.model: check for check in checks},
        local=await look_at_local(services.local),
        local_folder=str(services.local.folder),
    )
    return page(request, "pages/settings.html", context, section="settings")


def _known_of(models: ModelHub, name: str) -> str:
    price, context = models.price_of(name), models.context_of(name)
    parts = []
    if label := models.label_of(name):
        parts.append(label)
    if price and price.of(1, 1) == 0:
        parts.append("no cost")
    elif price:
        parts.append(f"{dollars(price.input_per_mtok)} in, {dollars(price.output_per_mtok)} out a million tokens")
    if context:
        parts.append(f"{context:,} tokens long")
    return "; ".join(parts)


@router.get("/methods")
async def methods(request: Request, services: Use) -> HTMLResponse:
    """Say how the numbers are made."""
    prompt_sets = await run_in_threadpool(find_sets, services.prompt_folders, services.prompt_sets)
    context = MethodsPage(
        metrics=METRICS,
        scenarios=[scenario for scenario in scenarios().values() if scenario.playable],
        conditions=list(conditions().values()),
        deviations=DEVIATIONS,
        policies=POLICY_LABELS,
        prompt_sets=prompt_sets,
        published=published(),
        api=[
            ApiLine(method.upper(), path, operation["description"].partition("\n")[0].replace("`", ""))
            for path, operations in request.app.openapi()["paths"].items()
            for method, operation in operations.items()
        ],
        version=services.version,
        engine_version=ENGINE_VERSION,
        schema_revision=(await look(services)).schema_revision,
        software=software_citation(services.version, ENGINE_VERSION, prompt_sets),
        paper=PAPER,
    )
    return page(request, "pages/methods.html", context, section="methods")


@router.get("/healthz")
async def healthz(services: Use) -> JSONResponse:
    """Tell whether the instance works: 200, or 503 when its database cannot be read."""
    health = await look(services)
    return JSONResponse(health.model_dump(by_alias=True), 200 if health.status == "ok" else 503)
