"""A deposit bundle: everything that is known of some runs in one archive, for a repository of research data.

docs/export.md lists its files. It is an RO-Crate (https://www.researchobject.org/ro-crate/, version 1.1): the metadata
describe every file. Equal records give equal bytes: no file holds the time at which the bundle was made.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files as package_files
from typing import Any

from app.commons.frozen import canonical_json
from app.interop import bundle_tables
from app.interop.codebook import codebook_csv
from app.interop.export import MOMENT
from app.store.records import ExperimentRecord, RunRecord
from app.store.whole import WholeRun

FORMAT = "govsim-bundle/1"
OVER = frozenset({"finished", "cancelled", "failed", "interrupted"})
ABOUT = (
    "id", "experiment_id", "name", "origin", "state", "reason_kind", "reason", "seed", "minds", "models",
    "engine_version", "config_hash", "prompts", "view_only", "log_sha256", "notes",
)  # fmt: skip
UNLICENSED = "No licence is stated: ask the authors."


class BundleRefused(ValueError):
    """A bundle cannot be made of these runs; the message says why."""


@dataclass(frozen=True)
class BundleTerms:
    """What people say of a bundle: title, who made its data, and its licence (an SPDX name or an address)."""

    title: str | None = None
    authors: Sequence[str] = ()
    licence: str | None = None


@dataclass(frozen=True)
class Bundled:
    """What goes into a bundle: the runs whole, the prompt sets they are pinned to by hash, their experiments."""

    runs: Sequence[WholeRun]
    prompt_sets: Mapping[str, tuple[str, Mapping[str, str]]]
    experiments: Sequence[ExperimentRecord]
    plans: Mapping[str, str] = field(default_factory=dict)


def bundle_files(what: Bundled, terms: BundleTerms) -> dict[str, bytes]:
    """Return the files of a bundle by path, sorted.

    Raises:
        BundleRefused: if there is no run, one is not over, or a retention rule took its calls.
    """
    _check(what.runs)
    runs = sorted(what.runs, key=lambda whole: whole.run.id)
    made: dict[str, bytes] = {"make_tables.py": _script()}
    records = []
    for whole in runs:
        found = run_files(whole)
        made |= {f"runs/{whole.run.id}/{name}": content for name, content in found.items()}
        records.append(_parsed(found))
    for digest, (name, files) in sorted(what.prompt_sets.items()):
        made[f"prompts/{digest}.json"] = _json({"name": name, "files": dict(files)})
    for experiment in what.experiments:
        made[f"experiments/{experiment.id}.json"] = _json(
            {
                "id": experiment.id,
                "name": experiment.name,
                "runs": [w.run.id for w in runs if w.run.experiment_id == experiment.id],
            }
        )
        if experiment.definition is not None:
            made[f"experiments/{experiment.id}.toml"] = experiment.definition.encode()
    for experiment_id, plan in what.plans.items():
        made[f"experiments/{experiment_id}-plan.json"] = plan.encode()
    for name, text in bundle_tables.tables(records).items():
        made[f"tables/{name}.csv"] = text.encode("utf-8", "replace")
    made["tables/codebook.csv"] = codebook_csv().encode()
    made["bundle.json"] = _json({"format": FORMAT, "runs": [whole.run.id for whole in runs]})
    made["CITATION.cff"] = _citation(what, terms).encode()
    made["LICENSE.txt"] = f"{terms.licence or UNLICENSED}\n".encode()
    made["README.md"] = _readme(what, terms).encode()
    made["ro-crate-metadata.json"] = _crate(made, what, terms)
    made["SHA256SUMS"] = checksums(made).encode()
    return dict(sorted(made.items()))


def run_files(whole: WholeRun) -> dict[str, bytes]:
    """Return the record of a run as files: its configuration and events byte for byte as they are stored."""
    about = {name: getattr(whole.run, name) for name in ABOUT}
    return {
        "config.json": _text(whole.run.config),
        "run.json": _json(about),
        "events.jsonl": _text("".join(f"{text}\n" for text in whole.events)),
        "calls.jsonl": _text("".join(f"{_line(call.model_dump(mode='json'))}\n" for call in whole.calls())),
    }


def checksums(files: Mapping[str, bytes]) -> str:
    """Return SHA256SUMS for *files*, as `sha256sum -c` reads it."""
    return "".join(f"{hashlib.sha256(content).hexdigest()}  {path}\n" for path, content in sorted(files.items()))


def zipped(files: Mapping[str, bytes]) -> bytes:
    """Return *files* as an archive that holds no clock time."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            entry = zipfile.ZipInfo(path, MOMENT)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return out.getvalue()


def _check(runs: Sequence[WholeRun]) -> None:
    if not runs:
        raise BundleRefused("There are no runs to put into a bundle.")
    for whole in runs:
        if whole.run.state not in OVER:
            raise BundleRefused(f"Run {whole.run.id} is {whole.run.state}: a bundle holds runs that are over.")
        if whole.run.dropped:
            raise BundleRefused(f"Run {whole.run.id} is not whole. {whole.run.dropped}")


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
    return text if text.isascii() or _is_text(text) else json.dumps(value, sort_keys=True, separators=(",", ":"))


