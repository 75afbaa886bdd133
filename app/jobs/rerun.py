"""The rerun check: a recorded run is played again from its call log, and must give the same events, byte for byte.

No model is reached and nothing is written. What is promised within an engine version is exact; where the versions
differ the report says so. A run that is not finished is compared as far as its record goes.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from app.commons.config import GenerativeMind, SamplingConfig
from app.commons.events import Event, event_json
from app.commons.frozen import Frozen, content_hash
from app.commons.scenario import UnknownName
from app.engine.play import play
from app.engine.version import ENGINE_VERSION
from app.minds.build import NotPlayable, build_minds, load_prompt_sets
from app.minds.prompts import PromptError, PromptSet
from app.models.base import CallKey, Completion, Message, RecordedCall, RecordMismatch
from app.models.prices import PriceTag
from app.models.recorded import RecordedModel
from app.store.connect import Database
from app.store.prompt_sets import load_prompt_set
from app.store.records import RunState
from app.store.whole import WholeRun, read_whole

EXCERPT = 160
IDLE_STEPS, STEP_SECONDS = 20, 0.01

Kind = Literal["event", "extra event", "missing event", "request", "missing call", "unused call", "not playable"]


class NotRerunnable(ValueError):
    """What decided for the run's agents is not here: it was imported, or its calls were dropped; in a sentence."""


class FieldDifference(Frozen):
    """One field of an event or a request, as it was recorded and as it is now; long texts are excerpts."""

    name: str
    recorded: str
    now: str


class Difference(Frozen):
    """Where a rerun first differs from its record. `event` counts from 1; `call` is a call's key."""

    kind: Kind
    text: str
    event: int | None = None
    event_kind: str | None = None
    month: int | None = None
    agent: str | None = None
    call: str | None = None
    fields: tuple[FieldDifference, ...] = ()


class RerunReport(Frozen):
    """What came of playing a run again from its record."""

    run: str
    state: RunState
    equal: bool
    text: str = Field(description="the result in a sentence")
    events: int = Field(description="events that were played again and are the same")
    calls: int = Field(description="calls that were answered from the record")
    recorded_events: int
    recorded_calls: int
    difference: Difference | None
    engine_recorded: str | None
    engine_now: str
    versions: tuple[str, ...] = Field(description="a sentence for each version that is not the recorded one")
    dropped: str | None = Field(default=None, description="what a retention rule took from the record, and when")


async def check_rerun(database: Database, run_id: str, prompt_folders: Sequence[Path] = ()) -> RerunReport:
    """Play a run again from its record and say whether it is the same.

    The playing happens in a thread with a loop of its own, so that this one stays free.

    Args:
        database: where the run is.
        run_id: the run.
        prompt_folders: where prompt sets are installed, to say which are not the run's own; those it uses are stored.

    Raises:
        app.store.runs.UnknownRun: if there is no such run.
        NotRerunnable: if it was imported, or its calls were dropped.
    """
    whole = await read_whole(database, run_id)
    if whole.run.origin == "imported":
        raise NotRerunnable(f"Run {run_id} was imported: what decided for its agents is not here to be played again.")
    if whole.run.calls_dropped_at is not None:
        raise NotRerunnable(f"{whole.run.dropped} Without them it cannot be played again.")
    files: dict[str, tuple[str, dict[str, str]]] = {}
    missing = None
    for name, digest in whole.run.prompts.items():
        try:
            files[name] = await load_prompt_set(database, digest)
        except LookupError as error:
            missing = Difference(kind="not playable", text=f"The run cannot be played: {error.args[0]}.")
    replay = _Replay(whole)
    if missing is None:
        await asyncio.to_thread(lambda: asyncio.run(replay.play(files)))
    else:
        replay.found = missing
    versions = await asyncio.to_thread(_versions, whole, prompt_folders)
    return replay.report(versions)


class _Halt(Exception):
    """The rerun is over before the episode is."""


