"""Whether the instance works: is the database there, does anybody play?"""

from typing import Literal

from pydantic import BaseModel, Field
from sqlalchemy.exc import SQLAlchemyError

from app.store.queries import count_states, schema_revision
from app.store.workers import count_workers
from app.web.services import Services


class Health(BaseModel):
    """Whether the instance works."""

    status: Literal["ok", "degraded"]
    version: str
    database: Literal["ok", "unreachable"]
    schema_revision: str | None = Field(serialization_alias="schema")
    workers: int = Field(description="worker processes that are there to take queued runs, idle ones too")
    queued: int
    playing: int


async def look(services: Services) -> Health:
    """Return how the instance is doing."""
    try:
        states = await count_states(services.database)
        workers = await count_workers(services.database)
        revision = await schema_revision(services.database)
    except (SQLAlchemyError, OSError):
        return Health(
            status="degraded",
            version=services.version,
            database="unreachable",
            schema_revision=None,
            workers=0,
            queued=0,
            playing=0,
        )
    return Health(
        status="ok",
        version=services.version,
        database="ok",
        schema_revision=revision,
        workers=workers,
        queued=states.get("queued", 0),
        playing=states.get("playing", 0),
    )
