"""Reads a deposit bundle from somewhere else: bounded, checked against its checksums, and believed in nothing.

Metrics and counts are computed anew from the events and calls; hashes of configurations, prompt sets and requests must
be those of what is there.
"""

import hashlib
import json
import re
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.commons.config import EpisodeConfig
from app.commons.events import event_json, parse_event
from app.commons.frozen import content_hash
from app.interop.bundle import FORMAT
from app.models.base import RecordedCall
from app.store.restored import Restored, RestoredExperiment, RestoredRun

MAX_FILES = 20_000
MOST_DEFINITION = 200_000
MAX_FILE_BYTES = 256 * 1024 * 1024
MAX_BYTES = 1024 * 1024 * 1024
PATH = re.compile(r"^(?:[A-Za-z0-9._-]{1,100}/){0,3}[A-Za-z0-9._-]{1,100}$")
SUM = re.compile(r"^([0-9a-f]{64})  (\S{1,400})$")
READ = ("bundle.json", "runs/", "prompts/", "experiments/")


class UnreadableBundle(ValueError):
    """An archive is no bundle, or a damaged or forged one; the message says where."""


class _About(BaseModel):
    """run.json."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: Annotated[str, Field(pattern=r"^r[a-z0-9]{1,15}$")]
    name: Annotated[str, Field(max_length=200)] | None = None
    origin: Literal["native", "imported"]
    state: Literal["finished", "cancelled", "failed", "interrupted"]
    reason_kind: Annotated[str, Field(max_length=20)] | None = None
    reason: Annotated[str, Field(max_length=2000)] | None = None
    seed: int | None = Field(default=None, ge=-(2**63), lt=2**63)
    models: Annotated[str, Field(max_length=400)]
    engine_version: Annotated[str, Field(max_length=40)] | None = None
    config_hash: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    prompts: dict[Annotated[str, Field(max_length=100)], Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]]
    view_only: Annotated[str, Field(max_length=400)] | None = None
    log_sha256: Annotated[str, Field(max_length=64)] | None = None
    notes: list[Annotated[str, Field(max_length=2000)]] = []


class _PromptSet(BaseModel):
    """prompts/HASH.json."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(max_length=100)]
    files: dict[Annotated[str, Field(max_length=200)], str]