def _is_text(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _json(value: Any) -> bytes:
    return (
        json.dumps(value, ensure_ascii=not _is_text(canonical_json(value)), indent=1, sort_keys=True) + "\n"
    ).encode()


def title_of(what: Bundled, terms: BundleTerms) -> str:
    """Return the bundle's title, as given or from what it holds."""
    if terms.title:
        return terms.title
    if len(what.experiments) == 1:
        return f"GovSim episodes: {what.experiments[0].name}"
    count = len(what.runs)
    return f"GovSim episodes: {count} run{'' if count == 1 else 's'}"


def last_day(runs: Sequence[RunRecord]) -> str:
    """Return the day on which the last of *runs* ended (UTC): the day the data were complete."""
    return max((run.ended_at or run.created_at).date() for run in runs).isoformat()


def _citation(what: Bundled, terms: BundleTerms) -> str:
    day = last_day([whole.run for whole in what.runs])
    authors = [f"  - name: {json.dumps(name, ensure_ascii=False)}" for name in terms.authors or ("Unnamed authors",)]
    lines = [
        "cff-version: 1.2.0",
        'message: "If you use these data, please cite them."',
        "type: dataset",
        f"title: {json.dumps(title_of(what, terms), ensure_ascii=False)}",
        "authors:",
        *authors,
        f"date-released: {day}",
    ]
    if terms.licence and not terms.licence.startswith("http"):
        lines.append(f"license: {json.dumps(terms.licence)}")
    elif terms.licence:
        lines.append(f"license-url: {json.dumps(terms.licence)}")
    return "\n".join(lines) + "\n"


def _readme(what: Bundled, terms: BundleTerms) -> str:
    native = [whole.run.id for whole in what.runs if whole.run.origin == "native"]
    check = f"govsim rerun {native[0]} --check" if native else "(imported runs cannot be played again)"
    return f"""# {title_of(what, terms)}

{len(what.runs)} recorded episodes of GovSim, a simulation of agents that share a resource (Piatti et al. 2024).

| path | what it is |
|---|---|
| `runs/ID/config.json` | the configuration, byte for byte as it was hashed and played |
| `runs/ID/run.json` | how the run is called, how it ended, engine version, prompt sets by hash |
| `runs/ID/events.jsonl` | what happened, an event a line |
| `runs/ID/calls.jsonl` | requests to models and their answers, a call a line |
| `prompts/HASH.json` | the prompt templates that the runs were pinned to |
| `experiments/` | which runs were launched together, by which definition, and the plan where one was frozen |
| `tables/*.csv`, `tables/codebook.csv` | the same as tables, and what each column means |
| `make_tables.py` | makes the tables anew: `python make_tables.py` (Python 3.9 or later, nothing else) |
| `SHA256SUMS` | checksums: `sha256sum -c SHA256SUMS` |
| `CITATION.cff`, `LICENSE.txt` | how to cite, and under what licence |
| `ro-crate-metadata.json` | this list for machines (RO-Crate 1.1) |

Licence: {terms.licence or UNLICENSED}

With GovSim Observatory, `govsim import FILE.zip` brings the runs into another instance and `{check}` plays
a run again from its record and compares it byte for byte.
"""


KINDS = {".json": "application/json", ".jsonl": "application/jsonl", ".csv": "text/csv", ".md": "text/markdown"}
KINDS |= {".py": "text/x-python", ".txt": "text/plain", ".cff": "application/yaml"}


def _crate(made: Mapping[str, bytes], what: Bundled, terms: BundleTerms) -> bytes:
    day = last_day([whole.run for whole in what.runs])
    people = [{"@id": f"#author-{n}", "@type": "Person", "name": name} for n, name in enumerate(terms.authors, 1)]
    parts = [*sorted(made), "SHA256SUMS"]
    files = [
        {
            "@id": path,
            "@type": "File",
            "name": path,
            "encodingFormat": KINDS.get("." + path.rsplit(".", 1)[-1], "text/plain"),
            **({"contentSize": str(len(made[path]))} if path in made else {}),
        }
        for path in parts
    ]
    root: dict[str, Any] = {
        "@id": "./",
        "@type": "Dataset",
        "name": title_of(what, terms),
        "description": f"{len(what.runs)} recorded GovSim episodes: configurations, prompts, events, calls and tables.",
        "datePublished": day,
        "license": {"@id": terms.licence} if (terms.licence or "").startswith("http") else terms.licence or UNLICENSED,
        "hasPart": [{"@id": path} for path in parts],
    }
    if people:
        root["author"] = [{"@id": person["@id"]} for person in people]
    about = {
        "@id": "ro-crate-metadata.json",
        "@type": "CreativeWork",
        "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
        "about": {"@id": "./"},
    }
    graph = [about, root, *people, *files]
    return _json({"@context": "https://w3id.org/ro/crate/1.1/context", "@graph": graph})
