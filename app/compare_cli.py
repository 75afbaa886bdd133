"""`govsim compare`: a comparison written as files, charts included, without a browser."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from app import __version__
from app.command_line import fail, settings_and_schema


def compare(
    subjects: Annotated[list[str], typer.Argument(help="Ids of runs and experiments.")],
    group_by: Annotated[
        list[str] | None,
        typer.Option(help="model, condition, scenario, prompts, experiment, engine, ...; as often as you like."),
    ] = None,
    reference: Annotated[str | None, typer.Option(help="The label of the group that the others differ from.")] = None,
    answers: Annotated[str, typer.Option(help="Unreadable answers: with, without or worst.")] = "with",
    intervals: Annotated[str, typer.Option(help="Of means: t, or bca from ten runs on.")] = "t",
    out: Annotated[Path | None, typer.Option(help="A folder to write table, numbers and charts to.")] = None,
) -> None:
    """Compare groups of runs: the table in the terminal; LaTeX, CSV, Parquet, JSON and charts with --out."""
    from app.analysis.ask import ComparisonAsk
    from app.console_compare import compare_here

    how = {"reference": reference, "answers": answers, "intervals": intervals}
    try:
        ask = ComparisonAsk.of(subjects, **how, **({"group": group_by} if group_by else {}))
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        option = "--group-by" if first["loc"][0] == "group" else str(first["loc"][0])
        fail(f"{option}: {str(first['msg']).removeprefix('Value error, ')}.")
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    asyncio.run(compare_here(settings_and_schema(), ask, out, version=__version__, today=today))