class _Experiment(BaseModel):
    """experiments/ID.json."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: Annotated[str, Field(pattern=r"^x[a-z0-9]{1,15}$")]
    name: Annotated[str, Field(min_length=1, max_length=200)]
    runs: Annotated[list[Annotated[str, Field(max_length=16)]], Field(max_length=500)]


def is_bundle(path: Path | IO[bytes]) -> bool:
    """Tell whether *path* is an archive that says it is a bundle; an open file is left at its beginning."""
    try:
        with zipfile.ZipFile(path) as archive:
            return "bundle.json" in archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return False
    finally:
        if not isinstance(path, Path):
            path.seek(0)


def read_bundle(file: Path | IO[bytes]) -> Restored:
    """Return the runs and experiments of a bundle.

    Raises:
        UnreadableBundle: if it is none, is too large, or does not hold what it says.
    """
    files = _unpacked(file)
    listed = _json(files, "bundle.json")
    if not isinstance(listed, dict) or listed.get("format") != FORMAT or not isinstance(listed.get("runs"), list):
        raise UnreadableBundle(f"bundle.json does not say that this is a {FORMAT}.")
    there = sorted({path.split("/")[1] for path in files if path.startswith("runs/")})
    if sorted(map(str, listed["runs"])) != there:
        raise UnreadableBundle("bundle.json does not list the runs that are there.")
    paths = sorted(path for path in files if path.startswith("experiments/") and re.fullmatch(r"[^-]*\.json", path))
    experiments = tuple(_experiment(files, path, there) for path in paths)
    return Restored(runs=tuple(_run(files, name) for name in there), experiments=experiments)


def _experiment(files: Mapping[str, bytes], path: str, runs: Sequence[str]) -> RestoredExperiment:
    try:
        found = _Experiment.model_validate(_json(files, path))
    except ValidationError as error:
        raise UnreadableBundle(f"{path} is not valid ({error.errors(include_input=False)[0]['msg']}).") from None
    if path != f"experiments/{found.id}.json" or not set(found.runs) <= set(runs):
        raise UnreadableBundle(f"{path} names another experiment, or runs that the bundle does not hold.")
    definition = path.replace(".json", ".toml")
    text = _text(files, definition) if definition in files else None
    if text is not None and len(text) > MOST_DEFINITION:
        raise UnreadableBundle(f"{definition} is longer than {MOST_DEFINITION:,} characters.")
    return RestoredExperiment(**found.model_dump(), definition=text)


def _unpacked(file: Path | IO[bytes]) -> dict[str, bytes]:
    """Return the files that are read, all of them checked against SHA256SUMS, none of them written anywhere."""
    found: dict[str, bytes] = {}
    sums: dict[str, str] = {}
    total = 0
    try:
        with zipfile.ZipFile(file) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            if len(entries) > MAX_FILES:
                raise UnreadableBundle(f"The bundle has more than {MAX_FILES:,} files.")
            for entry in entries:
                name = entry.filename
                if not PATH.match(name) or ".." in name.split("/") or name in sums or entry.flag_bits & 0x1:
                    raise UnreadableBundle(f"The bundle holds a file that cannot be read: {name[:100]!r}.")
                # What an archive says of sizes is not believed: one byte more than allowed is never unpacked.
                with archive.open(entry) as content:
                    data = content.read(min(MAX_FILE_BYTES, MAX_BYTES - total) + 1)
                total += len(data)
                if len(data) > MAX_FILE_BYTES or total > MAX_BYTES:
                    raise UnreadableBundle(
                        "The bundle unpacks to more than 1 GiB, or a file of it to more than 256 MiB."
                    )
                sums[name] = hashlib.sha256(data).hexdigest()
                if name == "SHA256SUMS" or name.startswith(READ):
                    found[name] = data
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError) as error:
        raise UnreadableBundle(f"The archive is damaged or of an unknown kind: {error}.") from None
    _check_sums(found, sums)
    return found


def _check_sums(found: Mapping[str, bytes], sums: dict[str, str]) -> None:
    lines = _text(found, "SHA256SUMS").splitlines()
    said: dict[str, str] = {}
    for line in lines:
        match = SUM.match(line)
        if match is None:
            raise UnreadableBundle("SHA256SUMS holds a line that is none.")
        said[match[2]] = match[1]
    del sums["SHA256SUMS"]
    for name in sorted(said.keys() | sums.keys()):
        if said.get(name) != sums.get(name):
            raise UnreadableBundle(
                f"{name} is not the file that SHA256SUMS lists: the bundle was changed or is damaged."
            )


def _run(files: Mapping[str, bytes], name: str) -> RestoredRun:
    place = f"runs/{name}"
    try:
        about = _About.model_validate(_json(files, f"{place}/run.json"))
        text = _text(files, f"{place}/config.json")
        config = EpisodeConfig.model_validate_json(text)
        events = tuple(parse_event(line) for line in _lines(files, f"{place}/events.jsonl"))
        calls = tuple(RecordedCall.model_validate_json(line) for line in _lines(files, f"{place}/calls.jsonl"))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UnreadableBundle(f"{place} is not valid ({error.title} {where}: {first['msg']}).") from None
    if about.id != name or about.config_hash != config.hash:
        raise UnreadableBundle(f"{place}/run.json is not of this run: its id or its configuration hash is another.")
    if [event_json(event) for event in events] != _lines(files, f"{place}/events.jsonl"):
        raise UnreadableBundle(f"{place}/events.jsonl is not written as events are.")
    if len({str(call.key) for call in calls}) != len(calls):
        raise UnreadableBundle(f"{place}/calls.jsonl has a call twice.")
    prompts = {label: _prompt_set(files, digest) for label, digest in about.prompts.items()}
    return RestoredRun(
        config_text=text,
        config=config,
        events=events,
        calls=calls,
        prompt_sets=prompts,
        **about.model_dump(exclude={"config_hash", "prompts"}),
    )


def _prompt_set(files: Mapping[str, bytes], digest: str) -> dict[str, str]:
    found = _PromptSet.model_validate(_json(files, f"prompts/{digest}.json"))
    if content_hash(found.files) != digest:
        raise UnreadableBundle(f"prompts/{digest}.json is not the prompt set of this hash.")
    return found.files


def _lines(files: Mapping[str, bytes], path: str) -> list[str]:
    return [line for line in _text(files, path).split("\n") if line]


def _text(files: Mapping[str, bytes], path: str) -> str:
    if path not in files:
        raise UnreadableBundle(f"The bundle has no {path}.")
    try:
        return files[path].decode("utf-8")
    except UnicodeDecodeError:
        raise UnreadableBundle(f"{path} is not UTF-8 text.") from None


def _json(files: Mapping[str, bytes], path: str) -> Any:
    try:
        return json.loads(_text(files, path))
    except (ValueError, RecursionError) as error:
        if isinstance(error, UnreadableBundle):
            raise
        raise UnreadableBundle(f"{path} is not JSON.") from None
