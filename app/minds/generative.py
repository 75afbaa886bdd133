"""The generative mind: a language model with a memory stream (GovSim, sections 2 and 3).

Calls of one agent that do not depend on each other run together; memories are stored in a fixed order afterwards, so
that equal completions give equal memories in whatever order they arrive.
"""

from collections.abc import Sequence
from datetime import datetime, time
from functools import partial

from app.commons import config as configuration
from app.commons.calendar import month_start
from app.commons.config import EpisodeConfig
from app.commons.events import Memory, PhaseName, Unreadable
from app.commons.minds import CatchesSeen, LimitAgreed, Moment, Percept, Recollection, StockSeen, TalkState, Utterance
from app.commons.questions import Answer, NumberQuestion, Question
from app.commons.scenario import Scenario, amount
from app.minds.asking import ATTEMPTS, Asker, together
from app.minds.first_dot import thought_to_first_dot
from app.minds.memory import MemoryStream
from app.minds.prompts import PromptSet
from app.minds.reader import Insight, read_insights, read_number, read_rating, read_sentence, read_utterance
from app.minds.retrieval import Retriever
from app.minds.wording import Wording
from app.models.base import CallKey, Model

UNRATED = 5
"""The importance that stands in for a rating that could not be read."""
CONTRIBUTIONS_IN_MIND = 4


