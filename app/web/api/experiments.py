"""Experiments: list, launch by a definition, cells, and what is asked of all runs of one."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from app.analysis.palette import Theme
from app.jobs.bundled_definitions import bundled_definitions
from app.jobs.definition import MAX_LABEL, Definition
from app.jobs.definition_text import MAX_CHARS, definition_from, read_definition, text_hash, write_definition
from app.jobs.estimate import Estimate, estimate_all
from app.jobs.grid import grid_runs, launch_definition
from app.store.annotations import tags_of
from app.store.bulk_controls import ask_all, retry_failed
from app.store.experiments import ExperimentFilter, cell_runs, find_experiments
from app.store.spending import spent_by_experiment
from app.web import urls
from app.web.api.experiment_schemas import BundledOut, ExperimentList, ExperimentOut, experiment_line_out
from app.web.api.operations import Granted
from app.web.api.schemas import Launched, run_out
from app.web.contexts.cells import grid_of, known_definition
from app.web.data import experiment_figure
from app.web.dependencies import ExperimentId
from app.web.errors import Problem, not_found
from app.web.routes.experiments import experiment_of
from app.web.services import Use

router = APIRouter(tags=["experiments"])

TOML = "application/toml"
_TAKES = {
    "required": True,
    "content": {
        "application/json": {"schema": {"$ref": "#/components/schemas/Definition"}},
        TOML: {"schema": {"type": "string", "description": "the same, as a file"}},
    },
}
"""What takes a definition says so here: its body is read by `definition_in`, as strictly as a file."""


class CellIn(BaseModel):
    """Which cell: the label of its model, its scenario and its condition."""

    model_config = ConfigDict(extra="forbid")

    model: str = Field(max_length=MAX_LABEL)
    scenario: str = Field(max_length=40)
    condition: str = Field(max_length=80)


class RetriedOut(BaseModel):
    """The runs that were queued again."""

    experiment: str
    runs: list[str]


async def definition_in(request: Request) -> Definition:
    """Return the definition in a request's body: JSON, or TOML if its content type says so.

    Raises:
        DefinitionError: naming every wrong place.
    """
    body = await request.body()
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in (TOML, "text/toml"):
        return read_definition(body)
    if len(body) > MAX_CHARS * 4:
        raise Problem(413, "too_large", "This definition is too large.")
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        raise Problem(422, "invalid", f"This is no JSON. A TOML file is sent as {TOML}.") from None
    return definition_from(data)


@router.get("/experiments")
async def experiments(services: Use, wanted: Annotated[ExperimentFilter, Query()]) -> ExperimentList:
    """List experiments, the latest first: the filters and paging of the page `/experiments`."""
    found, total = await find_experiments(services.database, wanted)
    return ExperimentList(
        experiments=[experiment_line_out(line) for line in found],
        total=total,
        offset=wanted.offset,
        limit=wanted.limit,
    )


@router.post("/experiments", status_code=201, openapi_extra={"requestBody": _TAKES})
async def launch(
    request: Request, services: Use, idempotency_key: Annotated[str | None, Header(max_length=64)] = None
) -> Launched:
    """Launch the runs of a definition: every model in every scenario under every condition, with every seed.

    The same `Idempotency-Key` again launches nothing new and answers the same.
    """
    experiment, ids = await launch_definition(
        services.database,
        await definition_in(request),
        check_model=services.models.check_name,
        prompt_folders=services.prompt_folders,
        price_of=services.models.price_of,
        submission=idempotency_key or None,
    )
    return Launched(experiment=experiment, runs=ids, page=urls.experiment(experiment))


@router.post("/experiments/estimate", openapi_extra={"requestBody": _TAKES})
async def estimate(request: Request, services: Use) -> Estimate:
    """Say what the runs of a definition would use; nothing is stored."""
    runs = grid_runs(await definition_in(request), services.models.check_name, services.models.price_of)
    return await estimate_all(
        services.database,
        [(run.config, 1) for run in runs],
        price_of=services.models.price_of,
        endpoints=services.models.views(),
    )


@router.get("/experiments/bundled")
async def bundled() -> list[BundledOut]:
    """Return the definitions that come with the application."""
    return [
        BundledOut(name=name, runs=found.runs, definition=found, toml=write_definition(found))
        for name, found in bundled_definitions().items()
    ]


@router.get("/experiments/{experiment_id}")
async def experiment(services: Use, experiment_id: ExperimentId) -> ExperimentOut:
    """Return an experiment with its definition, its cells and its runs."""
    found, runs = await experiment_of(services, experiment_id)
    tags = await tags_of(services.database, [run.id for run in runs])
    definition = known_definition(found.definition)
    cells = grid_of(await cell_runs(services.database, found.id), definition)
    return ExperimentOut(
        id=found.id,
        name=found.name,
        created_at=found.created_at,
        budget=found.budget,
        spent=await spent_by_experiment(services.database, found.id),
        page=urls.experiment(found.id),
        definition=definition,
        definition_hash=text_hash(found.definition) if found.definition else None,
        cells=cells,
        runs=[run_out(run, tags[run.id]) for run in runs],
    )


@router.get(
    "/experiments/{experiment_id}/definition",
    response_class=Response,
    responses={200: {"content": {TOML: {"schema": {"type": "string"}}}}},
)
async def definition(services: Use, experiment_id: ExperimentId) -> Response:
    """Return the definition that an experiment was launched by, as a TOML file."""
    found, _ = await experiment_of(services, experiment_id)
    if found.definition is None:
        raise not_found("definition: the experiment was launched without one")
    name = f'attachment; filename="{found.id}.toml"'
    return Response(found.definition, media_type=f"{TOML}; charset=utf-8", headers={"content-disposition": name})


@router.post("/experiments/{experiment_id}/stop")
async def stop(services: Use, experiment_id: ExperimentId) -> Granted:
    """Stop all runs of an experiment that wait, are paused or are being played; they are then censored."""
    return Granted(experiment=experiment_id, runs=await ask_all(services.database, experiment_id, "stop"))


@router.post("/experiments/{experiment_id}/retry")
async def retry(services: Use, experiment_id: ExperimentId, cell: CellIn | None = None) -> RetriedOut:
    """Queue the failed runs of an experiment again, or of one cell. What is recorded is not asked again."""
    which = None if cell is None else (cell.model, cell.scenario, cell.condition)
    return RetriedOut(experiment=experiment_id, runs=await retry_failed(services.database, experiment_id, which))


@router.get("/experiments/{experiment_id}/figures/stock")
async def figure(services: Use, experiment_id: ExperimentId, theme: Theme = "light") -> dict[str, Any]:
    """Return the chart of the stock of all runs of an experiment: Plotly's `data` and `layout`."""
    return await experiment_figure(services, experiment_id, theme)
