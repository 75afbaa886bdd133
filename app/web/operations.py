"""What /operations shows: the instance, its workers, what goes on, the last hour. The page and its JSON twin."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from pydantic import BaseModel, Field
from sqlalchemy.exc import SQLAlchemyError

from app.models.hub import EndpointView
from app.store.connect import DatabaseError
from app.store.instance import DatabaseFigures, StateCount
from app.store.money import Dollars
from app.store.operations import Operations, PlayedRun, read_operations
from app.store.permits import EndpointUse
from app.store.usage import Minute, minutes_since
from app.store.workers import WorkerRecord
from app.web.errors import Problem
from app.web.services import Services

HOUR = 60


class WorkerLine(BaseModel):
    """A process that plays runs."""

    id: str
    role: str
    host: str
    pid: int
    version: str
    started_at: datetime
    heartbeat: datetime = Field(description="when it last reported, by the database's clock")
    silent_s: float
    alive: bool
    stopping: bool
    playing: int
    capacity: int
    testing: int = Field(description="subskill tests it is asking")


class PlayedLine(PlayedRun):
    """A run that is being played, and how many calls its models answered within the last minute."""

    calls_per_minute: int | None = Field(description="null where its worker has not said")


class EndpointLine(BaseModel):
    """An endpoint and what it did within the last hour, all processes together."""

    name: str
    host: str | None = Field(description="null where this process does not know the endpoint")
    max_concurrency: int | None = Field(description="requests at once, all processes together")
    in_use: int = Field(description="requests that are on their way now")
    waiting: int = Field(description="requests that wait for a place now")
    held_back_s: float = Field(description="how much longer it asked to be left alone")
    requests_last_minute: int
    answered: int
    failed: int = Field(description="attempts that failed; most are tried again")
    mean_latency_s: float | None
    prompt_tokens: int
    completion_tokens: int
    cost: Dollars
    unpriced_calls: int


class MinuteLine(BaseModel):
    """One minute of the last hour, all endpoints together."""

    minute: datetime
    answered: int
    failed: int
    tokens: int
    cost: Dollars
    unpriced_calls: int


class OperationsOut(BaseModel):
    """How the instance is doing. Lists are cut to their latest 50; counts are of everything."""

    version: str
    at: datetime = Field(description="by the database's clock")
    runs: list[StateCount]
    oldest_queued_s: float
    workers: list[WorkerLine]
    activity: Operations = Field(description="what waits, what stopped, what went wrong lately")
    playing: list[PlayedLine]
    endpoints: list[EndpointLine]
    last_hour: list[MinuteLine] = Field(description="60 minutes, the latest last; it is not over yet")
    database: DatabaseFigures

    def in_state(self, state: str) -> int:
        """Return how many runs are in *state*."""
        return sum(count.runs for count in self.runs if count.state == state)

    @property
    def takers(self) -> list[WorkerLine]:
        """The workers that a queued run may count on."""
        return [worker for worker in self.workers if worker.alive and worker.role == "worker" and not worker.stopping]


async def look_around(services: Services) -> OperationsOut:
    """Return how the instance is doing.

    Raises:
        Problem: 503, if the database cannot be read.
    """
    try:
        view = await services.instance.view()
        activity = await read_operations(services.database)
        present, minutes = await minutes_since(services.database, timedelta(minutes=HOUR))
    except (SQLAlchemyError, DatabaseError, OSError) as error:
        raise Problem(
            503,
            "database_unreachable",
            "The database cannot be read, so nothing is known about runs and workers. What is recorded is kept; "
            "workers go on by themselves when the database is back.",
        ) from error
    return OperationsOut(
        version=services.version,
        at=view.figures.at,
        runs=view.figures.runs,
        oldest_queued_s=view.figures.oldest_queued_s,
        workers=[WorkerLine.model_validate(worker, from_attributes=True) for worker in view.workers],
        activity=activity,
        playing=[_played(run, view.workers) for run in activity.playing],
        endpoints=_endpoints(services.models.views(), minutes, view.places),
        last_hour=_last_hour(present, [minute for _, minute in minutes]),
        database=view.figures.database,
    )


def _played(run: PlayedRun, workers: Sequence[WorkerRecord]) -> PlayedLine:
    worker = next((worker for worker in workers if worker.id == run.owner and worker.alive), None)
    return PlayedLine(**run.model_dump(), calls_per_minute=worker.calls_per_minute.get(run.id, 0) if worker else None)


def _endpoints(
    views: Sequence[EndpointView], minutes: Sequence[tuple[str, Minute]], places: Sequence[EndpointUse]
) -> list[EndpointLine]:
    known, places_of = {view.name: view for view in views}, {place.name: place for place in places}
    lines = []
    for name in sorted({*known, *(endpoint for endpoint, _ in minutes)}):
        place = places_of.get(name)
        view, used = known.get(name), [minute for endpoint, minute in minutes if endpoint == name]
        answered = sum(minute.answered for minute in used)
        lines.append(
            EndpointLine(
                name=name,
                host=view.host if view else None,
                max_concurrency=view.max_concurrency if view else place.limit if place else None,
                in_use=place.in_use if place else 0,
                waiting=place.waiting if place else 0,
                held_back_s=place.quiet_s if place else 0.0,
                requests_last_minute=place.requests_last_minute if place else 0,
                answered=answered,
                failed=sum(minute.failed for minute in used),
                mean_latency_s=sum(minute.latency_ms for minute in used) / answered / 1000 if answered else None,
                prompt_tokens=sum(minute.prompt_tokens for minute in used),
                completion_tokens=sum(minute.completion_tokens for minute in used),
                cost=sum(minute.cost for minute in used),
                unpriced_calls=sum(minute.unpriced for minute in used),
            )
        )
    return lines


def _last_hour(present: datetime, minutes: Sequence[Minute]) -> list[MinuteLine]:
    lines = []
    for back in range(HOUR - 1, -1, -1):
        moment = present - timedelta(minutes=back)
        used = [minute for minute in minutes if minute.minute == moment]
        lines.append(
            MinuteLine(
                minute=moment,
                answered=sum(minute.answered for minute in used),
                failed=sum(minute.failed for minute in used),
                tokens=sum(minute.prompt_tokens + minute.completion_tokens for minute in used),
                cost=sum(minute.cost for minute in used),
                unpriced_calls=sum(minute.unpriced for minute in used),
            )
        )
    return lines
