"""Cards of what links show, and their pictures: made anew for every request, from what the link shows and no more."""

import asyncio

from fastapi import Request
from fastapi.responses import Response

from app.interop.card import Card
from app.interop.compared import LaidOut
from app.store.queries import stock_series
from app.web import urls
from app.web.comparing import laid_out
from app.web.contexts.card import Preview, comparison_card, experiment_card, run_card
from app.web.services import Services
from app.web.shared import SharedRun, SharedSet
from app.web.shared_comparison import SharedComparison


async def card_of_run(services: Services, shared: SharedRun) -> Card:
    """Return the card of a shared run."""
    run = shared.run
    stocks = (await stock_series(services.database, [run.id]))[run.id]
    return run_card(run, stocks[: run.months_played])


async def card_of_experiment(services: Services, shared: SharedSet) -> Card:
    """Return the card of a shared experiment."""
    found = await stock_series(services.database, [run.id for run in shared.runs])
    stocks = [found[run.id][: run.months_played] for run in shared.runs]
    return experiment_card(shared.name, shared.runs, stocks)


async def card_of_comparison(services: Services, shared: SharedComparison, shown: LaidOut | None = None) -> Card:
    """Return the card of a shared comparison; *shown* is it laid out, if that was done already."""
    made = shown or await laid_out(services, shared.ask, shared.runs, around=shared.around)
    there = {run.run for run in made.runs}
    runs = [run for run in shared.runs if run.id in there]
    found = await stock_series(services.database, [run.id for run in runs])
    return comparison_card(made, runs, [found[run.id][: run.months_played] for run in runs])


def preview(request: Request, card: Card, page: str) -> Preview:
    """Return a card with whole addresses; *page* is the path of what it is of."""
    base = str(request.base_url).rstrip("/")
    return Preview(card, base + page, base + urls.picture(page))


async def picture(services: Services, card: Card) -> Response:
    """Return the picture of a card. Pages of others may show it: its address is as secret as the link."""
    content = await asyncio.to_thread(services.pictures.of, card)
    return Response(content, media_type="image/png", headers={"Cross-Origin-Resource-Policy": "cross-origin"})
