"""What the run page shows, and how its address is read. The route fills it; `templates/pages/run.html` draws it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from math import sqrt
from typing import Any

from markupsafe import Markup

from app.analysis.answers import Answers, in_words
from app.analysis.corrections import corrected
from app.analysis.replay import AgentMonth, Line, MemoryEntry, MonthReplay, Replay, UnreadableAnswer, initials, replay
from app.commons.config import ScriptedMind, TalkPhase
from app.commons.corrections import LimitCorrection, in_force
from app.commons.fidelity import fidelity_text
from app.commons.metrics import harvests
from app.commons.presence import Presence, presence
from app.commons.scenario import Scenario, conditions, departures, scenarios
from app.interop.export import LABELS, available_formats
from app.jobs.rerun import RerunReport
from app.models.base import Retrieval
from app.store.queries import CallDetail
from app.store.records import CallSummary, RunRecord, ShareRecord
from app.web import urls
from app.web.contexts.budget import BudgetBox
from app.web.contexts.correction import CorrectionBox
from app.web.contexts.decoding import speculation
from app.web.contexts.place import FRAMEWORK, TABS, RunView, Tab, query_string, read_view
from app.web.contexts.rows import tags
from app.web.contexts.scene import RIVER_PATH, Life, Seat, river_life, seats, shoal
from app.web.contexts.setup import Setting, settings_of
from app.web.contexts.timeline import LONG, Overview, months_shown, overview
from app.web.contexts.words import (
    Badge,
    Breach,
    correction_note,
    did_text,
    first_breach,
    growth_text,
    is_snapshot,
    mark_text,
    mind_counts,
    mind_text,
    outcome_badge,
    state_word,
    stock_sentence,
    trend_text,
    waiting_text,
)
from app.web.prompt_changes import PromptChange
from app.web.run_events import PageEvents
from app.web.run_searching import RunSearchOut

TAG_TITLES = {
    "scripted": "All agents follow a fixed policy instead of a language model",
    "partly scripted": "Some agents follow a fixed policy instead of a language model",
    "generative": "Language models decide for the agents",
    "imported": "Read from logs of the research code",
}


@dataclass(frozen=True)
class RunPage:
    """The run page's one variable, `run`.

    Attributes:
        record: the run as the store has it.
        replay: the run told from its events.
        view: the place the address names.
        api: where the JSON twin lives, without a slash at the end: `/api/v1/runs/ID`, or `/s/TOKEN/api` in a share.
        page: the page's own address without query: `/runs/ID` or `/s/TOKEN`.
        held: the run's events as the page holds them.
        share: the share this page is shown through; None for the owner.
        calls: the chosen agent's calls of the chosen month; only needed for readers without scripts.
        call: the call to show as prompt or completion; same.
        issued_link: a share link just made, shown this once.
        equal_logs: ids of other runs imported from the same log, byte for byte; for the owner only.
        answers: how the models answered, counted; for the owner only.
        rerun: the result of a rerun check, shown this once.
        experiment: the name of the run's experiment; for the owner only.
        budget: what the run may spend and the form that changes it; for the owner only.
        own_tags: the tags that the owner put on it; for the owner only.
        retried_as: the run that tries this one again; for the owner only.
        remembered: the chosen agent's memories; only needed for readers without scripts.
        found: what the address looks for, where it was found.
        changed: what the prompt to show says otherwise than a month before; same.
        corrections: what people say of agreed limits, all versions; the replay is judged by those in force.
        correction: the month's reading of the talk and the form that corrects it; where that is looked at.
    """

    record: RunRecord
    replay: Replay
    view: RunView
    api: str
    page: str
    held: PageEvents
    share: ShareRecord | None = None
    calls: Sequence[CallSummary] = ()
    call: CallDetail | None = None
    issued_link: str | None = None
    equal_logs: Sequence[str] = ()
    answers: Answers | None = None
    rerun: RerunReport | None = None
    experiment: str | None = None
    budget: BudgetBox | None = None
    remembered: Sequence[MemoryEntry] = ()
    found: RunSearchOut | None = None
    changed: PromptChange | None = None
    corrections: Sequence[LimitCorrection] = ()
    correction: CorrectionBox | None = None
    own_tags: Sequence[str] = ()
    retried_as: str | None = None

    @property
    def scenario(self) -> Scenario:
        """The run's scenario, with its words."""
        return scenarios()[self.record.scenario]

    @property
    def condition(self) -> str:
        """The condition's name for people."""
        known = conditions().get(self.record.condition)
        return known.label if known else self.record.condition.replace("_", " ")

    @property
    def title(self) -> str:
        """Scenario, condition and seed, or the name an import gave."""
        seed = "" if self.record.seed is None else f", seed {self.record.seed}"
        return f"{self.scenario.label}, {self.condition.lower()}{seed}"

    @property
    def departures(self) -> tuple[str, ...]:
        """How the run departs from the condition it is named after."""
        return () if self.imported else departures(self.record.episode)

    @property
    def fidelity(self) -> str | None:
        """Where the run is played as the research code does; None for our rules alone."""
        switches = self.record.episode.fidelity
        return fidelity_text(switches) if switches else None

    @cached_property
    def presence(self) -> Presence | None:
        """The metrics since the last agent joined; None where everybody is there from the start."""
        if self.record.view_only:
            return None
        return presence(harvests(self.held.events), self.record.episode)

    def joins(self, name: str) -> int:
        """Return the month in which *name* joins."""
        return next((agent.joins for agent in self.record.episode.agents if agent.name == name), 1)

    @property
    def settings(self) -> list[Setting]:
        """What the run was played with."""
        return settings_of(self.record, self.scenario, self.condition)

    @property
    def outcome(self) -> Badge:
        """How the run ended, or how far it is."""
        return outcome_badge(self.record, self.replay)

    @property
    def tags(self) -> list[tuple[str, str]]:
        """What a reader must know before trusting a number, as lists say it, each with an explanation."""
        return [(tag, TAG_TITLES[tag]) for tag in tags(self.record) if tag in TAG_TITLES]

    @property
    def first_breach(self) -> Breach | None:
        """Who first broke an agreement, and when; None for nobody, and where no limit means anything."""
        return first_breach(self.replay) if self.rules else None

    @property
    def state(self) -> str | None:
        """The state in a word; None where the outcome says it all."""
        if self.record.state == "finished" or self.snapshot:
            return None
        return state_word(self.record)

    @property
    def waiting(self) -> str | None:
        """What is kept of a run that is tried again by itself, and when that is; None for others."""
        return waiting_text(self.record, datetime.now(UTC))

    @property
    def snapshot(self) -> bool:
        """Whether this is a running run as it was when a link to it was made."""
        return is_snapshot(self.record)

    @cached_property
    def mind_texts(self) -> tuple[str, ...]:
        """What decides for each agent."""
        return tuple(mind_text(agent.mind) for agent in self.record.episode.agents)

    @property
    def imported(self) -> bool:
        """Whether the run comes from somebody else's logs."""
        return self.record.origin == "imported"

    @property
    def prompts(self) -> bool:
        """Whether there are prompts and completions, and this reader may open them."""
        episode = self.record.episode
        deciding = [*(agent.mind for agent in episode.agents), episode.framework]
        called = any(mind.type != "scripted" for mind in deciding)
        return called and (self.share is None or self.share.with_prompts)

    @property
    def dropped(self) -> str | None:
        """What a retention rule took from the run, for readers who might look for it."""
        return self.record.dropped if self.prompts else None

    @property
    def minds(self) -> str:
        """What decided for the agents: "Llama-3-8B ×5" or "greedy ×2, fair-share ×3"."""
        labels = mind_counts(self.record.episode).items()
        return ", ".join(label if count == 1 else f"{label} ×{count}" for label, count in labels)

    @property
    def duration(self) -> str | None:
        """How long the run took, for people; None where it is not known."""
        if self.record.started_at is None or self.record.ended_at is None:
            return None
        seconds = (self.record.ended_at - self.record.started_at).total_seconds()
        if seconds < 90:
            return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
        return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"

    @cached_property
    def month(self) -> MonthReplay | None:
        """The month to show."""
        return self.replay.month(self.view.month)

    @cached_property
    def month_before(self) -> MonthReplay | None:
        """The month before the one to show."""
        return self.replay.month(self.view.month - 1)

    @cached_property
    def month_after(self) -> MonthReplay | None:
        """The month after the one to show."""
        return self.replay.month(self.view.month + 1)

    @cached_property
    def initials(self) -> tuple[str, ...]:
        """Two letters per agent."""
        return initials(self.replay.names)

    @cached_property
    def seats(self) -> tuple[Seat, ...]:
        """Where the agents sit."""
        return seats(self.replay.names)

    @property
    def agent(self) -> AgentMonth | None:
        """The chosen agent's month."""
        if self.month is None or self.view.agent is None:
            return None
        return self.month.agent(self.replay.names[self.view.agent])

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

    @property
    def rules(self) -> bool:
        """Whether thresholds mean anything: not for imported runs of another game."""
        return not self.record.view_only

    @property
    def controllable(self) -> bool:
        """Whether the reader may pause, resume or stop the run."""
        return self.share is None and not self.imported

    @property
    def answers_text(self) -> str:
        """What went wrong with the answers, in a line; empty where no model was called."""
        if self.answers is None or not self.answers.total.calls:
            return ""
        return in_words(self.answers.total) or "all readable at once"

    @property
    def exports(self) -> Sequence[tuple[str, str]]:
        """The formats that the run can be taken along in: address and label."""
        kinds = [kind for kind in available_formats() if kind != "research" or self.record.months_played]
        return [(urls.export(self.record.id, kind), LABELS[kind]) for kind in kinds]

    @property
    def sentence(self) -> str:
        """The month's stock in a sentence."""
        return stock_sentence(self.month, self.scenario, self.record.episode.game.capacity)

    @property
    def trend(self) -> str:
        """How the stock after the harvest compares with that of the month before."""
        return trend_text(self.month, self.month_before, self.scenario.words.unit_short)

    @property
    def share_note(self) -> str:
        """What would have been sustainable this month."""
        if self.month is None or self.month.share is None or self.record.view_only:
            return ""
        unit = self.scenario.words.unit_short
        return f"Sustainable: {self.month.share} {unit} each, {self.month.threshold} {unit} in all."

    @property
    def no_talk(self) -> str:
        """Why there are no messages."""
        if self.record.episode.phase(TalkPhase) is None:
            return "In this condition nobody talks."
        return "The talk has not begun." if self.month and not self.month.ended else "Nobody spoke this month."

    @property
    def growth(self) -> str:
        """What the stock of the month to show became by itself; empty before that."""
        return growth_text(self.month, self.scenario.words.unit_short)

    @property
    def aftermath(self) -> str:
        """How the agreement of the month to show was kept in the month after it."""
        if self.month_after is None:
            return ""
        unit = self.scenario.words.unit_short
        agents = self.month_after.agents
        kept = sum(agent.mark == "kept" for agent in agents)
        if kept == len(agents):
            return "everybody kept it."
        others = [f"{a.name} asked for {a.over} {unit} more" for a in agents if a.mark == "broken"]
        others += [f"{a.name}'s answer could not be read" for a in agents if a.decided and a.asked is None]
        return f"{kept} kept it" + "".join(f", {other}" for other in others) + "."

    def mark_word(self, agent: AgentMonth | None) -> str:
        """Return said against did as a sign: "✓", "! +7 t", "–"."""
        if agent is None or agent.mark == "pending":
            return ""
        if agent.mark == "broken":
            return f"! +{agent.over} {self.scenario.words.unit_short}"
        return "✓ kept" if agent.mark == "kept" else "–"

    def asked_word(self, agent: AgentMonth | None) -> str:
        """Return what was asked for; with a question mark where a log holds a number that its answer does not show."""
        if agent is None or not agent.decided:
            return "–"
        if agent.asked is None:
            return "unreadable"
        return str(agent.asked) if agent.readable else f"{agent.asked} ?"

    def mark_text(self, agent: AgentMonth | None) -> str:
        """Say what was agreed and what was done."""
        words = self.scenario.words
        if agent is None:
            return ""
        if not self.rules:
            return self.did_text(agent)
        text = mark_text(agent, self.view.month, words.unit_short, words.took)
        said = self.month_before.corrected if self.month_before else None
        return f"{text} ({correction_note(said)})" if said else text

    def unread(self, line: Line) -> UnreadableAnswer | None:
        """Return what is known of the answer that could not be read where *line* is silent."""
        turn = ("utterance", str(line.turn))
        return next((answer for answer in self._unreadable if (answer.purpose, answer.item) == turn), None)

    @property
    def not_readable(self) -> str:
        """The month's other answers that could not be read: "Kate's insight, the summary"."""
        others = [answer for answer in self._unreadable if answer.purpose != "utterance"]
        # Each once, however many memories could not be rated.
        return ", ".join(
            dict.fromkeys(f"{item.agent}'s {item.purpose}" if item.agent else f"the {item.purpose}" for item in others)
        )

    @property
    def _unreadable(self) -> tuple[UnreadableAnswer, ...]:
        return self.month.unreadable if self.month else ()

    def did_text(self, agent: AgentMonth) -> str:
        """Say what an agent did; nothing before the harvest is settled."""
        words = self.scenario.words
        return "" if agent.collected is None else did_text(agent, words.unit_short, words.took)

    @property
    def agreement(self) -> str:
        """What the talk of the month to show agreed on."""
        limit = self.month.limit if self.month else None
        unit = self.scenario.words.unit_short
        if limit is None:
            return "No limit was agreed"
        if not self.rules:
            return f"Read from the talk: {limit} {unit} each"
        if self.view.month >= self.replay.months_total:
            return f"Agreed in the last month: at most {limit} {unit} each"
        return f"Agreed for month {self.view.month + 1}: at most {limit} {unit} each"

    @property
    def correction_note(self) -> str:
        """By whom the limit of the month to show was corrected, and what was read: "corrected by Ada, was 8"."""
        return correction_note(self.month.corrected) if self.month and self.month.corrected else ""

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

    def index(self, name: str) -> int | None:
        """Return the place of the agent called *name*, or None for the overseer."""
        return self.replay.names.index(name) if name in self.replay.names else None

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
