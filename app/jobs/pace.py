"""Scripted minds answer in no time; a run that is to be watched live lets them take theirs."""

import asyncio
from collections.abc import Callable, Mapping

from app.commons.config import EpisodeConfig, ScriptedMind
from app.commons.minds import Mind, Moment, Percept, Recollection, TalkState, Utterance
from app.commons.questions import Answer, Question


class PacedMind:
    """Waits before it decides, speaks or reflects; what it says is its inner mind's."""

    def __init__(self, inner: Mind, seconds: float, live: Callable[[], bool]) -> None:
        self._inner = inner
        self._seconds = seconds
        self._live = live

    async def perceive(self, percept: Percept, moment: Moment) -> Recollection:
        """Pass on at once."""
        return await self._inner.perceive(percept, moment)

    async def answer(self, question: Question, moment: Moment) -> Answer:
        """Answer after a while."""
        await self._wait()
        return await self._inner.answer(question, moment)

    async def speak(self, talk: TalkState, turn: int, moment: Moment) -> Utterance:
        """Speak after a while."""
        await self._wait()
        return await self._inner.speak(talk, turn, moment)

    async def take_away(self, talk: TalkState, moment: Moment) -> Recollection:
        """Pass on at once."""
        return await self._inner.take_away(talk, moment)

    async def remember_talk(self, talk: TalkState, summary: str | None, moment: Moment) -> Recollection:
        """Pass on at once."""
        return await self._inner.remember_talk(talk, summary, moment)

    async def reflect(self, moment: Moment) -> Recollection:
        """Reflect after a while."""
        await self._wait()
        return await self._inner.reflect(moment)

    async def _wait(self) -> None:
        if self._live():
            await asyncio.sleep(self._seconds)


def paced(
    minds: Mapping[str, Mind], config: EpisodeConfig, seconds: float, live: Callable[[], bool]
) -> dict[str, Mind]:
    """Return *minds* with the scripted ones slowed down by *seconds* a step while *live* says so."""
    scripted = {agent.name for agent in config.agents if isinstance(agent.mind, ScriptedMind)}
    return {name: PacedMind(mind, seconds, live) if name in scripted else mind for name, mind in minds.items()}
