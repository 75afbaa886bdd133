"""The memory stream of an agent: what it remembers, for how long, and which of it always comes to mind.

GovSim, section 3, with two differences on purpose: the observations of a month last until the month is over, and of all
agreed limits only the latest is always included; older ones become ordinary thoughts. Switches of `fidelity` take the
differences back.
"""

from collections.abc import Collection
from datetime import datetime, time, timedelta

from app.commons.calendar import after_month, month_end
from app.commons.events import Memory, MemoryKind
from app.commons.fidelity import Switch
from app.commons.minds import Moment

THOUGHT_LASTS = timedelta(days=63)
FOREVER = datetime(9999, 12, 31)
MOST_IMPORTANT = 10


class MemoryStream:
    """The memories of one agent. They are never changed: what an older limit has become is a view."""

    def __init__(self, fidelity: Collection[Switch] = ()) -> None:
        self._fidelity = frozenset(fidelity)
        self._memories: list[Memory] = []
        self._ids_given = 0
        self._reserved: dict[str, int] = {}

    def reserve(self, what: str) -> int:
        """Return the id kept for *what*: the next one the first time, the same one from then on.

        A memory that is made beside others gets its id before, so that ids do not depend on who is ready first.
        """
        if what not in self._reserved:
            self._reserved[what] = self._next_id()
        return self._reserved[what]

    def observe(self, purpose: str, text: str, moment: Moment) -> Memory:
        """Keep an observation: of the highest importance, always included, forgotten when the month is over."""
        return self._add("event", purpose, text, moment, self._over(moment), MOST_IMPORTANT, always=True)

    def observe_others(self, text: str, moment: Moment) -> Memory:
        """Keep what became known of everybody at the end of a month, until the next month is over."""
        if "observations_expire_before_home" in self._fidelity:
            return self.observe("others", text, moment)
        return self._add("event", "others", text, moment, after_month(moment.month + 1), MOST_IMPORTANT, always=True)

    def agree(self, text: str, moment: Moment) -> Memory:
        """Keep an agreed limit: of the highest importance, and always included until a later one takes its place."""
        expires = moment.at + THOUGHT_LASTS
        return self._add("thought", "limit", text, moment, expires, MOST_IMPORTANT, always=True)

    def think(
        self, purpose: str, text: str, moment: Moment, importance: int, *, rated: bool, sources: tuple[int, ...] = ()
    ) -> Memory:
        """Keep a thought for 63 days."""
        expires = moment.at + THOUGHT_LASTS
        return self._add("thought", purpose, text, moment, expires, importance, rated=rated, sources=sources)

    def converse(self, text: str, moment: Moment, importance: int, *, rated: bool, number: int) -> Memory:
        """Keep a conversation under the id *number*; it is never retrieved."""
        return self._add(
            "conversation", "conversation", text, moment, FOREVER, importance, rated=rated, number=number
        )  # fmt: skip

    def retrievable(self, now: datetime) -> list[Memory]:
        """Return what has not expired at *now* and is no conversation, by time, then id; `always` is as of *now*."""
        live = [memory for memory in self._memories if memory.kind != "conversation" and memory.expires > now]
        live.sort(key=lambda memory: (memory.created, memory.id))
        if "keep_every_limit" in self._fidelity:
            return live
        latest = max((memory.id for memory in live if memory.purpose == "limit"), default=None)
        return [_as_of_now(memory, latest) for memory in live]

    def _over(self, moment: Moment) -> datetime:
        if "observations_expire_before_home" in self._fidelity:
            return datetime.combine(month_end(moment.month), time())
        return moment.month_over

    def _add(
        self,
        kind: MemoryKind,
        purpose: str,
        text: str,
        moment: Moment,
        expires: datetime,
        importance: int,
        *,
        rated: bool = True,
        always: bool = False,
        sources: tuple[int, ...] = (),
        number: int | None = None,
    ) -> Memory:
        memory = Memory(
            id=self._next_id() if number is None else number,
            kind=kind,
            purpose=purpose,
            text=text,
            created=moment.at,
            expires=expires,
            importance=importance,
            rated=rated,
            always=always,
            sources=sources,
        )
        self._memories.append(memory)
        return memory

    def _next_id(self) -> int:
        self._ids_given += 1
        return self._ids_given


def _as_of_now(memory: Memory, latest_limit: int | None) -> Memory:
    if memory.purpose == "limit" and memory.always and memory.id != latest_limit:
        return memory.model_copy(update={"always": False})
    return memory
