"""A deposit bundle: everything that is known of some runs in one archive, for a repository of research data.

docs/export.md lists its files. It is an RO-Crate (https://www.researchobject.org/ro-crate/, version 1.1): the metadata
describe every file. Equal records give equal bytes: no file holds the time at which the bundle was made.
"""

import hashlib
import io
import json
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files as package_files
from typing import IO, Any, Self, TextIO

from app.commons.frozen import canonical_json
from app.interop import bundle_tables
from app.interop.bundle_about import UNLICENSED, BundleTerms, Contents, citation, crate, is_text, json_bytes, readme
from app.interop.codebook import codebook_csv
from app.interop.export import MOMENT
from app.models.base import RecordedCall
from app.store.records import ExperimentRecord, RunRecord
from app.store.whole import WholeRun

FORMAT = "govsim-bundle/1"
OVER = frozenset({"finished", "cancelled", "failed", "interrupted"})
ABOUT = (
    "id", "experiment_id", "name", "origin", "state", "reason_kind", "reason", "seed", "minds", "models",
    "engine_version", "config_hash", "prompts", "view_only", "log_sha256", "notes",
)  # fmt: skip


PromptSets = Mapping[str, tuple[str, Mapping[str, str]]]
"""Prompt sets by hash: name and files."""


class BundleRefused(ValueError):
    """A bundle cannot be made of these runs; the message says why."""


@dataclass(frozen=True)
class Bundled:
    """What goes into a bundle: the runs whole, the prompt sets they are pinned to by hash, their experiments."""

    runs: Sequence[WholeRun]
    prompt_sets: PromptSets
    experiments: Sequence[ExperimentRecord]
    plans: Mapping[str, str] = field(default_factory=dict)


def bundle_files(what: Bundled, terms: BundleTerms) -> dict[str, bytes]:
    """Return the files of a bundle by path, sorted; for few runs: all of it is in memory.

    Raises:
        BundleRefused: if there is no run, one is not over, or a retention rule took its calls.
    """
    check_runs([whole.run for whole in what.runs])
    out = io.BytesIO()
    with BundleWriter(out, terms) as writer:
        for whole in sorted(what.runs, key=lambda whole: whole.run.id):
            writer.add(whole)
        writer.finish(what.prompt_sets, what.experiments, what.plans)
    with zipfile.ZipFile(out) as archive:
        return {name: archive.read(name) for name in sorted(archive.namelist())}


class BundleWriter:
    """Writes a bundle run by run: no more than one run is in memory, whatever the bundle holds."""

    def __init__(self, out: IO[bytes], terms: BundleTerms) -> None:
        self._terms = terms
        self._archive = zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED)
        self._runs: list[RunRecord] = []
        self._sums: dict[str, str] = {}
        self._sizes: dict[str, int] = {}
        # Half characters are no UTF-8: a table shows a question mark, the record keeps them.
        self._tables: dict[str, TextIO] = {
            name: tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace", newline="")  # noqa: SIM115
            for name in bundle_tables.COLUMNS
        }
        self._writers = bundle_tables.begin(self._tables)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._archive.close()
        for table in self._tables.values():
            table.close()

    def add(self, whole: WholeRun) -> None:
        """Write a run; equal records give equal bundles where runs come in the order of their ids."""
        found = run_files(whole, costs=self._terms.costs)
        for name, content in sorted(found.items()):
            self._put(f"runs/{whole.run.id}/{name}", content)
        bundle_tables.add(self._writers, *_parsed(found))
        self._runs.append(whole.run)

    def finish(
        self, prompt_sets: PromptSets, experiments: Sequence[ExperimentRecord], plans: Mapping[str, str]
    ) -> None:
        """Write everything else."""
        made: dict[str, bytes] = {"make_tables.py": _script()}
        for digest, (name, files) in prompt_sets.items():
            made[f"prompts/{digest}.json"] = json_bytes({"name": name, "files": dict(files)})
        for experiment in experiments:
            about: dict[str, Any] = {"id": experiment.id, "name": experiment.name}
            about["runs"] = [run.id for run in self._runs if run.experiment_id == experiment.id]
            made[f"experiments/{experiment.id}.json"] = json_bytes(about)
            if experiment.definition is not None:
                made[f"experiments/{experiment.id}.toml"] = experiment.definition.encode()
        for experiment_id, plan in plans.items():
            made[f"experiments/{experiment_id}-plan.json"] = plan.encode()
        made["tables/codebook.csv"] = codebook_csv().encode()
        made["bundle.json"] = json_bytes({"format": FORMAT, "runs": [run.id for run in self._runs]})
        contents = Contents(self._runs, experiments)
        made["CITATION.cff"] = citation(contents, self._terms).encode()
        made["LICENSE.txt"] = f"{self._terms.licence or UNLICENSED}\n".encode()
        made["README.md"] = readme(contents, self._terms).encode()
        for name, table in self._tables.items():
            self._put_table(f"tables/{name}.csv", table)
        for path, content in sorted(made.items()):
            self._put(path, content)
        self._put("ro-crate-metadata.json", crate(self._sizes, contents, self._terms))
        lines = "".join(f"{digest}  {path}\n" for path, digest in sorted(self._sums.items()))
        self._put("SHA256SUMS", lines.encode())

    def _put(self, path: str, content: bytes) -> None:
        self._archive.writestr(_entry(path), content)
        self._sums[path] = hashlib.sha256(content).hexdigest()
        self._sizes[path] = len(content)

    def _put_table(self, path: str, table: TextIO) -> None:
        table.seek(0)
        digest, size = hashlib.sha256(), 0
        with self._archive.open(_entry(path), "w") as out:
            while piece := table.read(1 << 16).encode("utf-8", "replace"):
                out.write(piece)
                digest.update(piece)
                size += len(piece)
        self._sums[path], self._sizes[path] = digest.hexdigest(), size