class GenerativeMind:
    """One agent that decides by asking a language model."""

    def __init__(
        self,
        name: str,
        scenario: Scenario,
        config: EpisodeConfig,
        mind: configuration.GenerativeMind,
        prompts: PromptSet,
        model: Model,
    ) -> None:
        self.name = name
        self._scenario = scenario
        self._mind = mind
        self._wording = Wording(prompts, scenario, config)
        self._asker = Asker(model, mind.sampling)
        self._stream = MemoryStream(config.fidelity)
        self._retriever = Retriever(self._stream, oldest_most_recent="oldest_most_recent" in config.fidelity)
        self._fidelity = config.fidelity

    async def perceive(self, percept: Percept, moment: Moment) -> Recollection:
        """Keep an observation; no model is asked."""
        words = self._scenario.words
        if isinstance(percept, StockSeen):
            seen = [self._stream.observe("stock", words.stock_told.format(amount=self._amount(percept.stock)), moment)]
            if percept.share is not None:
                told = words.share_told.format(amount=self._amount(percept.share))
                seen.append(self._stream.observe("universalization", told, moment))
            return Recollection(memories=tuple(seen))
        if isinstance(percept, LimitAgreed):
            if percept.limit is None:
                return Recollection()
            told = words.limit_told.format(amount=self._amount(percept.limit))
            return Recollection(memories=(self._stream.agree(told, moment),))
        if isinstance(percept, CatchesSeen):
            lines = (
                words.report_line.format(name=name, got=self._amount(got)) for name, got in percept.catches.items()
            )
            told = words.others_told.format(report=" ".join(lines))
            return Recollection(memories=(self._stream.observe_others(told, moment),))
        asked = percept.wanted if percept.asked is None else percept.asked
        told = words.result_told.format(name=self.name, asked=self._amount(asked), got=self._amount(percept.collected))
        return Recollection(memories=(self._stream.observe("result", told, moment),))

    async def answer(self, question: Question, moment: Moment) -> Answer:
        """Decide how much to take, with the place in mind; what is asked for is kept as it is."""
        if not isinstance(question, NumberQuestion) or question.purpose != "harvest":
            raise NotImplementedError(f"A generative mind has no words for the question '{question.purpose}'.")
        words = self._scenario.words
        memories = self._retriever.retrieve([words.place], self._mind.retrieved_for_harvest, moment.at)
        task = self._wording.harvest(self.name, moment, memories, question.high)
        asked = await self._asker.ask(self._key(moment, "harvest", "harvest"), task, read_number)
        return Answer(value=asked.value, attempts=asked.attempts)

    async def speak(self, talk: TalkState, turn: int, moment: Moment) -> Utterance:
        """Contribute to the talk, with the last four contributions in mind."""
        latest = [line.text for line in talk.lines[-CONTRIBUTIONS_IN_MIND:] if line.text]
        focal_points = latest or [self._scenario.words.place]
        memories = self._retriever.retrieve(focal_points, self._mind.retrieved_for_utterance, moment.at)
        task = self._wording.utterance(self.name, moment, memories, talk)
        read = partial(read_utterance, present=moment.present)
        asked = await self._asker.ask(self._key(moment, "talk", "utterance", str(turn)), task, read)
        if asked.value is None:
            missing = self._unreadable(moment, "talk", "utterance", "nothing said", item=str(turn))
            return Utterance(text="", unreadable=(missing,))
        said = asked.value
        return Utterance(text=said.text, ends=said.ends, next_speaker=said.next_speaker)

    async def take_away(self, talk: TalkState, moment: Moment) -> Recollection:
        """Keep a thought for planning and one that was interesting."""
        self._conversation_id(moment)
        purposes = ("planning", "interesting")
        thoughts = await together(*(self._thought(talk, purpose, moment) for purpose in purposes))
        kept = [(purpose, text) for purpose, text in zip(purposes, thoughts, strict=True) if text is not None]
        ratings = await together(*(self._rate(text, purpose, moment, "take_away") for purpose, text in kept))
        missing = [
            self._unreadable(moment, "take_away", purpose, "none")
            for purpose, text in zip(purposes, thoughts, strict=True)
            if text is None
        ]
        dated = self._dated(moment)
        memories = [
            self._stream.think(purpose, text, dated, rating or UNRATED, rated=rating is not None)
            for (purpose, text), rating in zip(kept, ratings, strict=True)
        ]
        items = [purpose for purpose, _ in kept]
        missing += self._unrated(moment, "take_away", items, ratings)
        return Recollection(memories=tuple(memories), unreadable=tuple(missing))

    async def remember_talk(self, talk: TalkState, summary: str | None, moment: Moment) -> Recollection:
        """Keep the conversation itself, under an id that does not depend on when this happens."""
        number = self._conversation_id(moment)
        text = self._wording.conversation(moment, summary)
        rating = await self._rate(text, "conversation", moment, "take_away")
        memory = self._stream.converse(text, moment, rating or UNRATED, rated=rating is not None, number=number)
        missing = self._unrated(moment, "take_away", ["conversation"], [rating])
        return Recollection(memories=(memory,), unreadable=tuple(missing))

    async def reflect(self, moment: Moment) -> Recollection:
        """Draw insights, at most one for each memory, with the harvest in mind."""
        focus = [self._scenario.words.taking]
        memories = self._retriever.retrieve(focus, self._mind.retrieved_at_home, moment.at)
        if not memories:
            return Recollection()
        task = self._wording.insight(self.name, moment, memories)
        read = partial(read_insights, statements=len(memories))
        asked = await self._asker.ask(self._key(moment, "home", "insight"), task, read)
        if asked.value is None:
            return Recollection(unreadable=(self._unreadable(moment, "home", "insight", "none"),))
        items = [f"insight-{number}" for number in range(1, len(asked.value) + 1)]
        jobs = (self._rate(found.text, item, moment, "home") for found, item in zip(asked.value, items, strict=True))
        ratings = await together(*jobs)
        return Recollection(
            memories=tuple(self._insights(asked.value, ratings, memories, moment)),
            unreadable=tuple(self._unrated(moment, "home", items, ratings)),
        )

    def _insights(
        self, insights: Sequence[Insight], ratings: Sequence[int | None], shown: Sequence[Memory], moment: Moment
    ) -> list[Memory]:
        return [
            self._stream.think(
                "insight",
                found.text,
                moment,
                rating or UNRATED,
                rated=rating is not None,
                sources=tuple(shown[number - 1].id for number in found.because_of),
            )
            for found, rating in zip(insights, ratings, strict=True)
        ]

    async def _thought(self, talk: TalkState, purpose: str, moment: Moment) -> str | None:
        task = self._wording.thought(self.name, moment, talk, purpose)
        read = thought_to_first_dot if "cut_at_first_dot" in self._fidelity else read_sentence
        return (await self._asker.ask(self._key(moment, "take_away", purpose), task, read)).value

    def _dated(self, moment: Moment) -> Moment:
        """Return the moment that a thought about a talk is dated to."""
        if "date_thoughts_to_the_first" not in self._fidelity or moment.present[0] == self.name:
            return moment
        return moment.model_copy(update={"at": datetime.combine(month_start(moment.month), time())})

    async def _rate(self, text: str, item: str, moment: Moment, phase: PhaseName) -> int | None:
        task = self._wording.rating(self.name, moment, text)
        return (await self._asker.ask(self._key(moment, phase, "rating", item), task, read_rating)).value

    def _conversation_id(self, moment: Moment) -> int:
        return self._stream.reserve(f"conversation of month {moment.month}")

    def _unrated(
        self, moment: Moment, phase: PhaseName, items: Sequence[str], ratings: Sequence[int | None]
    ) -> list[Unreadable]:
        missing = [item for item, rating in zip(items, ratings, strict=True) if rating is None]
        return [self._unreadable(moment, phase, "rating", str(UNRATED), item=item) for item in missing]

    def _unreadable(
        self, moment: Moment, phase: PhaseName, purpose: str, fallback: str, *, item: str = ""
    ) -> Unreadable:
        return Unreadable(
            month=moment.month,
            phase=phase,
            agent=self.name,
            purpose=purpose,
            item=item,
            attempts=ATTEMPTS,
            fallback=fallback,
        )

    def _key(self, moment: Moment, phase: PhaseName, purpose: str, item: str = "") -> CallKey:
        return CallKey(month=moment.month, phase=phase, agent=self.name, purpose=purpose, item=item)

    def _amount(self, units: int) -> str:
        return amount(self._scenario.words, units)
