"""What owners do with runs besides playing them: names, notes, tags, the archive, deletion and its undoing."""

from datetime import datetime
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from app.engine.version import ENGINE_VERSION
from app.store.again import retry
from app.store.annotations import (
    add_tags,
    clean_tag,
    clean_tags,
    remove_tag,
    rename,
    rename_experiment,
    write_note,
)
from app.store.shelf import (
    archive,
    archive_experiment,
    bring_back,
    bring_run_back,
    delete_experiment,
    delete_runs,
    list_deleted,
    purge,
)
from app.web import urls
from app.web.contexts.pages import DeletedPage
from app.web.dependencies import ExperimentId, KnownRun, RunId
from app.web.errors import Problem
from app.web.pages import page
from app.web.services import Use

router = APIRouter(include_in_schema=False)

MAX_SELECTED = 500
RunIds = Annotated[list[Annotated[str, Form(max_length=40)]], Form(max_length=MAX_SELECTED)]


@router.get("/runs/deleted")
async def deleted(request: Request, services: Use) -> HTMLResponse:
    """List the deleted runs that can still be brought back."""
    runs = await list_deleted(services.database)
    return page(request, "pages/deleted.html", DeletedPage(runs=runs), section="runs")


@router.post("/runs/selected")
async def selected(
    services: Use,
    do: Annotated[str, Form(max_length=20)],
    run: RunIds = [],  # noqa: B006 - FastAPI copies it
    tag: Annotated[str, Form(max_length=1000)] = "",
    back: Annotated[str, Form(max_length=4000)] = "",
) -> RedirectResponse:
    """Do one thing with the selected runs, then go back to the list as it was."""
    if not run:
        raise Problem(422, "invalid", "No run is selected. Go back and tick the runs you mean.")
    query = dict(parse_qsl(back, max_num_fields=50))
    query.pop("deleted", None)
    match do:
        case "compare":
            return RedirectResponse(urls.compare_runs(run), 303)
        case "tag":
            await add_tags(services.database, run, clean_tags(tag))
        case "untag":
            await remove_tag(services.database, run, clean_tag(tag))
        case "archive" | "unarchive":
            await archive(services.database, run, do == "archive")
        case "delete":
            query["deleted"] = (await delete_runs(services.database, run)).isoformat()
        case _:
            raise Problem(
                422, "invalid", "Choose what to do with the runs: compare, tag, untag, archive, unarchive or delete."
            )
    return RedirectResponse(urls.runs(query), 303)


@router.post("/runs/undelete")
async def undelete(services: Use, moment: Annotated[datetime, Form()]) -> RedirectResponse:
    """Undo a deletion: bring back all that it hid."""
    back = await bring_back(services.database, moment) if moment.tzinfo else []
    if not back:
        raise Problem(410, "gone", "There is nothing to bring back: it is back already, or was removed for good.")
    return RedirectResponse(urls.run(back[0]) if len(back) == 1 else urls.runs(), 303)


@router.post("/runs/{run_id}/retry")
async def try_again(services: Use, run: KnownRun) -> RedirectResponse:
    """Queue a paused or failed run again; launch a cancelled one anew."""
    return RedirectResponse(urls.run(await retry(services.database, run.id, ENGINE_VERSION)), 303)


@router.post("/runs/{run_id}/rename")
async def give_name(services: Use, run: KnownRun, name: Annotated[str, Form(max_length=1000)] = "") -> RedirectResponse:
    """Name a run; an empty name takes the name off."""
    await rename(services.database, run.id, name)
    return RedirectResponse(urls.run(run.id), 303)


@router.post("/runs/{run_id}/note")
async def note(services: Use, run: KnownRun, note: Annotated[str, Form(max_length=100_000)] = "") -> RedirectResponse:
    """Write the note about a run; an empty one takes it off."""
    await write_note(services.database, run.id, note)
    return RedirectResponse(urls.run(run.id), 303)


@router.post("/runs/{run_id}/tags")
async def tags(
    services: Use,
    run: KnownRun,
    tag: Annotated[str, Form(max_length=1000)] = "",
    remove: Annotated[str, Form(max_length=100)] = "",
) -> RedirectResponse:
    """Put tags on a run, or take the one named by *remove* off."""
    if remove:
        await remove_tag(services.database, [run.id], remove)
    else:
        await add_tags(services.database, [run.id], clean_tags(tag))
    return RedirectResponse(urls.run(run.id), 303)


@router.post("/runs/{run_id}/archive")
async def put_away(services: Use, run: KnownRun) -> RedirectResponse:
    """Put a run into the archive."""
    await archive(services.database, [run.id])
    return RedirectResponse(urls.run(run.id), 303)


@router.post("/runs/{run_id}/unarchive")
async def take_out(services: Use, run: KnownRun) -> RedirectResponse:
    """Take a run out of the archive."""
    await archive(services.database, [run.id], False)
    return RedirectResponse(urls.run(run.id), 303)


@router.post("/runs/{run_id}/delete")
async def remove(services: Use, run: KnownRun) -> RedirectResponse:
    """Delete a run; the list offers to undo it."""
    moment = await delete_runs(services.database, [run.id])
    return RedirectResponse(urls.runs({"deleted": moment.isoformat()}), 303)


@router.post("/runs/{run_id}/undelete")
async def undelete_one(services: Use, run_id: RunId) -> RedirectResponse:
    """Bring a deleted run back."""
    await bring_run_back(services.database, run_id)
    return RedirectResponse(urls.run(run_id), 303)


@router.post("/runs/{run_id}/purge")
async def remove_for_good(services: Use, run_id: RunId) -> RedirectResponse:
    """Remove a deleted run for good."""
    await purge(services.database, run_id)
    return RedirectResponse(urls.deleted_runs(), 303)


@router.post("/experiments/{experiment_id}/rename")
async def name_experiment(
    services: Use, experiment_id: ExperimentId, name: Annotated[str, Form(max_length=1000)] = ""
) -> RedirectResponse:
    """Give an experiment another name."""
    await rename_experiment(services.database, experiment_id, name)
    return RedirectResponse(urls.experiment(experiment_id), 303)


@router.post("/experiments/{experiment_id}/archive")
async def put_experiment_away(services: Use, experiment_id: ExperimentId) -> RedirectResponse:
    """Put an experiment and its runs into the archive."""
    await archive_experiment(services.database, experiment_id)
    return RedirectResponse(urls.experiment(experiment_id), 303)


@router.post("/experiments/{experiment_id}/unarchive")
async def take_experiment_out(services: Use, experiment_id: ExperimentId) -> RedirectResponse:
    """Take an experiment, and the runs that went there with it, out of the archive."""
    await archive_experiment(services.database, experiment_id, False)
    return RedirectResponse(urls.experiment(experiment_id), 303)


@router.post("/experiments/{experiment_id}/delete")
async def remove_experiment(services: Use, experiment_id: ExperimentId) -> RedirectResponse:
    """Delete an experiment with its runs; the list of runs offers to undo it."""
    moment = await delete_experiment(services.database, experiment_id)
    return RedirectResponse(urls.runs({"deleted": moment.isoformat()}), 303)
