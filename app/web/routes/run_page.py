"""The run page, for its owner and through a link."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from fastapi import Request
from fastapi.responses import HTMLResponse

from app.analysis.answers import answers
from app.jobs.rerun import RerunReport
from app.store.again import tried_again_as
from app.store.annotations import tags_of
from app.store.answers import count_calls
from app.store.imports import equal_logs
from app.store.queries import get_experiment
from app.store.records import RunRecord
from app.store.spending import spent_by
from app.web import urls
from app.web.contexts.budget import NO_ERRORS, budget_box
from app.web.contexts.card import Preview
from app.web.contexts.correction import NOTHING
from app.web.contexts.run import RunPage, run_page
from app.web.corrections import corrections_seen
from app.web.inspecting import with_inspector
from app.web.pages import page
from app.web.run_events import page_events
from app.web.run_searching import find_in_run
from app.web.services import Services
from app.web.shared import SharedRun

OVER = ("finished", "cancelled", "interrupted")
"""States in which a run spends nothing any more."""


@dataclass(frozen=True)
class Run:
    """pages/run.html."""

    run: RunPage


async def render_run(
    request: Request,
    services: Services,
    run: RunRecord,
    *,
    api: str,
    page_url: str,
    shared: SharedRun | None = None,
    issued_link: str | None = None,
    rerun: RerunReport | None = None,
    budget_typed: Mapping[str, str] | None = None,
    budget_errors: Mapping[str, str] = NO_ERRORS,
    place: Mapping[str, str] = NOTHING,
    correction_typed: Mapping[str, str] = NOTHING,
    correction_errors: Mapping[str, str] = NOTHING,
    preview: Preview | None = None,
    status: int = 200,
) -> HTMLResponse:
    """Render a run's page at the place that the address names.

    Args:
        request: what is answered; its query names the place.
        services: of the application.
        run: the run, as far as its reader may see it.
        api: where its data lies.
        page_url: its page's address without query.
        shared: the link it is seen through.
        issued_link: a link just made.
        rerun: the result of a rerun check just made.
        budget_typed: what was typed as a budget, where that was wrong.
        budget_errors: what was wrong about it.
        place: the place to show, where the address names none.
        correction_typed: what was typed as a correction of an agreed limit, where that was wrong.
        correction_errors: what was wrong about it.
        preview: what the page says of itself where its link is pasted.
        status: the HTTP status.
    """
    query = {name: value[:200] for name, value in (*place.items(), *request.query_params.items())}
    held = await page_events(services.database, run.id, run.episode, run.events, query)
    share = shared.share if shared else None
    said = await corrections_seen(services, run, shared)
    context = run_page(run, held, query, api=api, page=page_url, share=share, issued_link=issued_link, corrections=said)
    if shared is None:
        counted = answers(held.events, await count_calls(services.database, run.id))
        twins = await equal_logs(services.database, run)
        experiment = await get_experiment(services.database, run.experiment_id) if run.experiment_id else None
        name = experiment.name if experiment else None
        box = budget_box(
            "run",
            run.budget,
            spent_by(run),
            action=urls.run_action(run.id, "budget") if run.state not in OVER else None,
            values=budget_typed,
            errors=budget_errors,
        )
        context = replace(context, equal_logs=twins, answers=counted, rerun=rerun, experiment=name, budget=box)
        own = (await tags_of(services.database, [run.id]))[run.id]
        context = replace(context, own_tags=own, retried_as=await tried_again_as(services.database, run.id))
    if query.get("q", "").strip():
        context = replace(context, found=await find_in_run(services, run, query["q"], page_url, shared))
    context = await with_inspector(services, context, shared, typed=correction_typed, errors=correction_errors)
    return page(
        request,
        "pages/run.html",
        Run(context),
        section="runs",
        share=share is not None,
        preview=preview,
        status=status,
    )