@dataclass
class _Replay:
    """One rerun: takes the events, answers the calls, and keeps the first difference it meets."""

    whole: WholeRun
    found: Difference | None = None
    same_events: int = 0
    asked: set[str] = field(default_factory=set)
    _steps: int = 0
    _waiting: CallKey | None = None
    _watch: "asyncio.Task[None] | None" = None
    _episode: "asyncio.Task[object] | None" = None

    @property
    def finished(self) -> bool:
        """Whether the record is a whole episode."""
        return self.whole.run.state == "finished"

    async def play(self, files: Mapping[str, tuple[str, dict[str, str]]]) -> None:
        """Play the episode from month 1, as far as the record goes or until something differs."""
        try:
            prompts = {name: PromptSet.from_files(*stored) for name, stored in files.items()}
            config = self.whole.run.episode
            minds, framework = build_minds(config, prompts, lambda name: _Checked(name, self))
        except (PromptError, NotPlayable, UnknownName, KeyError) as error:
            self.found = Difference(kind="not playable", text=f"The run cannot be played: {error}")
            return
        self._episode = asyncio.create_task(play(config, minds, framework, self.emit))
        try:
            await self._episode
        except* (_Halt, asyncio.CancelledError):
            pass
        except* Exception as group:
            if self.found is None:
                cause = _first(group)
                text = f"Playing it again failed after event {self.same_events}: {type(cause).__name__}: {cause}"
                self.found = Difference(kind="not playable", text=text, event=self.same_events)
        finally:
            if self._watch is not None:
                self._watch.cancel()
        if self.found is None:
            self._find_what_is_left()

    def emit(self, event: Event) -> None:
        """Compare the next event with the recorded one."""
        self._steps += 1
        number = self.same_events + 1
        recorded = self.whole.events[number - 1] if number <= len(self.whole.events) else None
        text = event_json(event)
        if text == recorded:
            self.same_events = number
            return
        if recorded is not None:
            fields = _fields(json.loads(recorded), json.loads(text))
            said = f"Event {number} {_place(event)} is not the recorded one: {_told(fields)}."
            self._differs("event", said, event=number, fields=fields, of=event)
        elif self.finished:
            self._differs(
                "extra event", f"The record ends before event {number} {_place(event)}.", event=number, of=event
            )
        raise _Halt

    async def missing(self, key: CallKey) -> None:
        """Deal with a call that is not recorded: in a finished run that is a difference.

        A run that was stopped lacks the calls it was waiting for; what does not depend on them still happens. So here
        they wait too, and if recorded events are left when nothing moves any more, the call is a difference.
        """
        if self.finished:
            self._missing_call(key)
            raise _Halt
        if self.same_events >= len(self.whole.events):
            raise _Halt
        if self._watch is None:
            self._waiting = key
            self._watch = asyncio.create_task(self._until_nothing_moves())
        await asyncio.Event().wait()

    def other_request(self, key: CallKey, model: str, messages: tuple[Message, ...], sampling: SamplingConfig) -> None:
        """Note that *key* is recorded for another request."""
        recorded = self.whole.call(str(key))
        fields = () if recorded is None else _request_fields(recorded, model, messages, sampling)
        told = "its hash differs" if not fields and self.whole.run.dropped else _told(fields)
        self._differs("request", f"The call {key} asks something else than recorded: {told}.", key, fields)

    def report(self, versions: tuple[str, ...]) -> RerunReport:
        """Return the result."""
        run = self.whole.run
        numbers = f"{_count(self.same_events, 'event')} and {_count(len(self.asked), 'call')}"
        if self.found is not None:
            text = self.found.text
        elif self.finished:
            text = f"Equal: {numbers}, byte for byte."
        else:
            text = f"Equal as far as the record goes: {numbers}, byte for byte. The run is {run.state}."
        return RerunReport(
            run=run.id,
            state=run.state,
            equal=self.found is None,
            text=text,
            events=self.same_events,
            calls=len(self.asked),
            recorded_events=len(self.whole.events),
            recorded_calls=len(self.whole.rows),
            difference=self.found,
            engine_recorded=run.engine_version,
            engine_now=ENGINE_VERSION,
            versions=versions,
            dropped=run.dropped,
        )

    async def _until_nothing_moves(self) -> None:
        still = 0
        while still < IDLE_STEPS:
            before = self._steps
            await asyncio.sleep(STEP_SECONDS)
            still = still + 1 if self._steps == before else 0
        if self._waiting is not None and self.same_events < len(self.whole.events):
            self._missing_call(self._waiting)
        if self._episode is not None:
            self._episode.cancel()

    def _find_what_is_left(self) -> None:
        """Look for what is recorded and did not happen this time."""
        number = self.same_events + 1
        if number <= len(self.whole.events):
            lost = json.loads(self.whole.events[number - 1])
            text = f"The rerun ends before the recorded event {number} (month {lost['month']}, {lost['kind']})."
            self.found = Difference(
                kind="missing event", text=text, event=number, event_kind=lost["kind"], month=lost["month"]
            )
        elif self.finished and len(self.asked) < len(self.whole.rows):
            key = next(key for key in self.whole.rows if key not in self.asked)
            self.found = Difference(kind="unused call", text=f"The recorded call {key} is never made now.", call=key)

    def _missing_call(self, key: CallKey) -> None:
        self._differs("missing call", f"The call {key} is not in the record.", key)

    def _differs(
        self,
        kind: Kind,
        text: str,
        key: CallKey | None = None,
        fields: tuple[FieldDifference, ...] = (),
        *,
        event: int | None = None,
        of: Event | None = None,
    ) -> None:
        if self.found is not None:
            return
        where = of or key
        self.found = Difference(
            kind=kind,
            text=text,
            event=event,
            event_kind=of.kind if of else None,
            month=where.month if where else None,
            agent=where.agent if where else None,
            call=str(key) if key else None,
            fields=fields,
        )


