"""What goes into which message: the pieces of a prompt set put together for each task.

The system message holds who one is and the rules, equal in every month; the user message holds the situation, the
memories or the talk, and the task. Every memory and every line of a talk is a segment of its own.
"""

from collections.abc import Sequence
from datetime import date
from functools import lru_cache, partial
from typing import Any

from app.commons.config import EpisodeConfig, GameConfig, OthersPhase, TalkPhase
from app.commons.dynamics import regrow
from app.commons.events import Memory
from app.commons.frozen import Frozen
from app.commons.minds import Moment, TalkState
from app.commons.scenario import Scenario, amount
from app.minds.asking import Task
from app.minds.prompts import PromptSet
from app.models.base import Message, Segment

NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
TIMES: dict[float, str] = {2: "doubles", 3: "triples", 4: "quadruples"}
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
SEGMENTS_KEPT = 128


class Example(Frozen):
    """The worked example of the rules, played through with the game's own numbers."""

    before: str
    taken: str
    left: str
    grown: int
    after: str
    capped: bool


class Facts(Frozen):
    """What the rules tell: not T, C or the allocation rule, unless the configuration discloses them."""

    count: str
    names: str
    capacity: int
    capacity_amount: str
    growth: str
    rounded: bool
    talk: bool
    report: str | None
    example: Example


def further_pieces(config: EpisodeConfig) -> frozenset[str]:
    """Return the optional pieces of a prompt set that *config* needs."""
    talk = config.phase(TalkPhase)
    needed = {
        "persona": any(agent.description or agent.goals for agent in config.agents),
        "rules_individual": talk is not None and talk.report == "individual",
        "rules_observed": config.phase(OthersPhase) is not None,
        "rules_disclosed": bool(config.disclose),
    }
    return frozenset(piece for piece, is_needed in needed.items() if is_needed)


