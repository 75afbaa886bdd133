"""The generative mind: a language model with a memory stream (GovSim, sections 2 and 3).

Calls of one agent that do not depend on each other run together; memories are stored in a fixed order afterwards, so
that equal completions give equal memories in whatever order they arrive.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, time
from functools import partial

from app.commons import config as configuration
from app.commons.calendar import month_start
from app.commons.config import EpisodeConfig
from app.commons.events import Memory, PhaseName, Unreadable
from app.commons.minds import CatchesSeen, LimitAgreed, Moment, Percept, Recollection, StockSeen, TalkState, Utterance
from app.commons.questions import Answer, NumberQuestion, Question
from app.commons.scenario import Scenario, amount
from app.minds.asking import ATTEMPTS, Asker, Task, together
from app.minds.first_dot import thought_to_first_dot
from app.minds.memory import MemoryStream
from app.minds.prompts import PromptSet
from app.minds.reader import (
    Insight,
    read_insights,
    read_number,
    read_rating,
    read_ratings,
    read_sentence,
    read_utterance,
)
from app.minds.relevance import Embedded
from app.minds.retrieval import Recalled, Retriever
from app.minds.wording import Wording
from app.models.base import CallKey, Message, Model

UNRATED = 5
"""The importance that stands in for a rating that could not be read."""
CONTRIBUTIONS_IN_MIND = 4
BATCH = "batch"
"""The item of a call that rates several memories at once."""


class _TalkToRate:
    """A talk whose memory is rated together with the thoughts it left: its text goes one way, its rating the other."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.text: asyncio.Future[str] = loop.create_future()
        self.rating: asyncio.Future[int | None] = loop.create_future()


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
        embedding: Model | None = None,
    ) -> None:
        self.name = name
        self._scenario = scenario
        self._mind = mind
        self._wording = Wording(prompts, scenario, config)
        self._asker = Asker(model, mind.sampling)
        self._stream = MemoryStream(config.fidelity)
        relevance = Embedded(embedding) if embedding else None
        self._retriever = Retriever(self._stream, relevance, oldest_most_recent="oldest_most_recent" in config.fidelity)
        self._fidelity = config.fidelity
        self._talks: dict[int, _TalkToRate] = {}

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
        recalled = await self._recall([words.place], self._mind.retrieved_for_harvest, moment, "harvest")
        task = self._wording.harvest(self.name, moment, _memories(recalled), question.high)
        task = with_retrieval(task, recalled)
        asked = await self._asker.ask(self._key(moment, "harvest", "harvest"), task, read_number)
        return Answer(value=asked.value, attempts=asked.attempts)

    async def speak(self, talk: TalkState, turn: int, moment: Moment) -> Utterance:
        """Contribute to the talk, with the last four contributions in mind."""
        latest = [line.text for line in talk.lines[-CONTRIBUTIONS_IN_MIND:] if line.text]
        focal_points = latest or [self._scenario.words.place]
        recalled = await self._recall(focal_points, self._mind.retrieved_for_utterance, moment, "talk", str(turn))
        task = with_retrieval(self._wording.utterance(self.name, moment, _memories(recalled), talk), recalled)
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
        ratings = await self._rate_thoughts(kept, moment)
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
        rating = await self._rate_talk(text, moment)
        memory = self._stream.converse(text, moment, rating or UNRATED, rated=rating is not None, number=number)
        missing = self._unrated(moment, "take_away", ["conversation"], [rating])
        return Recollection(memories=(memory,), unreadable=tuple(missing))

    async def reflect(self, moment: Moment) -> Recollection:
        """Draw insights, at most one for each memory, with the harvest in mind."""
        focus = [self._scenario.words.taking]
        recalled = await self._recall(focus, self._mind.retrieved_at_home, moment, "home")
        memories = _memories(recalled)
        if not memories:
            return Recollection()
        task = with_retrieval(self._wording.insight(self.name, moment, memories), recalled)
        read = partial(read_insights, statements=len(memories))
        asked = await self._asker.ask(self._key(moment, "home", "insight"), task, read)
        if asked.value is None:
            return Recollection(unreadable=(self._unreadable(moment, "home", "insight", "none"),))
        items = [f"insight-{number}" for number in range(1, len(asked.value) + 1)]
        texts = [found.text for found in asked.value]
        if self._mind.ratings == "batched":
            ratings = await self._rate_all(texts, moment, "home")
        else:
            jobs = (self._rate(text, item, moment, "home") for text, item in zip(texts, items, strict=True))
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

    async def _rate_thoughts(self, kept: Sequence[tuple[str, str]], moment: Moment) -> Sequence[int | None]:
        """Return the ratings of what was kept of a talk; in one call with that of the talk itself, if batched."""
        if self._mind.ratings == "single":
            return await together(*(self._rate(text, purpose, moment, "take_away") for purpose, text in kept))
        talk = self._talk_to_rate(moment)
        conversation = await talk.text
        *ratings, talk_rating = await self._rate_all([*(text for _, text in kept), conversation], moment, "take_away")
        if not talk.rating.cancelled():  # the episode may be ending
            talk.rating.set_result(talk_rating)
        return ratings

    async def _rate_talk(self, text: str, moment: Moment) -> int | None:
        if self._mind.ratings == "single":
            return await self._rate(text, "conversation", moment, "take_away")
        talk = self._talk_to_rate(moment)
        if not talk.text.cancelled():
            talk.text.set_result(text)
        return await talk.rating

    def _talk_to_rate(self, moment: Moment) -> "_TalkToRate":
        return self._talks.setdefault(moment.month, _TalkToRate())

    async def _rate_all(self, texts: Sequence[str], moment: Moment, phase: PhaseName) -> Sequence[int | None]:
        """Return the ratings of *texts* from one call; all are None where they could not be read."""
        task = self._wording.ratings(self.name, moment, texts)
        read = partial(read_ratings, count=len(texts))
        asked = await self._asker.ask(self._key(moment, phase, "rating", BATCH), task, read)
        return [None] * len(texts) if asked.value is None else asked.value

    async def _recall(
        self, focal_points: Sequence[str], top: int, moment: Moment, phase: PhaseName, item: str = ""
    ) -> tuple[Recalled, ...]:
        key = self._key(moment, phase, "embedding", item)
        return await self._retriever.retrieve(focal_points, top, moment.at, key)

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


def with_retrieval(task: Task, recalled: Sequence[Recalled]) -> Task:
    """Return *task* with how each memory was found noted at the segment that quotes it; the texts stay the same."""
    found = {item.memory.id: item.retrieval for item in recalled}
    messages = tuple(
        Message(
            role=message.role,
            segments=tuple(
                segment
                if segment.memory is None
                else segment.model_copy(update={"retrieval": found.get(segment.memory)})
                for segment in message.segments
            ),
        )
        if message.role == "user"
        else message
        for message in task.messages
    )
    return replace(task, messages=messages)


def _memories(recalled: Sequence[Recalled]) -> tuple[Memory, ...]:
    return tuple(item.memory for item in recalled)
