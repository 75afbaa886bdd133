"""What owners do with runs besides playing them: names, notes, tags, the archive, deletion and its undoing."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from app.engine.version import ENGINE_VERSION
from app.store.again import retry
from app.store.annotations import (
    MAX_NOTE,
    add_tags,
    clean_tag,
    remove_tag,
    rename,
    rename_experiment,
    tags_of,
    write_note,
)
from app.store.records import RunState
from app.store.runs import get_run
from app.store.shelf import (
    KEPT_FOR,
    archive,
    archive_experiment,
    bring_run_back,
    delete_experiment,
    delete_runs,
    list_deleted,
    purge,
)
from app.web.api.schemas import RunOut, StateOut, run_out
from app.web.dependencies import ExperimentId, KnownRun, RunId
from app.web.services import Services, Use

router = APIRouter(tags=["keeping"])

Tag = Annotated[str, Path(max_length=100)]


class RunChange(BaseModel):
    """What to change of a run: what is not named stays."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = Field(default=None, max_length=1000, description="null or empty takes it off")
    note: str | None = Field(default=None, max_length=5 * MAX_NOTE, description="plain text; null takes it off")
    archived: bool | None = None


class ExperimentChange(BaseModel):
    """What to change of an experiment: what is not named, or null, stays."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = Field(default=None, max_length=1000)
    archived: bool | None = Field(default=None, description="its runs go along")


class DeletedOut(BaseModel):
    """A deletion: it can be undone until `purged_at`."""

    deleted_at: datetime
    purged_at: datetime


class DeletedRunOut(DeletedOut):
    """A deleted run."""

    id: str
    name: str | None
    scenario: str
    condition: str
    models: str
    state: RunState


@router.get("/deleted")
async def deleted(services: Use) -> list[DeletedRunOut]:
    """Return the deleted runs that can still be brought back, the latest deletion first, at most 500."""
    runs = await list_deleted(services.database)
    return [DeletedRunOut(**run._asdict(), purged_at=run.purged_at) for run in runs]


@router.patch("/runs/{run_id}")
async def change(services: Use, run: KnownRun, wanted: RunChange) -> RunOut:
    """Rename a run, write its note, or move it into or out of the archive."""
    if "name" in wanted.model_fields_set:
        await rename(services.database, run.id, wanted.name or "")
    if "note" in wanted.model_fields_set:
        await write_note(services.database, run.id, wanted.note or "")
    if wanted.archived is not None:
        await archive(services.database, [run.id], wanted.archived)
    return await _told(services, run.id)


@router.put("/runs/{run_id}/tags/{tag}")
async def tag(services: Use, run: KnownRun, tag: Tag) -> RunOut:
    """Put a tag on a run."""
    await add_tags(services.database, [run.id], [clean_tag(tag)])
    return await _told(services, run.id)


@router.delete("/runs/{run_id}/tags/{tag}")
async def untag(services: Use, run: KnownRun, tag: Tag) -> RunOut:
    """Take a tag off a run."""
    await remove_tag(services.database, [run.id], tag)
    return await _told(services, run.id)


@router.post("/runs/{run_id}/retry")
async def try_again(services: Use, run: KnownRun) -> StateOut:
    """Queue a paused or failed run again; launch a cancelled one anew. Returns the run that is queued."""
    return StateOut(id=await retry(services.database, run.id, ENGINE_VERSION), state="queued")


@router.delete("/runs/{run_id}")
async def remove(services: Use, run: KnownRun) -> DeletedOut:
    """Delete a run: it is gone from everything at once, is stopped if it is being played, and can be brought back."""
    moment = await delete_runs(services.database, [run.id])
    return DeletedOut(deleted_at=moment, purged_at=moment + KEPT_FOR)


@router.post("/runs/{run_id}/undelete")
async def undelete(services: Use, run_id: RunId) -> RunOut:
    """Bring a deleted run back."""
    await bring_run_back(services.database, run_id)
    return await _told(services, run_id)


@router.post("/runs/{run_id}/purge", status_code=204)
async def remove_for_good(services: Use, run_id: RunId) -> None:
    """Remove a deleted run for good. What it spent stays counted."""
    await purge(services.database, run_id)


@router.patch("/experiments/{experiment_id}", status_code=204)
async def change_experiment(services: Use, experiment_id: ExperimentId, wanted: ExperimentChange) -> None:
    """Rename an experiment, or move it with its runs into or out of the archive."""
    if wanted.name is not None:
        await rename_experiment(services.database, experiment_id, wanted.name)
    if wanted.archived is not None:
        await archive_experiment(services.database, experiment_id, wanted.archived)


@router.delete("/experiments/{experiment_id}")
async def remove_experiment(services: Use, experiment_id: ExperimentId) -> DeletedOut:
    """Delete an experiment with its runs; bringing one of its runs back brings the experiment back."""
    moment = await delete_experiment(services.database, experiment_id)
    return DeletedOut(deleted_at=moment, purged_at=moment + KEPT_FOR)


async def _told(services: Services, run_id: str) -> RunOut:
    tags = await tags_of(services.database, [run_id])
    return run_out(await get_run(services.database, run_id), tags[run_id])
