"""Small parts the tests of this room share: messages, keys, a log in memory, a model that follows a script."""

from app.commons.config import SamplingConfig
from app.models.base import CallKey, Completion, Message, RecordedCall, Segment

SAMPLING = SamplingConfig()


def said(
    text: str = "How much do you take?", rules: str = "You fish; a unit is a ton: 10 tons."
) -> tuple[Message, ...]:
    return (
        Message(role="system", segments=(Segment(kind="rules", text=rules),)),
        Message(role="user", segments=(Segment(kind="task", text=text),)),
    )


def key(purpose: str = "harvest", agent: str = "Kate", item: str = "", month: int = 1) -> CallKey:
    return CallKey(month=month, phase="harvest", agent=agent, purpose=purpose, item=item)


class MemoryLog:
    """A call log in memory."""

    def __init__(self) -> None:
        self.calls: dict[CallKey, RecordedCall] = {}

    def find(self, key: CallKey) -> tuple[str, Completion] | None:
        call = self.calls.get(key)
        return (call.request_hash, call.completion) if call and call.completion else None

    def record(self, call: RecordedCall) -> None:
        self.calls[call.key] = call


class ScriptedModel:
    """Answers or fails as its script says, one entry a call, and fails the test when it runs out."""

    name = "lab/m"

    def __init__(self, *script: Completion | Exception) -> None:
        self._script = list(script)
        self.asked = 0

    async def complete(self, messages: tuple[Message, ...], sampling: SamplingConfig, key: CallKey) -> Completion:
        self.asked += 1
        step = self._script.pop(0)
        if isinstance(step, Exception):
            raise step
        return step