def _entry(path: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(path, MOMENT)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    return entry


def run_files(whole: WholeRun, *, costs: bool = True) -> dict[str, bytes]:
    """Return the record of a run as files: its configuration and events byte for byte as they are stored."""
    about = {name: getattr(whole.run, name) for name in ABOUT}
    return {
        "config.json": _text(whole.run.config),
        "run.json": json_bytes(about),
        "events.jsonl": _text("".join(f"{text}\n" for text in whole.events)),
        "calls.jsonl": _text("".join(f"{_line(_call(call, costs=costs))}\n" for call in whole.calls())),
    }


def _call(call: RecordedCall, *, costs: bool) -> dict[str, Any]:
    told = call.model_dump(mode="json")
    return told if costs else told | {"cost": None}


def checksums(files: Mapping[str, bytes]) -> str:
    """Return SHA256SUMS for *files*, as `sha256sum -c` reads it."""
    return "".join(f"{hashlib.sha256(content).hexdigest()}  {path}\n" for path, content in sorted(files.items()))


def zipped(files: Mapping[str, bytes]) -> bytes:
    """Return *files* as an archive that holds no clock time."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            archive.writestr(_entry(path), content)
    return out.getvalue()


def check_runs(runs: Sequence[RunRecord]) -> None:
    """Do nothing if these runs can be bundled.

    Raises:
        BundleRefused: if there is none, one is not over, or a retention rule took its calls.
    """
    if not runs:
        raise BundleRefused("There are no runs to put into a bundle.")
    for run in runs:
        if run.state not in OVER:
            raise BundleRefused(f"Run {run.id} is {run.state}: a bundle holds runs that are over.")
        if run.dropped:
            raise BundleRefused(f"Run {run.id} is not whole. {run.dropped}")


def _parsed(found: Mapping[str, bytes]) -> tuple[Any, Any, list[Any], list[Any]]:
    lines = [
        [json.loads(line) for line in found[name].decode("utf-8").split("\n") if line]
        for name in ("events.jsonl", "calls.jsonl")
    ]
    return json.loads(found["config.json"]), json.loads(found["run.json"]), lines[0], lines[1]


def _script() -> bytes:
    return package_files("app.interop").joinpath("bundle_tables.py").read_bytes()


def _text(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        raise BundleRefused("A text of the record holds half a character, which no file can keep exactly.") from None


def _line(value: Any) -> str:
    text = canonical_json(value)
    # Half characters, which a model's JSON can hold, are no UTF-8: escaped they stay what they are.
    return text if text.isascii() or is_text(text) else json.dumps(value, sort_keys=True, separators=(",", ":"))
