"""A mind that follows a policy and talks in plain sentences: no model, no cost, same story for the same seed."""

from collections.abc import Mapping
from datetime import timedelta
from random import Random

from app.commons.chance import generator
from app.commons.config import EpisodeConfig, PolicyName
from app.commons.dynamics import regrow, sustainable_share
from app.commons.events import Memory
from app.commons.minds import (
    CatchesSeen,
    LimitAgreed,
    Moment,
    Percept,
    Reading,
    Recollection,
    StockSeen,
    TalkState,
    Utterance,
)
from app.commons.questions import Answer, NumberQuestion, Question
from app.commons.scenario import Scenario, amount
from app.minds import scripted_talk
from app.minds.policies import POLICIES, Outlook

THOUGHT_LIFE = timedelta(days=63)
NEGOTIATORS: frozenset[PolicyName] = frozenset({"fair-share", "reciprocal", "forgetful"})


class ScriptedMind:
    """The mind of one scripted agent. What it knows, it was told: the stock, its own result, the report, the talk."""

    def __init__(self, name: str, policy: PolicyName, config: EpisodeConfig, scenario: Scenario) -> None:
        self.name = name
        self.policy = policy
        self._config = config
        self._words = scenario.words
        self._limit: int | None = None
        self._stock = config.game.initial_stock
        self._others: float | None = None
        self._last_id = 0
        self._breaches: dict[str, int] = {}
        self._broke_now: dict[str, int] = {}

    async def perceive(self, percept: Percept, moment: Moment) -> Recollection:
        """Take note of the stock, of the own result, of the agreed limit, or of everybody's catch."""
        if isinstance(percept, StockSeen):
            self._stock = percept.stock
        elif isinstance(percept, LimitAgreed):
            self._limit = percept.limit
        elif isinstance(percept, CatchesSeen):
            self._compare(percept.catches, moment)
        return Recollection()

    async def answer(self, question: Question, moment: Moment) -> Answer:
        """Answer by the policy.

        Raises:
            NotImplementedError: for a question that is not about an amount; no policy knows another one yet.
        """
        if isinstance(question, NumberQuestion):
            outlook = Outlook(
                stock=self._stock,
                present=len(moment.present),
                limit=self._limit,
                others=self._others,
                game=self._config.game,
            )
            rng = generator(self._config.seed, moment.month, self.name, question.purpose)
            return Answer(value=POLICIES[self.policy](outlook, rng))
        raise NotImplementedError(f"No policy has an answer to the question '{question.purpose}'.")

    async def speak(self, talk: TalkState, turn: int, moment: Moment) -> Utterance:
        """Say what the policy makes of the month, take a stand on a limit, and hand the floor on."""
        rng = generator(self._config.seed, moment.month, self.name, "talk", turn)
        words = self._words
        said = scripted_talk.stances(talk.lines, moment.present)
        settled = scripted_talk.agreed(talk.lines, moment.present)
        if self.name in said and settled is not None:
            return Utterance(text=f"Then it is settled: {self._settled(settled)} each. See you next month.", ends=True)
        parts = [] if self.name in said else [self._remark(talk, said, rng)]
        proposal = self._proposal(talk, moment)
        on_the_table = next((limit for limit in reversed(list(said.values())) if limit is not None), None)
        if on_the_table is None:
            parts.append(scripted_talk.propose(proposal, words, rng))
        elif self.policy == "random" and rng.random() < 0.5:
            parts.append("I would rather see how the month goes before I promise anything.")
        elif self.policy == "greedy" and self.name not in said and rng.random() < 0.4:
            parts.append(f"The {words.place} can bear more. {scripted_talk.propose(proposal, words, rng)}")
        elif self.policy in NEGOTIATORS and on_the_table > 2 * max(1, proposal) and turn < 8:
            parts.append(f"That is too much. {scripted_talk.propose(proposal, words, rng)}")
        else:
            parts.append(scripted_talk.agree(on_the_table, words, rng))
        silent = [name for name in moment.present if name not in said and name != self.name]
        return Utterance(text=" ".join(part for part in parts if part), next_speaker=self._next(talk, silent))

    async def take_away(self, talk: TalkState, moment: Moment) -> Recollection:
        """Note who kept to the limit that was in force, and how much the others took."""
        catches = talk.catches
        if catches is None:
            return Recollection()
        self._compare(catches, moment)
        self._broke_now = {name: catches[name] for name in self._over_limit(talk) if name != self.name}
        for name in self._broke_now:
            self._breaches[name] = self._breaches.get(name, 0) + 1
        return Recollection()

    async def remember_talk(self, talk: TalkState, summary: str | None, moment: Moment) -> Recollection:
        """Scripted minds do not keep conversations."""
        return Recollection()

    async def reflect(self, moment: Moment) -> Recollection:
        """Keep one thought about whoever broke the agreement most this month."""
        if not self._broke_now:
            return Recollection()
        name = max(self._broke_now, key=lambda who: (self._broke_now[who], self._breaches[who]))
        count = self._breaches[name]
        times = "once" if count == 1 else f"{count} times"
        self._last_id += 1
        thought = Memory(
            id=self._last_id,
            kind="thought",
            purpose="insight",
            text=f"{name} has gone over our agreed limit {times} so far.",
            created=moment.at,
            expires=moment.at + THOUGHT_LIFE,
            importance=min(10, 4 + count),
        )
        return Recollection(memories=(thought,))

    def _compare(self, catches: Mapping[str, int], moment: Moment) -> None:
        """Note how much the others took, beside the sustainable share."""
        others = [got for name, got in catches.items() if name != self.name]
        share = sustainable_share(self._stock, len(moment.present), self._config.game)
        self._others = sum(others) / len(others) / share if share and others else None

    def _settled(self, limit: int) -> str:
        return f"at most {amount(self._words, limit)}"

    def _proposal(self, talk: TalkState, moment: Moment) -> int:
        """The share that next month's stock can bear; greedy agents ask for half as much again."""
        game = self._config.game
        share = sustainable_share(regrow(talk.stock_after, game), len(moment.present), game)
        return share + (share + 1) // 2 if self.policy in ("greedy", "random") else share

    def _over_limit(self, talk: TalkState) -> list[str]:
        if self._limit is None or talk.catches is None:
            return []
        return [name for name, got in talk.catches.items() if got > self._limit]

    def _next(self, talk: TalkState, silent: list[str]) -> str | None:
        """Hand the floor to somebody who owes an explanation, else to whoever has not spoken yet."""
        owing = [name for name in self._over_limit(talk) if name in silent]
        return next(iter(owing or silent), None)

    def _remark(self, talk: TalkState, said: Mapping[str, int | None], rng: Random) -> str:
        """Comment on the month: on the agreement if there was one, else on what is left. Nothing is said twice."""
        words = self._words
        broken = self._over_limit(talk)
        opened = bool(said)
        if self.name in broken and talk.catches is not None:
            return self._excuse(amount(words, talk.catches[self.name]))
        if broken and talk.catches is not None:
            worst = max(broken, key=lambda name: (talk.catches or {})[name])
            if any(line.text.startswith(f"{worst}, we had agreed") for line in talk.lines):
                return rng.choice((f"{worst}, an agreement is an agreement.", f"You heard it, {worst}.", ""))
            return (
                f"{worst}, we had agreed on {self._limit}, and you {words.took} {talk.catches[worst]}. "
                "That comes out of what all of us live on."
            )
        if self._limit is not None:
            return "" if opened else f"Everybody kept to {self._limit}. That is how it should be."
        return (
            "" if opened else f"Only {amount(words, talk.stock_after)} {_verb(words.resource)} left after this month."
        )

    def _excuse(self, own: str) -> str:
        """Say why more than the agreed limit was taken."""
        took = self._words.took
        excuses = {
            "greedy": f"Yes, I {took} {own}. I have bills to pay like everybody else.",
            "forgetful": f"I am sorry, I lost count: {own} was more than we had agreed.",
            "reciprocal": f"I {took} {own} because I will not be the only one who holds back.",
        }
        return excuses.get(self.policy, f"I {took} {own}, I know.")


def _verb(resource: str) -> str:
    return "are" if resource == "fish" else "is"


class ScriptedFramework:
    """Reads the talk of scripted minds by their own sentences; what others say counts if they say it the same way."""

    def __init__(self, scenario: Scenario) -> None:
        self._words = scenario.words

    async def summarise(self, talk: TalkState, moment: Moment) -> Reading:
        """Return who spoke and what was settled, in one sentence."""
        speakers = [name for name in moment.present if any(line.speaker == name for line in talk.lines)]
        limit = scripted_talk.agreed(talk.lines, moment.present)
        end = "did not settle on a limit" if limit is None else f"settled on at most {amount(self._words, limit)} each"
        return Reading(value=f"{_listed(speakers)} talked about the {self._words.place} and {end}.")

    async def agreed_limit(self, talk: TalkState, moment: Moment) -> Reading:
        """Return the limit that more than half of the speakers stand behind, or None."""
        return Reading(value=scripted_talk.agreed(talk.lines, moment.present))


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
