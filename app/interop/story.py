"""Tells a log as events, in the order in which a run of our own has them."""

from collections.abc import Iterator, Mapping

from app.commons.calendar import month_start
from app.commons.config import EpisodeConfig, ObservePhase, TalkPhase
from app.commons.dynamics import is_collapse, regrow, sustainability_threshold, sustainable_share
from app.commons.events import (
    Agreed,
    Collected,
    Decided,
    Ended,
    Event,
    Harvested,
    MonthEnded,
    MonthStarted,
    PhaseName,
    Remembered,
    Said,
    Summarised,
)
from app.interop.cast import Cast
from app.interop.interactions import read_interaction
from app.interop.nodes import Memories
from app.interop.rows import FRAMEWORK, LIMIT, SUMMARY, LogRows, MonthRows


def events_of(
    log: LogRows,
    config: EpisodeConfig,
    cast: Cast,
    memories: Mapping[str, Memories],
    readings: Mapping[tuple[int, str], int | None],
    *,
    playable: bool,
) -> list[Event]:
    """Return the events of a log.

    Args:
        log: the months.
        config: the configuration the run is given.
        cast: the agents' names.
        memories: the memories by agent id.
        readings: what our reader reads in each harvest, by month and agent id; None is unreadable.
        playable: False for a game that is not ours: it has no threshold, no collapse and no known regrowth.
    """
    teller = _Teller(config, cast, memories, readings, playable)
    events: list[Event] = []
    for month, following in zip(log.months, [*log.months[1:], None], strict=True):
        events += teller.month(month, following)
    last = log.months[-1]
    collapsed = playable and is_collapse(last.after, config.game)
    if collapsed or not playable or last.number >= config.game.months:
        events.append(Ended(month=last.number, collapsed=collapsed, months_played=last.number))
    return events


class _Teller:
    def __init__(
        self,
        config: EpisodeConfig,
        cast: Cast,
        memories: Mapping[str, Memories],
        readings: Mapping[tuple[int, str], int | None],
        playable: bool,
    ) -> None:
        self.config = config
        self.cast = cast
        self.readings = readings
        self.playable = playable
        self.made: dict[tuple[int, PhaseName], list[Remembered]] = {}
        for agent_id, found in memories.items():
            for item in found.placed:
                if item.month >= 1:
                    self.made.setdefault((item.month, item.phase), []).append(
                        Remembered(month=item.month, phase=item.phase, agent=cast.names[agent_id], memory=item.memory)
                    )

    def month(self, month: MonthRows, following: MonthRows | None) -> Iterator[Event]:
        yield self._started(month)
        yield from self.made.get((month.number, "observe"), [])
        yield from self._harvest(month)
        yield from self.made.get((month.number, "settle"), [])
        yield from self._talk(month)
        kept = self.made.get((month.number, "take_away"), [])
        conversations = [event for event in kept if event.memory.kind == "conversation"]
        if LIMIT in month.framework or month.talk:
            yield Agreed(month=month.number, limit=month.limit)
        yield from (event for event in kept if event.memory.kind != "conversation")
        yield from self.made.get((month.number, "home"), [])
        if month.talk:
            yield Summarised(month=month.number, text=_summary(month, conversations))
        yield from conversations
        if following is not None or self.playable:
            grown = following.before if following else regrow(month.after, self.config.game)
            yield MonthEnded(month=month.number, stock_after=month.after, stock_next=grown)

    def _started(self, month: MonthRows) -> MonthStarted:
        game, present = self.config.game, {row.agent_id for row in month.harvests}
        observe = self.config.phase(ObservePhase)
        return MonthStarted(
            month=month.number,
            date=month_start(month.number),
            stock=month.before,
            threshold=sustainability_threshold(month.before, game) if self.playable else 0,
            share=sustainable_share(month.before, len(present), game) if self.playable else 0,
            present=tuple(name for agent_id, name in self.cast.names.items() if agent_id in present),
            universalization=observe is not None and observe.universalization,
        )

    def _harvest(self, month: MonthRows) -> Iterator[Event]:
        rows = {row.agent_id: row for row in month.harvests}
        ordered = [(name, rows[agent_id]) for agent_id, name in self.cast.names.items() if agent_id in rows]
        wanted = {name: min(row.asked, month.before) for name, row in ordered}
        for name, row in ordered:
            yield Decided(
                month=month.number,
                agent=name,
                asked=row.asked,
                wanted=wanted[name],
                readable=self.readings[month.number, row.agent_id] is not None,
            )
        for name, row in ordered:
            yield Collected(month=month.number, agent=name, wanted=wanted[name], collected=row.collected)
        yield Harvested(
            month=month.number,
            stock_before=month.before,
            stock_after=month.after,
            oversubscribed=sum(wanted.values()) > month.before,
            collapsed=self.playable and is_collapse(month.after, self.config.game),
        )

    def _talk(self, month: MonthRows) -> Iterator[Said]:
        """Who spoke next and whether a contribution was the end are what happened, not what the speaker wrote."""
        phase = self.config.phase(TalkPhase)
        most = phase.max_contributions if phase else len(month.talk)
        for turn, row in enumerate(month.talk, 1):
            after = month.talk[turn] if turn < len(month.talk) else None
            overseer = row.agent_id == FRAMEWORK
            yield Said(
                month=month.number,
                agent=None if overseer else self.cast.names[row.agent_id],
                turn=turn,
                speaker=row.name if overseer else self.cast.names[row.agent_id],
                text=row.text,
                by_overseer=overseer,
                ends=after is None and turn < most and not overseer,
                next_speaker=self.cast.names.get(after.agent_id) if after else None,
            )


def _summary(month: MonthRows, conversations: list[Remembered]) -> str | None:
    if conversations:
        return conversations[0].memory.text or None
    shown = read_interaction(month.framework.get(SUMMARY))
    return shown.completion.text.strip() or None if shown and shown.completion else None
