"""A run as files, in one of six formats (docs/export.md): research, csv, parquet, json, html and chats."""

import io
import json
import zipfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, get_args

from app.analysis.answers import answers
from app.interop.chats import chat_lines
from app.interop.report import report_html
from app.interop.research_log import research_files
from app.interop.tables import Table, csv_text, tables
from app.store.answers import counted
from app.store.whole import WholeRun

Format = Literal["research", "csv", "parquet", "json", "html", "chats"]
FORMATS: tuple[Format, ...] = get_args(Format)
LABELS: Mapping[Format, str] = MappingProxyType(
    {
        "research": "Research code's format",
        "csv": "CSV tables",
        "parquet": "Parquet tables",
        "json": "One JSON object",
        "html": "One HTML page, for reading offline",
        "chats": "Chats for training a model (JSON lines)",
    }
)

METRICS = (
    "months_played", "survival_time", "survived", "collapsed", "censored", "gains", "total_gain", "mean_gain",
    "efficiency", "equality", "over_usage", "over_usage_asked", "unreadable",
)  # fmt: skip
ABOUT = (
    "name", "state", "reason", "origin", "scenario", "condition", "minds", "models", "seed", "engine_version",
    "prompts", "view_only", "source", "log_sha256", "notes", "dropped",
)  # fmt: skip
SINGLE: Mapping[Format, str] = MappingProxyType({"json": "json", "html": "html", "chats": "jsonl"})
"""Formats that are one file, and how its name ends."""

MOST = 2**63 - 1
MOMENT = (1980, 1, 1, 0, 0, 0)


class ExportError(ValueError):
    """An export that cannot be made; the message says why and what to do."""


def available_formats() -> tuple[Format, ...]:
    """Return the formats that can be made here: parquet needs a package that is not always installed."""
    return tuple(kind for kind in FORMATS if kind != "parquet" or find_spec("pyarrow") is not None)


def export_files(
    whole: WholeRun, kind: Format, assets: Path | None = None, *, prompts: bool = False
) -> dict[str, bytes]:
    """Return the files of a run by their path inside its folder; equal records give equal bytes.

    *assets* is the folder with templates/ and static/, which html needs; *prompts* puts requests and answers into it.

    Raises:
        ExportError: if the format needs a package that is not installed.
        app.interop.research_log.NothingToExport: if the research format has nothing to hold.
        app.interop.chats.NoChats: if there are no chats.
    """
    if kind == "research":
        return {path: text.encode("utf-8") for path, text in research_files(whole).items()}
    if kind == "csv":
        return {f"{table.name}.csv": csv_text(table).encode("utf-8", "replace") for table in tables(whole)}
    if kind == "parquet":
        return {f"{table.name}.parquet": parquet_bytes(table) for table in tables(whole)}
    if kind == "html":
        if assets is None:
            raise ExportError("A page needs the folder with templates/ and static/.")
        return {f"{whole.run.id}.html": report_html(whole, assets, prompts=prompts)}
    if kind == "chats":
        return {f"{whole.run.id}.jsonl": chat_lines(whole)}
    return {f"{whole.run.id}.json": _json(_object(whole))}


def packed(files: Mapping[str, bytes], folder: str) -> bytes:
    """Return *files* in a zip archive, inside *folder*; the archive holds no clock time."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            entry = zipfile.ZipInfo(f"{folder}/{path}", MOMENT)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return out.getvalue()


def write_export(
    whole: WholeRun, kind: Format, out: Path, assets: Path | None = None, *, prompts: bool = False
) -> Path:
    """Write an export to *out*, a new folder (a new file for json, html and chats), and return it.

    Raises:
        ExportError: if there is something at *out* already.
    """
    if out.exists() and not (out.is_dir() and not any(out.iterdir()) and kind not in SINGLE):
        raise ExportError(f"There is something at {out} already. Name another place with --out.")
    files = export_files(whole, kind, assets, prompts=prompts)
    if kind in SINGLE:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_bytes(next(iter(files.values())))
        return out
    for path, content in files.items():
        target = out / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return out


def _object(whole: WholeRun) -> dict[str, Any]:
    run, events = whole.run, whole.parsed()
    return {
        "format": "govsim-observatory/1",
        "run": run.id,
        "config_hash": run.config_hash,
        "config": run.episode.model_dump(mode="json"),
        "about": {name: getattr(run, name) for name in ABOUT},
        "metrics": {name: getattr(run, name) for name in METRICS},
        "answers": answers(events, counted(whole.summaries())).model_dump(mode="json"),
        "events": [json.loads(text) for text in whole.events],
        "calls": [call.model_dump(mode="json") for call in whole.calls()],
        "corrections": [correction.model_dump(mode="json") for correction in whole.corrections],
    }


def _json(value: Any) -> bytes:
    try:
        return json.dumps(value, ensure_ascii=False, indent=1).encode("utf-8")
    except UnicodeEncodeError:
        # Half characters, which a model's JSON can hold, are no UTF-8: escaped they stay what they are.
        return json.dumps(value, indent=1).encode("ascii")


def parquet_bytes(table: Table) -> bytes:
    """Return a table as a Parquet file.

    Raises:
        ExportError: if the package that writes them is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise ExportError(
            "Parquet files need the package pyarrow: pip install 'govsim-observatory[parquet]'. CSV needs nothing."
        ) from None
    types = {str: pyarrow.string(), int: pyarrow.int64(), float: pyarrow.float64(), bool: pyarrow.bool_()}
    schema = pyarrow.schema([(name, types[kind]) for name, kind in table.columns.items()])
    rows = [{name: _clean(row.get(name)) for name in table.columns} for row in table.rows]
    out = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows, schema=schema), out)
    return out.getvalue()


def _clean(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        return min(value, MOST)  # Models do ask for absurd amounts.
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else value
