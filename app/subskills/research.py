"""Result files of the research code's subskill tests (GovSim and Re-GovSim): read, scored anew, and imported.

One JSON file holds one test. Files of one folder with the same model, scenario and seed are one run. They are another
test set than ours, with other words and cases, and are labelled so; nothing ever pools the two.
"""

import hashlib
import json
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isclose
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy.exc import IntegrityError

from app.models.base import CallKey, Completion, Message, RecordedCall, Segment
from app.store.connect import Database
from app.store.runs import now
from app.store.subskills import NewSubskillRun, SubskillCase, imported_subskills, store_subskill_runs
from app.subskills.cases import passing_answers
from app.subskills.prompts import prompt_hash, set_id
from app.subskills.statistics import normal_interval

MAX_FILE_BYTES = 32 * 1024 * 1024
MAX_FILES = 50_000
AGENTS = 5
# The source does not say its test set's version apart from the code's; every one is a set of its own.
TEST_SET = "research"
SCENARIOS: Mapping[str, str] = MappingProxyType({"fishing": "fishery", "sheep": "pasture", "pollution": "pollution"})

_PAIR = re.compile(
    r"\A\s*<div><strong>USER</strong>: (?P<prompt>.*?)</div>"
    r"(?:\s*<div><strong>ASSISTANT</strong>: (?P<completion>.*)</div>)?\s*\Z",
    re.DOTALL,
)
_KINDS: tuple[tuple[str, Literal["next_stock", "limit", "limit_same", "choice"]], ...] = (
    ("consequence", "next_stock"),
    ("shrinking_limit_assumption", "limit_same"),
    ("shrinking_limit", "limit"),
    ("catch_fish", "choice"),
    ("consume_grass", "choice"),
)
_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "next_stock": "next month's stock",
        "limit": "sustainable limit",
        "limit_same": "sustainable limit, all take the same",
        "choice": "sustainable choice",
    }
)


class UnreadableResults(Exception):
    """A file is no result of the research code's tests; the message is one sentence that names it and says why."""


class _Args(BaseModel):
    model_config = ConfigDict(extra="ignore")

    persona: str = Field(max_length=40)
    num_tonnes_lake: int = Field(ge=0, le=100_000)
    num_tonnes_fisher: int | None = Field(default=None, ge=0, le=100_000)


class _Instance(BaseModel):
    model_config = ConfigDict(extra="ignore")

    args: _Args
    answer: int | None = Field(ge=-(2**53), le=2**53)
    passed: bool
    error: str = "OK"
    html_prompt: str


class _Llm(BaseModel):
    model_config = ConfigDict(extra="ignore")

    path: str = Field(min_length=1, max_length=200)


class _Config(BaseModel):
    model_config = ConfigDict(extra="ignore")

    code_version: str = Field(default="unknown", max_length=20)
    group_name: str = Field(max_length=300)
    llm: _Llm
    seed: int = Field(ge=0, le=2**53)


class _Results(BaseModel):
    model_config = ConfigDict(extra="ignore")

    name: str = Field(pattern=r"^[a-z0-9_]+$", max_length=80)
    instances: list[_Instance] = Field(min_length=1, max_length=10_000)
    score_mean: float
    config: _Config