class _Checked:
    """A model that answers from the record alone, and tells the replay what is missing or other than recorded."""

    def __init__(self, name: str, replay: _Replay) -> None:
        self.name = name
        self._replay = replay
        minds = (agent.mind for agent in replay.whole.run.episode.agents)
        embeds = any(isinstance(mind, GenerativeMind) and mind.embedding == name for mind in minds)
        self._recorded = RecordedModel(
            _Unreachable(name, replay), _Answers(replay), PriceTag("", name), sampled=not embeds
        )

    async def complete(self, messages: tuple[Message, ...], sampling: SamplingConfig, key: CallKey) -> Completion:
        """Return the recorded completion."""
        try:
            return await self._recorded.complete(messages, sampling, key)
        except RecordMismatch:
            self._replay.other_request(key, self.name, messages, sampling)
            raise _Halt from None


class _Unreachable:
    """What is asked when a call is not recorded: nobody."""

    def __init__(self, name: str, replay: _Replay) -> None:
        self.name = name
        self._replay = replay

    async def complete(self, messages: tuple[Message, ...], sampling: SamplingConfig, key: CallKey) -> Completion:
        await self._replay.missing(key)
        raise _Halt


class _Answers:
    """The call log of a rerun: finds, and keeps nothing."""

    def __init__(self, replay: _Replay) -> None:
        self._replay = replay

    def find(self, key: CallKey) -> tuple[str, Completion] | None:
        found = self._replay.whole.answer(str(key))
        if found is not None:
            self._replay._steps += 1
            self._replay.asked.add(str(key))
        return found

    def record(self, call: RecordedCall) -> None:
        raise AssertionError("a rerun records nothing")


def _versions(whole: WholeRun, folders: Sequence[Path]) -> tuple[str, ...]:
    """Say which versions are not those the run was recorded with."""
    told = []
    if whole.run.engine_version != ENGINE_VERSION:
        told.append(f"It was recorded with engine {whole.run.engine_version}; this is engine {ENGINE_VERSION}.")
    for name, digest in whole.run.prompts.items() if folders else ():
        try:
            installed = content_hash(load_prompt_sets(folders, [name])[name])
        except PromptError:
            told.append(f"Its prompt set '{name}' is no longer installed; the check uses the stored one.")
            continue
        if installed != digest:
            told.append(
                f"Its prompt set '{name}' is version {digest[:12]}, installed is {installed[:12]}; "
                "the check uses the stored one."
            )
    return tuple(told)


def _fields(recorded: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[FieldDifference, ...]:
    names = [*recorded, *(name for name in now if name not in recorded)]
    return tuple(
        FieldDifference(name=name, recorded=one, now=other)
        for name in names
        if recorded.get(name) != now.get(name)
        for one, other in [_excerpts(_text(recorded.get(name)), _text(now.get(name)))]
    )


def _request_fields(
    recorded: RecordedCall, model: str, messages: tuple[Message, ...], sampling: SamplingConfig
) -> tuple[FieldDifference, ...]:
    def values(name: str, settings: SamplingConfig | None, sent: tuple[Message, ...]) -> dict[str, Any]:
        sampled = None if settings is None else settings.model_dump(mode="json")
        # Where the prompt was dropped there is nothing to set beside the one that would be sent now.
        texts = {f"message {number} ({m.role})": m.content for number, m in enumerate(sent, 1) if recorded.messages}
        return {"model": name, "sampling": sampled, **texts}

    return _fields(values(recorded.model, recorded.sampling, recorded.messages), values(model, sampling, messages))


def _excerpts(one: str, other: str) -> tuple[str, str]:
    """Return both texts, long ones from shortly before where they part."""
    if max(len(one), len(other)) <= EXCERPT:
        return one, other
    parts = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    start = max(0, parts - EXCERPT // 4)

    def cut(text: str) -> str:
        return ("…" if start else "") + text[start : start + EXCERPT] + ("…" if len(text) > start + EXCERPT else "")

    return cut(one), cut(other)


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _told(fields: Sequence[FieldDifference]) -> str:
    if not fields:
        return "how it is written differs"
    first = fields[0]
    more = f" (and {_count(len(fields) - 1, 'more field')})" if len(fields) > 1 else ""
    return f"{first.name} was {first.recorded!r} and is {first.now!r}{more}"


def _place(event: Event) -> str:
    return f"(month {event.month}, {event.kind}{f', {event.agent}' if event.agent else ''})"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
