"""The answers of a stored run, counted."""

from app.analysis.answers import Answers, answers
from app.commons.events import parse_event
from app.store.answers import count_calls
from app.store.connect import Database
from app.store.queries import events_after


async def answers_of(database: Database, run_id: str) -> Answers:
    """Return how the models of a run answered: what was unreadable, asked again, cut off or refused."""
    found = [
        parse_event(payload)
        for kind in ("decided", "unreadable")
        for _, payload in await events_after(database, run_id, kind=kind)
    ]
    return answers(found, await count_calls(database, run_id))
