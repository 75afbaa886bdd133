"""The generative framework: reads a talk from outside, for the summary and the agreed limit."""

from collections.abc import Callable
from typing import TypeVar

from app.commons import config as configuration
from app.commons.config import EpisodeConfig
from app.commons.events import Unreadable
from app.commons.minds import Moment, Reading, TalkState
from app.commons.scenario import Scenario
from app.minds.asking import ATTEMPTS, Asked, Asker, Task
from app.minds.first_dot import summary_to_first_dot
from app.minds.prompts import PromptSet
from app.minds.reader import NO_LIMIT, read_limit, read_sentence
from app.minds.wording import Wording
from app.models.base import CallKey, Model

T = TypeVar("T")


class GenerativeFramework:
    """Asks a language model what was said; it belongs to no agent."""

    def __init__(
        self,
        scenario: Scenario,
        config: EpisodeConfig,
        framework: configuration.GenerativeFramework,
        prompts: PromptSet,
        model: Model,
    ) -> None:
        self._wording = Wording(prompts, scenario, config)
        self._asker = Asker(model, framework.sampling)
        self._read_summary = summary_to_first_dot if "cut_at_first_dot" in config.fidelity else read_sentence

    async def summarise(self, talk: TalkState, moment: Moment) -> Reading:
        """Return the talk in one sentence, or None if no answer could be read."""
        asked = await self._ask(moment, "summary", self._wording.summary(moment, talk), self._read_summary)
        return _missing(moment, "summary", "none") if asked.value is None else Reading(value=asked.value)

    async def agreed_limit(self, talk: TalkState, moment: Moment) -> Reading:
        """Return the limit for each agent, in units; None if there was none or no answer could be read."""
        asked = await self._ask(moment, "limit", self._wording.limit(moment, talk), read_limit)
        if asked.value is None:
            return _missing(moment, "limit", "none")
        return Reading(value=None if asked.value == NO_LIMIT else asked.value)

    async def _ask(self, moment: Moment, purpose: str, task: Task, read: Callable[[str], T | None]) -> Asked[T]:
        key = CallKey(month=moment.month, phase="take_away", agent="framework", purpose=purpose)
        return await self._asker.ask(key, task, read)


def _missing(moment: Moment, purpose: str, fallback: str) -> Reading:
    unread = Unreadable(month=moment.month, phase="take_away", purpose=purpose, attempts=ATTEMPTS, fallback=fallback)
    return Reading(value=None, unreadable=(unread,))
