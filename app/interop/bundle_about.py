"""What a bundle says of itself: README, CITATION.cff and RO-Crate metadata (version 1.1)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.commons.frozen import canonical_json
from app.store.records import ExperimentRecord, RunRecord

UNLICENSED = "No licence is stated: ask the authors."


@dataclass(frozen=True)
class BundleTerms:
    """What people say of a bundle: title, who made its data, and its licence (an SPDX name or an address).

    `costs` is whether it is told what the calls cost.
    """

    title: str | None = None
    authors: Sequence[str] = ()
    licence: str | None = None
    costs: bool = True


@dataclass(frozen=True)
class Contents:
    """What a bundle is of, for its descriptions."""

    runs: Sequence[RunRecord]
    experiments: Sequence[ExperimentRecord]


def is_text(text: str) -> bool:
    """Tell whether *text* can be written as UTF-8: half a character cannot."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def json_bytes(value: Any) -> bytes:
    """Return *value* as JSON for people to read."""
    return (
        json.dumps(value, ensure_ascii=not is_text(canonical_json(value)), indent=1, sort_keys=True) + "\n"
    ).encode()


def title_of(what: Contents, terms: BundleTerms) -> str:
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


def citation(what: Contents, terms: BundleTerms) -> str:
    """Return CITATION.cff."""
    day = last_day(what.runs)
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


def readme(what: Contents, terms: BundleTerms) -> str:
    """Return README.md."""
    native = [run.id for run in what.runs if run.origin == "native"]
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
{"" if terms.costs else chr(10) + "What the calls cost was left out." + chr(10)}
With GovSim Observatory, `govsim import FILE.zip` brings the runs into another instance and `{check}` plays
a run again from its record and compares it byte for byte.
"""


KINDS = {".json": "application/json", ".jsonl": "application/jsonl", ".csv": "text/csv", ".md": "text/markdown"}
KINDS |= {".py": "text/x-python", ".txt": "text/plain", ".cff": "application/yaml"}


def crate(made: Mapping[str, int], what: Contents, terms: BundleTerms) -> bytes:
    """Return ro-crate-metadata.json; *made* are the files and their sizes."""
    day = last_day(what.runs)
    people = [{"@id": f"#author-{n}", "@type": "Person", "name": name} for n, name in enumerate(terms.authors, 1)]
    parts = [*sorted(made), "SHA256SUMS"]
    files = [
        {
            "@id": path,
            "@type": "File",
            "name": path,
            "encodingFormat": KINDS.get("." + path.rsplit(".", 1)[-1], "text/plain"),
            **({"contentSize": str(made[path])} if path in made else {}),
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
    return json_bytes({"@context": "https://w3id.org/ro/crate/1.1/context", "@graph": graph})
