"""What the API says of experiments."""

from datetime import datetime

from pydantic import BaseModel, Field

from app.jobs.definition import Definition
from app.store.experiments import ExperimentLine, ExperimentState
from app.store.records import Budget, RunState
from app.store.spending import Spent
from app.web import urls
from app.web.api.schemas import RunOut
from app.web.contexts.cells import CellOut


class ExperimentOut(BaseModel):
    """Runs launched together; as a grid if they were launched by a definition."""

    id: str
    name: str
    created_at: datetime
    page: str
    budget: Budget = Field(description="what all runs together may spend")
    spent: Spent
    definition: Definition | None = Field(description="what it was launched by; its file is below this address")
    definition_hash: str | None = Field(description="SHA-256 of that file")
    cells: list[CellOut]
    runs: list[RunOut]


class ExperimentLineOut(BaseModel):
    """An experiment in a list. Months are of all runs together; a run that ended early has none left to play."""

    id: str
    name: str
    created_at: datetime
    archived_at: datetime | None
    page: str
    state: ExperimentState
    grid: bool = Field(description="whether it was launched by a definition")
    cells: int
    runs: int
    finished: int
    states: dict[RunState, int]
    months_played: int
    months: int
    budget: Budget
    spent: Spent


def experiment_line_out(line: ExperimentLine) -> ExperimentLineOut:
    """Return an experiment in a list as the API shows it."""
    found = line.experiment
    return ExperimentLineOut(
        id=found.id,
        name=found.name,
        created_at=found.created_at,
        archived_at=found.archived_at,
        page=urls.experiment(found.id),
        grid=found.definition is not None,
        finished=line.finished,
        budget=found.budget,
        **line.model_dump(exclude={"experiment"}),
    )


class ExperimentList(BaseModel):
    """One page of experiments; `total` counts all that fit the filter."""

    experiments: list[ExperimentLineOut]
    total: int
    offset: int
    limit: int


class BundledOut(BaseModel):
    """A definition that comes with the application."""

    name: str
    runs: int
    definition: Definition
    toml: str
