"""What the run page shows, and how its address is read. The route fills it; `templates/pages/run.html` draws it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import sqrt
from typing import Any

from markupsafe import Markup

from app.analysis.corrections import corrected
from app.analysis.replay import MemoryEntry, Replay, initials, replay
from app.commons.config import ScriptedMind, TalkPhase
from app.commons.corrections import LimitCorrection, in_force
from app.models.base import Retrieval
from app.store.queries import CallDetail
from app.store.records import CallSummary, RunRecord, ShareRecord
from app.web.contexts.decoding import speculation
from app.web.contexts.place import FRAMEWORK, TABS, Tab, query_string, read_view
from app.web.contexts.run_month import RunMonth
from app.web.contexts.scene import RIVER_PATH, Life, Seat, river_life, seats, shoal
from app.web.contexts.timeline import LONG, Overview, months_shown, overview
from app.web.run_events import PageEvents


@dataclass(frozen=True)
class RunPage(RunMonth):
    """The run page's one variable, `run`: the run, its month (both in what it extends), its drawing and inspector."""

    @cached_property
    def initials(self) -> tuple[str, ...]:
        """Two letters per agent."""
        return initials(self.replay.names)

    @cached_property
    def seats(self) -> tuple[Seat, ...]:
        """Where the agents sit."""
        return seats(self.replay.names)

    @property
    def memories(self) -> list[MemoryEntry]:
        """The chosen agent's memories up to the chosen month, newest first."""
        return [entry for entry in self.remembered if entry.month <= self.view.month][::-1]

    @property
    def decision(self) -> CallDetail | None:
        """The call that made the decision, where `call` is it."""
        return self.call if self.call is not None and self.call.phase == "harvest" else None

    @property
    def retrieved(self) -> dict[int, Retrieval]:
        """How each memory in the prompt of `call` was found, by its id."""
        segments = [segment for message in (self.call.messages if self.call else ()) for segment in message.segments]
        return {one.memory: one.retrieval for one in segments if one.memory is not None and one.retrieval}

    @property
    def origins(self) -> list[str]:
        """What the endpoints said of themselves in `calls`: model, fingerprint, provider."""
        parts = [
            (
                call.model_revision or call.model,
                call.fingerprint and f"fingerprint {call.fingerprint}",
                call.provider and f"by {call.provider}",
            )
            for call in self.calls
        ]
        return list(dict.fromkeys(", ".join(part for part in said if part) for said in parts))

    @property
    def speculation(self) -> list[tuple[str, str]]:
        """What the drafts of a local model came to in `calls`; empty where none was asked."""
        return speculation(self.calls)

    @property
    def top_catch(self) -> int:
        """The largest catch of any agent so far: the full length of a catch bar."""
        caught = [agent.collected or 0 for month in self.replay.months for agent in month.agents]
        return max([*caught, 1])

    @property
    def tabs(self) -> tuple[tuple[Tab, str], ...]:
        """The inspector's tabs that this reader may open."""
        return TABS if self.prompts else tuple(tab for tab in TABS if tab[0] in ("decision", "memories", "reflection"))

    @cached_property
    def shoal(self) -> tuple[Life, ...]:
        """Where the signs of life are in a lake or on a pasture."""
        return shoal()

    @cached_property
    def river_life(self) -> tuple[Life, ...]:
        """Where the fish are in a river."""
        return river_life()

    @property
    def river_path(self) -> str:
        """The course of the river in the drawing."""
        return RIVER_PATH

    @property
    def long(self) -> bool:
        """Whether the run has more months than are shown one by one."""
        return self.replay.months_total > LONG

    @cached_property
    def months_shown(self) -> range:
        """The months shown one by one."""
        return months_shown(self.view.month, self.replay.months_total)

    @cached_property
    def overview(self) -> Overview:
        """All months of a long run as one drawing."""
        return overview(self.replay, self.record.episode.game.capacity)

    def scale(self, stock: int | None) -> float:
        """Return the size of the commons in the drawing, 0..1: its area is the stock's part of the capacity."""
        return round(sqrt(self.part(stock)), 4)

    def part(self, stock: int | None) -> float:
        """Return *stock* over capacity, 0..1."""
        return max(0.0, min(1.0, (stock or 0) / self.record.episode.game.capacity))

    def link(self, **changes: str | int | None) -> str:
        """Return a query that names this place with *changes* made, for links that work without scripts."""
        agent = None if self.view.agent is None else self.replay.names[self.view.agent].lower()
        agent = FRAMEWORK if self.view.framework else agent
        tab = self.view.tab if self.view.tab != "decision" else None
        parts: dict[str, str | int | None] = {"m": self.view.month, "agent": agent, "tab": tab, **changes}
        return query_string({name: value for name, value in parts.items() if value is not None})

    @property
    def data(self) -> dict[str, Any]:
        """What the page's scripts need beside `event_rows`: the run's shape and its words."""
        episode = self.record.episode
        words = self.scenario.words
        return {
            "names": list(self.replay.names),
            "initials": list(self.initials),
            "months_total": episode.game.months,
            "capacity": episode.game.capacity,
            "collapse_threshold": episode.game.collapse_threshold,
            "words": {"unit": words.unit_short, "units": words.units, "took": words.took, "overseer": words.overseer},
            "state": self.record.state,
            "imported": self.imported,
            "snapshot": self.snapshot,
            "minds": list(self.mind_texts),
            "scripted": [isinstance(agent.mind, ScriptedMind) for agent in episode.agents],
            "live": self.record.live and not (self.share and self.share.last_seq is not None),
            "prompts": self.prompts,
            "dropped": self.dropped,
            "rules": self.rules,
            "talks": episode.phase(TalkPhase) is not None,
            "follow": not self.view.explicit,
            "last_seq": self.record.events,
            "whole": self.held.whole,
            "corrections": [item.model_dump(mode="json") for item in in_force(self.corrections)],
            "correctable": self.share is None,
        }

    @property
    def event_rows(self) -> Markup:
        """The events that the page holds, as a JSON array that may stand inside a script element."""
        items = ",".join(f'{{"seq":{seq},{payload[1:]}' for seq, payload in self.held.rows)
        # Outside of strings JSON has none of these. Lone surrogates, which a model's JSON may hold, are no UTF-8.
        safe = items.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
        return Markup("[" + safe.encode("utf-8", "replace").decode() + "]")


def run_page(
    record: RunRecord,
    held: PageEvents,
    query: Mapping[str, str],
    *,
    api: str,
    page: str,
    share: ShareRecord | None = None,
    calls: Sequence[CallSummary] = (),
    call: CallDetail | None = None,
    issued_link: str | None = None,
    corrections: Sequence[LimitCorrection] = (),
) -> RunPage:
    """Return the run page for a run, its events and the query of its address. Arguments: see `RunPage`."""
    told = corrected(replay(held.events, record.episode), in_force(corrections))
    if record.view_only:
        told = without_judgement(told)
    return RunPage(
        record=record,
        replay=told,
        view=read_view(query, told),
        api=api,
        page=page,
        held=held,
        share=share,
        calls=calls,
        call=call,
        issued_link=issued_link,
        corrections=corrections,
    )


def without_judgement(told: Replay) -> Replay:
    """Return *told* without said against did: in another game an agreed number may be a minimum."""
    plain = {"mark": "none", "over": 0, "over_share": False, "limit": None}
    months = [
        month.model_copy(update={"agents": tuple(agent.model_copy(update=plain) for agent in month.agents)})
        for month in told.months
    ]
    return told.model_copy(update={"months": tuple(months)})
