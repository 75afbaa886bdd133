"""The answers of a stored run, counted."""

from app.analysis.answers import Answers, answers
from app.commons.events import parse_event
from app.store.answers import count_calls
from app.store.connect import Database
from app.store.queries import events_after


async def answers_of(database: Database, run_id: str) -> Answers:
    """Return how the models of a run answered: what was unreadable, asked again, cut off or refused."""
    rows = await events_after(database, run_id, kinds=("decided", "unreadable"))
    return answers([parse_event(payload) for _, payload in rows], await count_calls(database, run_id))
