"""The calls of a log: each prompt and completion under the key of what it produced.

In a talk that an overseer opens, the log keeps them one record too early: the report needs no model, so the
interaction behind contribution i lies in the record of contribution i - 1, and the last record repeats the summary's.
"""

from collections.abc import Collection, Iterator, Mapping

from app.commons.config import EpisodeConfig, RecordedFramework, RecordedMind, SamplingConfig
from app.interop.cast import Cast
from app.interop.interactions import Interaction, read_interaction
from app.interop.nodes import Memories
from app.interop.prompts import agent_prompt, framework_prompt
from app.interop.rows import FRAMEWORK, LIMIT, SUMMARY, LogRows, MonthRows
from app.minds.reader import read_number
from app.models.base import CallKey, Message, RecordedCall, request_hash

UNKNOWN = "unknown"


def read_harvests(log: LogRows, scripted: Collection[str] = ()) -> dict[tuple[int, str], int | None]:
    """Return what our own reader reads in the completion of each harvest, by month and agent id; None if it cannot.

    What *scripted* agents asked for is what the log says: no text was ever read.
    """
    readings: dict[tuple[int, str], int | None] = {}
    for month in log.months:
        for row in month.harvests:
            shown = read_interaction(row.interactions[-1]) if row.interactions else None
            answer = shown.completion.text if shown and shown.completion else None
            readings[month.number, row.agent_id] = None if answer is None else read_number(answer)
            if row.agent_id in scripted:
                readings[month.number, row.agent_id] = row.asked
    return readings


def calls_of(
    log: LogRows,
    config: EpisodeConfig,
    cast: Cast,
    memories: Mapping[str, Memories],
    sampling: SamplingConfig | None,
    *,
    own: bool = False,
) -> list[RecordedCall]:
    """Return the calls of a log, in the order they were made; *own* tells that we wrote it."""
    caller = _Caller(config, cast, memories, sampling, own)
    return [call for month in log.months for call in caller.month(month)]


class _Caller:
    def __init__(
        self,
        config: EpisodeConfig,
        cast: Cast,
        memories: Mapping[str, Memories],
        sampling: SamplingConfig | None,
        own: bool,
    ) -> None:
        self.cast = cast
        self.own = own
        self.sampling = sampling
        self.models = {agent.name: agent.mind.model for agent in config.agents if isinstance(agent.mind, RecordedMind)}
        framework = config.framework
        self.framework = framework.model if isinstance(framework, RecordedFramework) else None
        self.remembered = {
            cast.names[agent_id]: {
                (item.memory.created.date().isoformat(), item.memory.text.strip()): item.memory.id
                for item in found.placed
            }
            for agent_id, found in memories.items()
        }

    def month(self, month: MonthRows) -> Iterator[RecordedCall]:
        for row in month.harvests:
            name = self.cast.names[row.agent_id]
            shown = [item for item in map(read_interaction, row.interactions) if item]
            for number, interaction in enumerate(shown, 1):
                # More than one is a harvest decided in steps; the last one decides.
                item = "" if number == len(shown) else f"step {number}"
                key = CallKey(month=month.number, phase="harvest", agent=name, purpose="harvest", item=item)
                yield self._agent_call(key, interaction, self.models[name])
        first = next(iter(self.cast.names.values()))
        for turn, agent_id, interaction in _talk_interactions(month, shifted=self.own):
            name = self.cast.names[agent_id]
            key = CallKey(month=month.number, phase="talk", agent=name, purpose="utterance", item=str(turn))
            # In the research code the first agent's model speaks for all.
            yield self._agent_call(key, interaction, self.models[name if self.own else first])
        for action, purpose in ((SUMMARY, "summary"), (LIMIT, "limit")):
            asked = read_interaction(month.framework.get(action))
            if asked:
                key = CallKey(month=month.number, phase="take_away", agent=FRAMEWORK, purpose=purpose)
                yield self._call(key, asked, framework_prompt(asked.prompt, self.cast.speakers), self.framework)

    def _agent_call(self, key: CallKey, shown: Interaction, model: str | None) -> RecordedCall:
        message = agent_prompt(shown.prompt, self.cast.speakers, self.remembered[key.agent])
        return self._call(key, shown, message, model)

    def _call(self, key: CallKey, shown: Interaction, message: Message, model: str | None) -> RecordedCall:
        messages = (message,)
        return RecordedCall(
            key=key,
            model=model or UNKNOWN,
            request_hash=request_hash(model or UNKNOWN, messages, self.sampling or SamplingConfig()),
            messages=messages,
            sampling=self.sampling,
            completion=shown.completion,
        )


def _talk_interactions(month: MonthRows, *, shifted: bool) -> Iterator[tuple[int, str, Interaction]]:
    """Give turn, agent id and interaction of every contribution that a model made.

    Where an overseer's report has an interaction beside it, it is the next contribution's; what we write is always
    *shifted*, also where the first speaker asked no model.
    """
    logged = [row.interaction for row in month.talk]
    if month.overseen and (shifted or read_interaction(logged[0])):
        logged = [None, *logged[:-1]]
    for turn, (row, interaction) in enumerate(zip(month.talk, logged, strict=True), 1):
        shown = read_interaction(interaction)
        if shown and row.agent_id != FRAMEWORK:
            yield turn, row.agent_id, shown
