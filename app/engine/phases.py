"""The phases of a month, one function each, and the table that maps a phase's configuration to it.

GovSim, section 2. Events are emitted in a fixed order, whatever order the minds answer in.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from app.commons.allocation import allocate
from app.commons.calendar import month_end, month_start, talk_day
from app.commons.chance import generator
from app.commons.config import (
    HarvestPhase,
    HomePhase,
    ObservePhase,
    OthersPhase,
    RegrowPhase,
    SettlePhase,
    TakeAwayPhase,
)
from app.commons.dynamics import is_collapse, regrow, sustainability_threshold, sustainable_share
from app.commons.events import (
    Agreed,
    Collected,
    Decided,
    Harvested,
    MonthStarted,
    PhaseName,
    Remembered,
    Summarised,
    Unreadable,
)
from app.commons.minds import CatchesSeen, LimitAgreed, Moment, Recollection, ResultSeen, StockSeen, TalkState
from app.commons.questions import NumberQuestion
from app.engine.month import Episode, Month, together
from app.engine.talk import talk

TYPED_SHARE = 10
"""What the research code tells as the share of month 1, whatever the game's numbers."""


async def observe(phase: ObservePhase, month: Month, episode: Episode) -> None:
    """Tell every agent the stock, and under universalization f_i(t)."""
    game = episode.config.game
    share = sustainable_share(month.stock, len(month.present), game)
    today = month_start(month.number)
    episode.emit(
        MonthStarted(
            month=month.number,
            date=today,
            stock=month.stock,
            threshold=sustainability_threshold(month.stock, game),
            share=share,
            present=month.present,
            universalization=phase.universalization,
        )
    )
    told = told_share(month, share, episode) if phase.universalization else None
    seen = StockSeen(stock=month.stock, share=told)
    moment = month.moment(today)
    noted = await together({name: episode.minds[name].perceive(seen, moment) for name in month.present})
    _emit_memories(noted, "observe", month, episode)


def told_share(month: Month, share: int, episode: Episode) -> int:
    """Return the share that universalization tells: f_i(t), or what the research code told in its place."""
    config = episode.config
    if "typed_universalization_threshold" not in config.fidelity:
        return share
    if month.number == 1:
        return TYPED_SHARE
    return sustainable_share(month.stock, len(config.present(1)), config.game)


async def harvest(phase: HarvestPhase, month: Month, episode: Episode) -> None:
    """Ask every agent how much it takes; nobody knows what the others ask for."""
    question = NumberQuestion(purpose="harvest", low=0, high=month.stock, unit=episode.scenario.words.units)
    moment = month.moment(month_start(month.number))
    answers = await together({name: episode.minds[name].answer(question, moment) for name in month.present})
    for name, answer in answers.items():
        asked = answer.value if isinstance(answer.value, int) else None
        month.asked[name] = asked
        month.wanted[name] = min(max(asked or 0, 0), month.stock)
        episode.emit(
            Decided(
                month=month.number,
                agent=name,
                asked=asked,
                wanted=month.wanted[name],
                readable=asked is not None,
                attempts=answer.attempts,
            )
        )


async def settle(phase: SettlePhase, month: Month, episode: Episode) -> None:
    """Share the stock out and tell every agent what it got."""
    config = episode.config
    rng = generator(config.seed, month.number, "allocation")
    month.collected = allocate(month.wanted, month.stock, config.game.allocation, rng)
    month.stock_after = month.stock - sum(month.collected.values())
    month.collapsed = is_collapse(month.stock_after, config.game)
    for name in month.present:
        episode.emit(
            Collected(month=month.number, agent=name, wanted=month.wanted[name], collected=month.collected[name])
        )
    episode.emit(
        Harvested(
            month=month.number,
            stock_before=month.stock,
            stock_after=month.stock_after,
            oversubscribed=sum(month.wanted.values()) > month.stock,
            collapsed=month.collapsed,
        )
    )
    moment = month.moment(talk_day(month.number))
    seen = {
        name: ResultSeen(asked=month.asked[name], wanted=month.wanted[name], collected=month.collected[name])
        for name in month.present
    }
    noted = await together({name: episode.minds[name].perceive(seen[name], moment) for name in month.present})
    _emit_memories(noted, "settle", month, episode)


async def take_away(phase: TakeAwayPhase, month: Month, episode: Episode) -> None:
    """Read the agreed limit from the talk while each agent keeps two thoughts; then tell them the limit.

    The summary and the memory of the conversation itself influence nothing that follows: they are gathered at the end
    of the month.
    """
    if not month.lines:
        return
    state = month.talk()
    moment = month.moment(talk_day(month.number), hour=12)
    month.late.create_task(_keep_conversation(state, moment, month, episode))
    async with asyncio.TaskGroup() as group:
        read = group.create_task(episode.framework.agreed_limit(state, moment))
        thoughts = group.create_task(
            together({name: episode.minds[name].take_away(state, moment) for name in month.present})
        )
    reading = read.result()
    limit = reading.value if isinstance(reading.value, int) else None
    for problem in reading.unreadable:
        episode.emit(problem)
    episode.emit(Agreed(month=month.number, limit=limit))
    _emit_memories(thoughts.result(), "take_away", month, episode)
    agreed = LimitAgreed(limit=limit)
    noted = await together({name: episode.minds[name].perceive(agreed, moment) for name in month.present})
    _emit_memories(noted, "take_away", month, episode)


async def _keep_conversation(state: TalkState, moment: Moment, month: Month, episode: Episode) -> None:
    reading = await episode.framework.summarise(state, moment)
    summary = reading.value if isinstance(reading.value, str) else None
    month.kept["summary"] = [*reading.unreadable, Summarised(month=month.number, text=summary)]
    noted = await together({name: episode.minds[name].remember_talk(state, summary, moment) for name in month.present})
    month.kept["conversations"] = [
        event for name in month.present for event in _memory_events(name, noted[name], "take_away", month)
    ]


async def others(phase: OthersPhase, month: Month, episode: Episode) -> None:
    """Let every agent know what everybody got."""
    moment = month.moment(month_end(month.number))
    seen = CatchesSeen(catches=month.collected)
    noted = await together({name: episode.minds[name].perceive(seen, moment) for name in month.present})
    _emit_memories(noted, "home", month, episode)


async def home(phase: HomePhase, month: Month, episode: Episode) -> None:
    """Let every agent look back and draw insights."""
    moment = month.moment(month_end(month.number))
    noted = await together({name: episode.minds[name].reflect(moment) for name in month.present})
    _emit_memories(noted, "home", month, episode)


async def regrowth(phase: RegrowPhase, month: Month, episode: Episode) -> None:
    """Let what is left grow."""
    month.stock_next = regrow(month.stock_after, episode.config.game)


def _emit_memories(noted: dict[str, Recollection], phase: PhaseName, month: Month, episode: Episode) -> None:
    for name in month.present:
        for event in _memory_events(name, noted[name], phase, month):
            episode.emit(event)


def _memory_events(name: str, noted: Recollection, phase: PhaseName, month: Month) -> list[Unreadable | Remembered]:
    return [
        *noted.unreadable,
        *(Remembered(month=month.number, phase=phase, agent=name, memory=memory) for memory in noted.memories),
    ]


PhaseFunction = Callable[[Any, Month, Episode], Awaitable[None]]

PHASES: dict[str, PhaseFunction] = {
    "observe": observe,
    "harvest": harvest,
    "settle": settle,
    "talk": talk,
    "take_away": take_away,
    "others": others,
    "home": home,
    "regrow": regrowth,
}
