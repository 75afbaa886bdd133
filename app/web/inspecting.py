"""What the inspector shows at the place an address names, for readers without scripts; scripts read it themselves."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from app.analysis.replay import replay
from app.store.queries import get_call, list_calls
from app.store.records import CallSummary
from app.web import urls
from app.web.contexts.correction import NOTHING, correction_box
from app.web.contexts.place import FRAMEWORK, no_such_call, no_such_memory
from app.web.contexts.run import RunPage
from app.web.prompt_changes import prompt_change
from app.web.run_events import memories_of
from app.web.services import Services
from app.web.shared import SharedRun

READING = "The reading of the talk"


async def with_inspector(
    services: Services,
    page: RunPage,
    shared: SharedRun | None,
    *,
    typed: Mapping[str, str] = NOTHING,
    errors: Mapping[str, str] = NOTHING,
) -> RunPage:
    """Return *page* with what its inspector shows; what its address names and is not there becomes a notice.

    Args:
        services: of the application.
        page: the run at its place.
        shared: the link it is seen through.
        typed: what was typed as a correction, where that was wrong.
        errors: what was wrong about it.
    """
    view = page.view
    if not view.somebody:
        return page
    name = FRAMEWORK if view.agent is None else page.replay.names[view.agent]
    notices = list(view.notices)
    if view.framework and page.month is not None:
        action = urls.run_action(page.record.id, "corrections") if shared is None else None
        box = correction_box(page.month, page.corrections, action=action, typed=typed, errors=errors)
        page = replace(page, correction=box)
    if not view.framework and (view.tab in ("memories", "reflection") or view.memory is not None):
        remembered = await memories_of(services.database, page.record.id, name, page.record.events)
        page = replace(page, remembered=replay(remembered, page.record.episode).memories)
        if view.memory is not None and view.memory not in [entry.memory.id for entry in page.memories]:
            notices.append(no_such_memory(view.memory, view.month, name))
    if page.prompts:
        found = await list_calls(services.database, page.record.id, month=view.month, agent=name)
        calls = [shared.told(item) for item in found if shared.shows(item)] if shared else found
        named = next((item for item in calls if item.key == view.call), None)
        if view.call is not None and named is None:
            notices.append(no_such_call(view.call, view.month, READING if view.framework else name))
        chosen = named or _deciding(calls, "limit" if view.framework else "harvest")
        call = await get_call(services.database, page.record.id, chosen.key) if chosen else None
        call = shared.told(call) if shared and call else call
        page = replace(page, calls=calls, call=call)
        if call is not None and view.tab == "prompt":
            page = replace(page, changed=await prompt_change(services.database, page.record.id, call))
    return replace(page, view=replace(view, notices=tuple(notices)))


def _deciding(calls: Sequence[CallSummary], purpose: str) -> CallSummary | None:
    """Return the call that decided among those of a month: the last attempt at *purpose*, else the first of all."""
    last = next((call for call in reversed(calls) if call.purpose == purpose), None)
    return last or (calls[0] if calls else None)