class Wording:
    """The messages of one episode in the words of one prompt set and one scenario."""

    def __init__(self, prompts: PromptSet, scenario: Scenario, config: EpisodeConfig) -> None:
        self._prompts = prompts
        self._scenario = scenario
        self._config = config
        self._further = further_pieces(config)
        self._agents = {agent.name: agent for agent in config.agents}
        self._systems: dict[tuple[str, tuple[str, ...]], Message] = {}
        # What was said and what is remembered comes up in many requests: its segment is rendered once.
        self._segment = lru_cache(SEGMENTS_KEPT)(partial(prompts.segment, words=scenario.words))

    def harvest(self, name: str, moment: Moment, memories: Sequence[Memory], high: int) -> Task:
        """How much does *name* take, from 0 to *high*?"""
        segments = [
            self._setting("harvest", moment),
            *self._memories(memories),
            self._segment("ask_harvest", high=high),
        ]
        return self._task(name, moment, segments, self._segment("again_number", first=True))

    def utterance(self, name: str, moment: Moment, memories: Sequence[Memory], talk: TalkState) -> Task:
        """What does *name* say next, does the talk end with it, and who goes on?"""
        everybody = ", ".join(moment.present)
        segments = [
            self._setting("talk", moment, others=_others(name, moment)),
            *self._memories(memories),
            *self._talk(talk, "talk_so_far" if talk.lines else "talk_opens"),
            self._segment("ask_utterance", name=name, everybody=everybody),
        ]
        reminder = self._segment("again_utterance", first=True, everybody=everybody)
        return self._task(name, moment, segments, reminder)

    def thought(self, name: str, moment: Moment, talk: TalkState, purpose: str) -> Task:
        """What does *name* keep of the talk? *purpose* is "planning" or "interesting"."""
        setting = self._setting("after_talk", moment, others=_others(name, moment))
        segments = [setting, *self._talk(talk, "talk"), self._segment(f"ask_{purpose}", name=name)]
        return self._task(name, moment, segments, self._segment("again_sentence", first=True))

    def rating(self, name: str, moment: Moment, text: str) -> Task:
        """How much does *text* matter to *name*, from 1 to 10?"""
        segments = [self._segment("ask_rating", first=True), self._segment("statement", text=text)]
        return self._task(name, moment, segments, self._segment("again_rating", first=True))

    def ratings(self, name: str, moment: Moment, texts: Sequence[str]) -> Task:
        """How much does each of *texts*, numbered from 1, matter to *name*?"""
        count = len(texts)
        statements = [
            self._segment("numbered_statement", number=number, text=_one_paragraph(text))
            for number, text in enumerate(texts, start=1)
        ]
        segments = [self._segment("ask_ratings", first=True, count=count), *statements]
        return self._task(name, moment, segments, self._segment("again_ratings", first=True, count=count))

    def insight(self, name: str, moment: Moment, memories: Sequence[Memory]) -> Task:
        """What does *name* learn from *memories*, numbered from 1?"""
        example = "2, 3" if len(memories) > 2 else "1"
        task = self._segment("ask_insight", count=len(memories), example=example)
        segments = [self._setting("home", moment), *self._memories(memories, numbered=True), task]
        return self._task(name, moment, segments, self._segment("again_insight", first=True, example=example))

    def summary(self, moment: Moment, talk: TalkState) -> Task:
        """What was said, in one sentence?"""
        return self._framework_task(moment, talk, "summary", "again_sentence")

    def limit(self, moment: Moment, talk: TalkState) -> Task:
        """Which limit for each agent was agreed on?"""
        return self._framework_task(moment, talk, "limit", "again_limit")

    def conversation(self, moment: Moment, summary: str | None) -> str:
        """Return the text of the memory of a talk."""
        words = self._scenario.words
        return self._prompts.render("told_talk", words=words, everybody=_listed(moment.present), summary=summary)

    def facts(self, present: tuple[str, ...]) -> Facts:
        """Return what the rules tell when *present* share the commons."""
        words, game = self._scenario.words, self._config.game
        talk = self._config.phase(TalkPhase)
        before = max(1, game.capacity * 9 // 10)
        taken = before // 3
        grown = _uncapped(game, before - taken)
        after = regrow(before - taken, game)
        return Facts(
            count=NUMBERS[len(present)] if len(present) < len(NUMBERS) else str(len(present)),
            names=_listed(present),
            capacity=game.capacity,
            capacity_amount=amount(words, game.capacity),
            growth=TIMES.get(game.growth, f"grows by a factor of {game.growth:g}"),
            rounded=not float(game.growth).is_integer(),
            talk=talk is not None,
            report=talk.report if talk else None,
            example=Example(
                before=amount(words, before),
                taken=amount(words, taken),
                left=amount(words, before - taken),
                grown=grown,
                after=amount(words, after),
                capped=grown > after,
            ),
        )

    def _task(self, name: str, moment: Moment, segments: Sequence[Segment], reminder: Segment) -> Task:
        user = Message(role="user", segments=tuple(segments))
        return Task((self._system(name, moment.present), user), reminder, self._segment("no_reply", first=True))

    def _framework_task(self, moment: Moment, talk: TalkState, purpose: str, reminder: str) -> Task:
        setting = self._setting("framework", moment, everybody=_listed(moment.present))
        user = (setting, *self._talk(talk, "talk"), self._segment(f"ask_{purpose}"))
        system = Message(role="system", segments=(self._segment("identity_framework", first=True),))
        return Task(
            (system, Message(role="user", segments=user)),
            self._segment(reminder, first=True),
            self._segment("no_reply", first=True),
        )

    def _system(self, name: str, present: tuple[str, ...]) -> Message:
        if (name, present) not in self._systems:
            facts = self.facts(present)
            identity = self._segment("identity", first=True, name=name, game=facts)
            rules = self._segment("rules", game=facts)
            segments = (identity, *self._persona(name), rules, *self._further_rules())
            self._systems[name, present] = Message(role="system", segments=segments)
        return self._systems[name, present]

    def _persona(self, name: str) -> list[Segment]:
        """Who *name* is and what it wants, where the configuration says so."""
        agent = self._agents[name]
        if not agent.description and not agent.goals:
            return []
        return [self._segment("persona", description=agent.description, goals=agent.goals)]

    def _further_rules(self) -> list[Segment]:
        """Return what a condition adds to the rules."""
        plain = ("rules_individual", "rules_observed")
        further = [self._segment(piece) for piece in plain if piece in self._further]
        if "rules_disclosed" in self._further:
            told, game = self._config.disclose, self._config.game
            collapse = amount(self._scenario.words, game.collapse_threshold)
            further.append(
                self._segment(
                    "rules_disclosed",
                    months=game.months if "months" in told else None,
                    collapse=collapse if "collapse_threshold" in told else None,
                    allocation=game.allocation if "allocation" in told else None,
                )
            )
        return further

    def _setting(self, where: str, moment: Moment, **variables: Any) -> Segment:
        return self._segment(f"setting_{where}", first=True, date=_spoken(moment.at.date()), **variables)

    def _memories(self, memories: Sequence[Memory], *, numbered: bool = False) -> list[Segment]:
        if not memories:
            return []
        lines = [
            self._segment(
                "memory",
                memory=item.id,
                mark=f"{number}." if numbered else "-",
                date=_spoken(item.created.date()),
                text=_one_paragraph(item.text),
            )
            for number, item in enumerate(memories, start=1)
        ]
        return [self._segment("memories"), *lines]

    def _talk(self, talk: TalkState, heading: str) -> list[Segment]:
        lines = [self._segment("line", speaker=line.speaker, text=_one_paragraph(line.text)) for line in talk.lines]
        return [self._segment(heading), *lines]


def _uncapped(game: GameConfig, left: int) -> int:
    """Return what *left* would grow to if the commons had no capacity."""
    return regrow(left, game.model_copy(update={"capacity": left * 101 + 1}))


def _others(name: str, moment: Moment) -> str:
    return _listed([other for other in moment.present if other != name])


def _listed(names: Sequence[str]) -> str:
    if len(names) < 2:
        return "".join(names)
    return ", ".join(names[:-1]) + " and " + names[-1]


def _spoken(day: date) -> str:
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def _one_paragraph(text: str) -> str:
    """Indent what follows a line break, so that nobody's words can pass for somebody else's line."""
    return text.replace("\n", "\n  ")
