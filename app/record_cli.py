"""`govsim rerun`, `govsim export`, `govsim bundle` and `govsim cite`: what can be done with recorded runs."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from app.command_line import fail, prompt_folders, settings_and_schema


def rerun(
    run: Annotated[str, typer.Argument(help="The id of a recorded run.")],
    check: Annotated[bool, typer.Option("--check", help="Compare with the record; no model is reached.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Play a recorded run again from its call log and compare it, byte for byte (exit code 1: it differs)."""
    from app.console_run import check_run

    if not check:
        fail("Say govsim rerun RUN --check. To play an episode anew with live models, use govsim run.")
    settings = settings_and_schema()
    raise typer.Exit(asyncio.run(check_run(settings, run, prompt_folders(settings), as_json=as_json)))


def export(
    what: Annotated[list[str], typer.Argument(help="Ids of runs and experiments.")],
    kind: Annotated[str, typer.Option("--format", help="research, csv, parquet, json, html or chats.")],
    out: Annotated[
        Path | None, typer.Option(help="Where to: a new folder; a new file for json, html and chats.")
    ] = None,
    prompts: Annotated[bool, typer.Option("--prompts", help="For html: put requests and answers in too.")] = False,
) -> None:
    """Write runs as files: the research code's format, tables, one JSON object, an offline page, or chats."""
    from app.console_run import export_runs

    asyncio.run(export_runs(settings_and_schema(), what, kind, out, prompts=prompts))


def bundle(
    what: Annotated[list[str], typer.Argument(help="Ids of runs and experiments.")],
    out: Annotated[Path, typer.Option(help="The archive to write: a new file.")],
    title: Annotated[str | None, typer.Option(help="What the data are called.")] = None,
    author: Annotated[list[str] | None, typer.Option(help="Who made them; as often as needed.")] = None,
    licence: Annotated[
        str | None, typer.Option("--license", help="An SPDX name (CC-BY-4.0) or an address; none is stated by default.")
    ] = None,
    no_costs: Annotated[bool, typer.Option("--no-costs", help="Leave out what the calls cost.")] = False,
) -> None:
    """Write a deposit bundle: the whole record, tables, checksums and metadata in one archive (docs/export.md)."""
    from app.console_bundle import write_bundle
    from app.interop.bundle_about import BundleTerms

    terms = BundleTerms(title=title, authors=author or (), licence=licence, costs=not no_costs)
    asyncio.run(write_bundle(settings_and_schema(), what, terms, out))


def cite(
    what: Annotated[list[str], typer.Argument(help="Ids of runs and experiments.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say how to cite runs and experiments: a methods paragraph from their configurations, and BibTeX."""
    from app import __version__
    from app.analysis.ask import ComparisonAsk
    from app.console_cite import cite_here

    try:
        ask = ComparisonAsk.of(what)
    except ValidationError:
        fail("Name runs and experiments by their ids, such as r9285dsn and xhedpcmv; at most 500.")
    asyncio.run(cite_here(settings_and_schema(), ask, version=__version__, as_json=as_json))
