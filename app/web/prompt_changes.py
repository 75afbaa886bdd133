"""A call's prompt beside that of the same call a month before."""

from collections.abc import Sequence

from pydantic import BaseModel, Field

from app.minds.changes import Stretch, changes
from app.store.connect import Database
from app.store.queries import CallDetail, get_call, list_calls
from app.store.records import CallSummary


class PromptChange(BaseModel):
    """Where a prompt says something else than the same one a month before; unchanged text is shortened."""

    key: str
    before: str | None = Field(description="the call it is compared with; null where there is none")
    stretches: tuple[Stretch, ...] = ()


async def prompt_change(database: Database, run_id: str, call: CallDetail) -> PromptChange:
    """Compare the prompt of *call* with that of the same call of the month before."""
    candidates = await list_calls(database, run_id, month=call.month - 1, agent=call.agent)
    same = counterpart(call, candidates)
    before = await get_call(database, run_id, same.key) if same else None
    if before is None or not before.messages or not call.messages:
        return PromptChange(key=call.key, before=None)
    return PromptChange(key=call.key, before=before.key, stretches=changes(call.messages, before.messages))


def counterpart(call: CallSummary, candidates: Sequence[CallSummary]) -> CallSummary | None:
    """Return the call among *candidates* that is the same as *call*: phase, purpose, item and, if possible, attempt.

    Turns of a talk differ from month to month: there it is the agent's first contribution.
    """
    alike = [one for one in candidates if (one.phase, one.purpose) == (call.phase, call.purpose)]
    exact = [one for one in alike if one.item == call.item]
    if not exact and call.purpose == "utterance":
        exact = alike[:1]
    return next((one for one in exact if one.attempt == call.attempt), exact[0] if exact else None)
