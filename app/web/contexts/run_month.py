"""What the run page says of the month that its address names: the stock, the decisions, what the talk agreed on."""

from dataclasses import dataclass
from functools import cached_property

from app.analysis.replay import AgentMonth, Line, MonthReplay, UnreadableAnswer
from app.commons.config import TalkPhase
from app.web.contexts.run_facts import RunFacts
from app.web.contexts.words import (
    correction_note,
    did_text,
    growth_text,
    mark_text,
    stock_sentence,
    trend_text,
)


@dataclass(frozen=True)
class RunMonth(RunFacts):
    """A run at one of its months."""

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

    @property
    def agent(self) -> AgentMonth | None:
        """The chosen agent's month."""
        if self.month is None or self.view.agent is None:
            return None
        return self.month.agent(self.replay.names[self.view.agent])

    def index(self, name: str) -> int | None:
        """Return the place of the agent called *name*, or None for the overseer."""
        return self.replay.names.index(name) if name in self.replay.names else None

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
