"""The application's parts put together: routes, protection, errors."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from fastapi import APIRouter, FastAPI
from starlette.middleware.gzip import GZipMiddleware

from app.web import urls
from app.web.answers import ErrorBoundary, install
from app.web.api import budgets as api_budgets
from app.web.api import bundle as api_bundle
from app.web.api import catalogue as api_catalogue
from app.web.api import cite as api_cite
from app.web.api import compare as api_compare
from app.web.api import corrections as api_corrections
from app.web.api import experiments as api_experiments
from app.web.api import imports as api_imports
from app.web.api import keeping as api_keeping
from app.web.api import operations as api_operations
from app.web.api import plans as api_plans
from app.web.api import power as api_power
from app.web.api import preview as api_preview
from app.web.api import record as api_record
from app.web.api import reference as api_reference
from app.web.api import runs as api_runs
from app.web.api import search as api_search
from app.web.api import shares as api_shares
from app.web.api import subskills as api_subskills
from app.web.errors import ErrorReply
from app.web.importing import MAX_UPLOAD
from app.web.meters import WebMeters
from app.web.observe import Observer
from app.web.policy import BodyLimit, HeadAsGet, SecurityHeaders
from app.web.routes import (
    about,
    budgets,
    bundle,
    cite,
    compare,
    corrections,
    experiments,
    home,
    imports,
    keeping,
    launch,
    login,
    metrics,
    new_experiment,
    operations,
    plan,
    power,
    prompts,
    record,
    runs,
    search,
    shared,
    shared_compare,
    shares,
    static,
    subskills,
)
from app.web.security import Guard

MAX_BODY = 1_000_000
# Addresses that take more, in bytes.
LARGER_BODIES = dict.fromkeys((urls.import_logs(), urls.api_import()), MAX_UPLOAD)
PAGES = (
    # Before the runs: /runs/deleted is no run. Nor is /experiments/new an experiment.
    keeping,
    *(home, launch, prompts, imports, runs, search, record, new_experiment, experiments, shares, shared),
    *(compare, cite, bundle, shared_compare, plan, power),
    *(budgets, corrections, operations, about, metrics, login, static, subskills),
)

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def build(lifespan: Lifespan, meters: WebMeters, *, version: str, openapi_url: str) -> FastAPI:
    """Return the application; *lifespan* must put the `Services` on its state, *meters* count its requests."""
    app = FastAPI(
        title="GovSim Observatory",
        version=version,
        summary="Launch, watch, inspect and share GovSim episodes.",
        lifespan=lifespan,
        openapi_url=openapi_url,
        # Their pages need scripts from elsewhere; the policy allows none, and /methods lists the addresses.
        docs_url=None,
        redoc_url=None,
    )
    api = APIRouter(prefix=urls.API, responses={"4XX": {"model": ErrorReply}, "5XX": {"model": ErrorReply}})
    for part in (
        *(
            api_keeping,
            api_runs,
            api_record,
            api_imports,
            api_preview,
            api_experiments,
            api_catalogue,
            api_shares,
            api_reference,
        ),
        *(api_compare, api_power, api_cite, api_bundle, api_plans),
        *(api_search, api_subskills, api_budgets, api_operations, api_corrections),
    ):
        api.include_router(part.router)
    app.include_router(api)
    for module in PAGES:
        app.include_router(module.router)
    install(app)
    # The last one added is the first to see a request.
    app.add_middleware(BodyLimit, default=MAX_BODY, larger=LARGER_BODIES)
    app.add_middleware(Guard)
    app.add_middleware(ErrorBoundary)
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=5)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(HeadAsGet)
    app.add_middleware(Observer, meters=meters)
    return app