@dataclass(frozen=True)
class ResearchTest:
    """One file: where it lies, whose result it is, its cases with the calls behind them, and its own share passed."""

    path: Path
    name: str
    model: str
    scenario: str
    seed: int
    code_version: str
    sha256: str
    cases: tuple[SubskillCase, ...]
    calls: tuple[tuple[SubskillCase, RecordedCall], ...]
    recorded_share: float

    @property
    def passed(self) -> int:
        """How many cases pass by the rules."""
        return sum(bool(case.passed) for case in self.cases)

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval as such files hold it: normal approximation, cut to 0..1."""
        return normal_interval(self.passed, len(self.cases))


@dataclass(frozen=True)
class SubskillImport:
    """What became of one run of result files; `run_id` is None where it failed, `reason` says why it is not new."""

    name: str
    kind: Literal["imported", "skipped", "failed"]
    run_id: str | None = None
    reason: str | None = None


def label_of(test: str) -> str:
    """Return what a test of the research code is called here."""
    kind = _kind(test)
    if kind is None:
        return test
    words = [_NAMES[kind]]
    if "universalization" in test:
        words.append("with universalization")
    words.append("in role" if "_sim_" in test else "bare game")
    return f"{', '.join(words)} (research)".capitalize()


def find_results(paths: Iterable[Path]) -> list[Path]:
    """Return the JSON files under *paths*: files themselves, or folders at any depth.

    Raises:
        UnreadableResults: if a path does not exist, or there is no JSON file.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_file():
            found[path.resolve()] = None
        elif path.is_dir():
            for folder, folders, files in os.walk(path.resolve()):
                folders[:] = sorted(name for name in folders if not name.startswith("."))
                found |= {Path(folder) / name: None for name in sorted(files) if name.endswith(".json")}
                if len(found) > MAX_FILES:
                    raise UnreadableResults(f"{path} holds more than {MAX_FILES} files: name a folder below it.")
        else:
            raise UnreadableResults(f"There is nothing at {path}.")
    if not found:
        raise UnreadableResults("There is no JSON file: name result files, or a folder with them.")
    return list(found)


