"""Teachers: generative minds that are sent our real prompts, and whose model answers what a scripted mind decides.

Each agent has both minds. The scripted one decides, sees everything the engine tells, and says in words what it does;
the generative one renders the prompt, reads the answer back and remembers. So prompts, memories and talks are those of
a real episode, and each answer is one that our reader reads as what was meant.
"""

from collections.abc import Mapping
from random import Random

from app.commons.chance import generator
from app.commons.config import EpisodeConfig, PolicyName, SamplingConfig
from app.commons.dynamics import sustainable_share
from app.commons.minds import (
    Framework,
    LimitAgreed,
    Mind,
    Moment,
    Percept,
    Reading,
    Recollection,
    StockSeen,
    TalkState,
    Utterance,
)
from app.commons.questions import Answer, Question
from app.commons.scenario import Scenario
from app.local import sayings
from app.local.sayings import Known
from app.minds.generative import BATCH
from app.minds.scripted import ScriptedFramework, ScriptedMind
from app.models.base import CallKey, Completion, Message

SLIPS = 0.03
"""How many answers are first given unreadably, so that prompts that ask again are learnt as well."""
SENTENCES = frozenset({"planning", "interesting", "summary"})


class Slate:
    """The model of an episode: answers what its teachers prepared, and keeps each prompt with its answer."""

    name = "teacher/slate"

    def __init__(self, seed: int) -> None:
        self.pairs: list[tuple[CallKey, tuple[Message, ...], str]] = []
        self._seed = seed
        self._prepared: dict[tuple[str, str], str] = {}
        self._known: dict[str, Known] = {}

    def prepare(self, agent: str, purpose: str, text: str) -> None:
        """Lay down what *agent* will answer when it is next asked for *purpose*."""
        self._prepared[agent, purpose] = text

    def know(self, agent: str, known: Known) -> None:
        """Tell what *agent* knows, for answers that depend on the statements in the prompt."""
        self._known[agent] = known

    async def complete(self, messages: tuple[Message, ...], sampling: SamplingConfig, key: CallKey) -> Completion:
        """Return the prepared answer, or now and then none, and then it is asked again."""
        chance = generator(self._seed, "slip", str(key))
        if key.attempt < 2 and chance.random() < SLIPS:
            return Completion(text=_slip(key, chance))
        text = self._answer(key, messages)
        self.pairs.append((key, messages, text))
        return Completion(text=text)

    def _answer(self, key: CallKey, messages: tuple[Message, ...]) -> str:
        if key.purpose not in ("rating", "insight"):
            return self._prepared[key.agent, key.purpose]
        statements = [
            segment.text.strip() for message in messages for segment in message.segments if segment.kind == "memory"
        ]
        if key.purpose == "insight":
            return sayings.insights(statements, self._known[key.agent])
        if key.item == BATCH:
            texts = [text.partition(" ")[2] for text in statements]
            return "\n".join(f"{number}. {sayings.rating(text)}" for number, text in enumerate(texts, 1))
        return f"Answer: {sayings.rating(statements[0].partition(': ')[2])}"


class Teacher:
    """The two minds of one agent as one."""

    def __init__(
        self, name: str, policy: PolicyName, config: EpisodeConfig, scenario: Scenario, mind: Mind, slate: Slate
    ) -> None:
        self.name = name
        self._scripted = _Plain(self.name, policy, config, scenario)
        self._generative = mind
        self._slate = slate
        self._game, self._words = config.game, scenario.words
        self._policy = policy
        self._limit: int | None = None
        self._stock = config.game.initial_stock

    async def perceive(self, percept: Percept, moment: Moment) -> Recollection:
        """Let both minds know."""
        if isinstance(percept, StockSeen):
            self._stock = percept.stock
        elif isinstance(percept, LimitAgreed):
            self._limit = percept.limit
        await self._scripted.perceive(percept, moment)
        return await self._generative.perceive(percept, moment)

    async def answer(self, question: Question, moment: Moment) -> Answer:
        """Decide by the policy and say why."""
        decided = await self._scripted.answer(question, moment)
        text = sayings.harvest(self._known(moment), self._policy, int(decided.value or 0))
        self._slate.prepare(self.name, "harvest", text)
        return await self._generative.answer(question, moment)

    async def speak(self, talk: TalkState, turn: int, moment: Moment) -> Utterance:
        """Say what the scripted mind says."""
        said = await self._scripted.speak(talk, turn, moment)
        self._slate.prepare(self.name, "utterance", sayings.utterance(said, self.name, self._known(moment)))
        return await self._generative.speak(talk, turn, moment)

    async def take_away(self, talk: TalkState, moment: Moment) -> Recollection:
        """Keep two thoughts about the talk."""
        known = self._known(moment)
        await self._scripted.take_away(talk, moment)
        self._slate.prepare(self.name, "planning", sayings.planning(talk, known))
        self._slate.prepare(self.name, "interesting", sayings.interesting(talk, known, self.name))
        return await self._generative.take_away(talk, moment)

    async def remember_talk(self, talk: TalkState, summary: str | None, moment: Moment) -> Recollection:
        """Keep the talk."""
        return await self._generative.remember_talk(talk, summary, moment)

    async def reflect(self, moment: Moment) -> Recollection:
        """Draw insights from what comes to mind."""
        await self._scripted.reflect(moment)
        self._slate.know(self.name, self._known(moment))
        return await self._generative.reflect(moment)

    def _known(self, moment: Moment) -> Known:
        return Known(self._stock, moment.present, self._limit, self._game, self._words)


class TeachingFramework:
    """Reads a talk as the scripted framework does and has the generative one asked for it."""

    def __init__(self, scenario: Scenario, framework: Framework, slate: Slate) -> None:
        self._scripted = ScriptedFramework(scenario)
        self._generative = framework
        self._slate = slate

    async def summarise(self, talk: TalkState, moment: Moment) -> Reading:
        """Return the talk in one sentence."""
        found = await self._scripted.summarise(talk, moment)
        self._slate.prepare("framework", "summary", str(found.value))
        return await self._generative.summarise(talk, moment)

    async def agreed_limit(self, talk: TalkState, moment: Moment) -> Reading:
        """Return the agreed limit, said after naming who stands behind which number."""
        found = await self._scripted.agreed_limit(talk, moment)
        agreed = found.value is not None
        why = f"Most of them agreed to at most {found.value}." if agreed else "They did not agree on one number."
        self._slate.prepare("framework", "limit", f"{why}\nAnswer: {found.value if agreed else 'none'}")
        return await self._generative.agreed_limit(talk, moment)


class _Plain(ScriptedMind):
    """Speaks of the month's first stock, which it was told, instead of what is left: no sum has to be worked out."""

    _present: tuple[str, ...] = ()

    async def speak(self, talk: TalkState, turn: int, moment: Moment) -> Utterance:
        self._present = moment.present
        return await super().speak(talk, turn, moment)

    def _proposal(self, talk: TalkState, moment: Moment) -> int:
        share = sustainable_share(self._stock, len(moment.present), self._config.game)
        return share + (share + 1) // 2 if self.policy in ("greedy", "random") else share

    def _remark(self, talk: TalkState, said: Mapping[str, int | None], rng: Random) -> str:
        if not self._over_limit(talk):
            known = Known(self._stock, self._present, self._limit, self._config.game, self._words)
            return sayings.comment(known) if said else sayings.opening(known)
        return super()._remark(talk, said, rng)


def _slip(key: CallKey, chance: Random) -> str:
    return "" if key.purpose in SENTENCES else chance.choice(("", "I would rather think about it."))
