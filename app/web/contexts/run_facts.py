"""What the run page says of the run as a whole: what was played, by whom, how it ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from app.analysis.answers import Answers, in_words
from app.analysis.replay import MemoryEntry, Replay
from app.commons.corrections import LimitCorrection
from app.commons.fidelity import fidelity_text
from app.commons.metrics import harvests
from app.commons.presence import Presence, presence
from app.commons.scenario import Scenario, conditions, departures, scenarios
from app.interop.export import LABELS, available_formats
from app.jobs.rerun import RerunReport
from app.store.queries import CallDetail
from app.store.records import CallSummary, RunRecord, ShareRecord
from app.web import urls
from app.web.contexts.budget import BudgetBox
from app.web.contexts.correction import CorrectionBox
from app.web.contexts.place import RunView
from app.web.contexts.rows import tags
from app.web.contexts.setup import Setting, settings_of
from app.web.contexts.words import (
    Badge,
    Breach,
    first_breach,
    is_snapshot,
    mind_counts,
    mind_text,
    outcome_badge,
    state_word,
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
class RunFacts:
    """A run as its page is given it, and what is said of all of it.

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
        record = self.record
        empty = {"research": not record.months_played, "chats": not record.calls or record.dropped is not None}
        kinds = [kind for kind in available_formats() if not empty.get(kind)]
        return [(urls.export(record.id, kind), LABELS[kind]) for kind in kinds]