def read_results(path: Path) -> ResearchTest:
    """Read one file and score it by the rules.

    Raises:
        UnreadableResults: if it is no such file, or what it calls passed does not follow from its answers.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
        if len(data) > MAX_FILE_BYTES:
            raise UnreadableResults(f"{path.name} is larger than {MAX_FILE_BYTES // 1024**2} MiB.")
        results = _Results.model_validate(json.loads(data.decode("utf-8-sig")))
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UnreadableResults(
            f"{path.name} is no result of a subskill test: '{place}' {first['msg'].lower()}."
        ) from None
    except (ValueError, RecursionError):
        raise UnreadableResults(f"{path.name} is not valid JSON.") from None
    except OSError as error:
        raise UnreadableResults(f"{path.name} cannot be read: {error.strerror or error}.") from None
    kind = _kind(results.name)
    where = results.config.group_name.rpartition("_")[2]
    if kind is None or where not in SCENARIOS:
        what = f"an unknown test '{results.name}'" if kind is None else f"an unknown scenario '{where[:40]}'"
        raise UnreadableResults(f"{path.name} holds {what}.")
    pairs = [_case(path, results, number, kind) for number in range(1, len(results.instances) + 1)]
    share = sum(bool(case.passed) for case, _ in pairs) / len(pairs)
    if not isclose(share, results.score_mean, abs_tol=1e-6):
        raise UnreadableResults(f"{path.name} says that {results.score_mean:g} passed; its cases say {share:g}.")
    return ResearchTest(
        path=path,
        name=results.name,
        model=_clean(results.config.llm.path),
        scenario=SCENARIOS[where],
        seed=results.config.seed,
        code_version=_clean(results.config.code_version),
        sha256=hashlib.sha256(data).hexdigest(),
        cases=tuple(case for case, _ in pairs),
        calls=tuple(pairs),
        recorded_share=results.score_mean,
    )


async def import_results(database: Database, paths: Iterable[Path]) -> list[SubskillImport]:
    """Import the result files under *paths*, files of one run together, and say what became of each run.

    Raises:
        UnreadableResults: if there is nothing to import at all.
    """
    outcomes: list[SubskillImport] = []
    runs: dict[tuple[object, ...], dict[str, ResearchTest]] = defaultdict(dict)
    for path in find_results(paths):
        try:
            test = read_results(path)
        except UnreadableResults as error:
            outcomes.append(SubskillImport(path.name, "failed", reason=str(error)))
            continue
        runs[path.parent, test.model, test.scenario, test.seed, test.code_version].setdefault(test.name, test)
    for tests in runs.values():
        outcomes.append(await _import(database, [tests[name] for name in sorted(tests)]))
    return outcomes


async def _import(database: Database, tests: list[ResearchTest]) -> SubskillImport:
    first = tests[0]
    name = f"{first.model}, {first.scenario}, {len(tests)} test{'s' * (len(tests) != 1)}"
    digest = hashlib.sha256("".join(sorted(test.sha256 for test in tests)).encode()).hexdigest()
    known = await imported_subskills(database, digest)
    if known is None:
        try:
            [run_id] = await store_subskill_runs(database, [_new(tests, digest)])
            return SubskillImport(name, "imported", run_id)
        except IntegrityError:
            # Somebody else imported the same files in the meantime.
            known = await imported_subskills(database, digest)
            if known is None:
                raise
    return SubskillImport(name, "skipped", known, f"{name}: already imported as {known}.")


def _new(tests: list[ResearchTest], digest: str) -> NewSubskillRun:
    first = tests[0]
    cases = [case for test in tests for case in test.cases]
    version = f"{TEST_SET}-{first.code_version}"
    notes = ["Imported from result files of the research code: other words and other cases than ours."]
    notes.append("Its answers are as that code read them: 0 also stands for an answer that it could not read.")
    if first.scenario == "pollution" and any("consequence" in test.name for test in tests):
        notes.append("Its consequence test asks how polluted the river will be and scores the unpolluted share.")
    missing = sum(call.completion is None for test in tests for _, call in test.calls)
    if missing:
        notes.append(f"The completion of {missing} case{'s' * (missing != 1)} is missing.")
    values = {
        "origin": "imported",
        "state": "finished",
        "ended_at": now(),
        "test_set": version,
        "set_id": set_id(version, first.scenario, cases),
        "model": first.model,
        "scenario": first.scenario,
        "seed": first.seed,
        "cases": max(len(test.cases) for test in tests),
        "tests": [test.name for test in tests],
        "done": len(cases),
        "passed": sum(bool(case.passed) for case in cases),
        "unreadable": sum(case.unreadable for case in cases),
        "calls": len(cases),
        "unpriced_calls": len(cases),
        "source": str(first.path.parent),
        "content_sha256": digest,
        "notes": notes,
    }
    return NewSubskillRun(values=values, cases=cases, calls=[pair for test in tests for pair in test.calls])


def _kind(test: str) -> Literal["next_stock", "limit", "limit_same", "choice"] | None:
    return next((kind for part, kind in _KINDS if part in test), None)


def _case(
    path: Path, results: _Results, number: int, kind: Literal["next_stock", "limit", "limit_same", "choice"]
) -> tuple[SubskillCase, RecordedCall]:
    instance = results.instances[number - 1]
    args = instance.args
    prompt, completion = _exchange(instance.html_prompt)
    try:
        low, high = passing_answers(kind, args.num_tonnes_lake, args.num_tonnes_fisher, AGENTS)
    except ValueError:
        raise UnreadableResults(f"{path.name}: instance {number} has no 'num_tonnes_fisher'.") from None
    passed = instance.answer is not None and low <= instance.answer <= high
    if passed != instance.passed:
        raise UnreadableResults(
            f"{path.name}: instance {number} answers {instance.answer} at stock {args.num_tonnes_lake} and is called "
            f"{'passed' if instance.passed else 'not passed'}, which does not follow from the rules."
        )
    messages = (Message(role="user", segments=(Segment(kind="task", text=prompt),)),)
    case = SubskillCase(
        test=results.name,
        number=number,
        agent=_clean(args.persona),
        stock=args.num_tonnes_lake,
        amount=args.num_tonnes_fisher,
        low=low,
        high=high,
        prompt_hash=prompt_hash(messages),
        attempts=1,
        answer=instance.answer,
        passed=passed,
    )
    call = RecordedCall(
        key=CallKey(month=1, phase="subskills", agent=case.agent, purpose=case.test, item=str(number)),
        model=_clean(results.config.llm.path),
        request_hash=case.prompt_hash,
        messages=messages,
        sampling=None,
        completion=None if completion is None else Completion(text=completion),
    )
    return case, call


def _exchange(html: str) -> tuple[str, str | None]:
    """Return prompt and completion; a completion holds whatever it holds, unescaped marks of the format included."""
    found = _PAIR.match(html)
    if found is None:
        return _clean(html), None
    completion = found["completion"]
    return _clean(found["prompt"]), None if completion is None else _clean(completion)


def _clean(text: str) -> str:
    """Return *text* without NUL characters and lone surrogates, which no database keeps: each becomes U+FFFD."""
    return text.replace("\0", "�").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
