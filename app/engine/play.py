"""Plays an episode: month after month, until collapse or the last month."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from app.commons.config import EpisodeConfig
from app.commons.events import Ended, MonthEnded
from app.commons.frozen import Frozen
from app.commons.minds import Framework, Mind
from app.commons.scenario import get_scenario
from app.engine.month import Emit, Episode, Month
from app.engine.phases import PHASES

BeforeMonth = Callable[[int], Awaitable[None]]


class Outcome(Frozen):
    """How an episode ended."""

    collapsed: bool
    months_played: int


async def go_on(month: int) -> None:
    """Begin every month at once."""


async def play(
    config: EpisodeConfig,
    minds: Mapping[str, Mind],
    framework: Framework,
    emit: Emit,
    *,
    before_month: BeforeMonth = go_on,
) -> Outcome:
    """Play an episode from month 1 and return how it ended.

    Equal configuration and equal answers give equal events, in whatever order the answers arrive. A collapse is tested
    after the harvest; the rest of that month still happens (GovSim, section 1).

    Args:
        config: everything that decides what happens.
        minds: the mind of each agent, by name.
        framework: what reads the talk.
        emit: takes each event as it happens; what it raises stops the episode.
        before_month: awaited before each month begins; what it raises stops the episode between two months.

    Raises:
        BaseExceptionGroup: holding whatever a mind, the framework or `emit` raised inside a month.
    """
    episode = Episode(config, get_scenario(config.scenario), minds, framework, emit)
    stock = config.game.initial_stock
    for number in range(1, config.game.months + 1):
        await before_month(number)
        month = await _play_month(number, stock, episode)
        stock = month.stock_next
        if month.collapsed or number == config.game.months:
            outcome = Outcome(collapsed=month.collapsed, months_played=number)
            emit(Ended(month=number, collapsed=outcome.collapsed, months_played=number))
            return outcome
    raise AssertionError("an episode has at least one month")


async def _play_month(number: int, stock: int, episode: Episode) -> Month:
    async with asyncio.TaskGroup() as late:
        month = Month(number=number, stock=stock, present=episode.config.present(number), late=late)
        for phase in episode.config.phases:
            await PHASES[phase.type](phase, month, episode)
    for kept in ("summary", "conversations"):
        for event in month.kept.get(kept, []):
            episode.emit(event)
    episode.emit(MonthEnded(month=number, stock_after=month.stock_after, stock_next=month.stock_next))
    return month
