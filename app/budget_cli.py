"""`govsim budget`: what a run or an experiment may spend."""

import asyncio
from typing import Annotated

import typer

from app.command_line import fail, hub_of, settings_and_schema


def budget(
    subject: Annotated[str, typer.Argument(help="The id of a run or of an experiment.")],
    tokens: Annotated[str | None, typer.Option(help="Tokens in and out, like 500000; none: no such limit.")] = None,
    cost: Annotated[str | None, typer.Option(help="US dollars, like 2.50; none: no such limit.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show what a run or an experiment spent of its budget, or change it: what it had paused then goes on."""
    from app.console_budget import show_budget
    from app.store.runs import UnknownRun

    named = {name: text for name, text in (("tokens", tokens), ("cost", cost)) if text is not None}
    typed = {name: "" if text.lower() == "none" else text for name, text in named.items()}
    if wrong := [name for name, text in named.items() if not text.strip()]:
        fail(f"--{wrong[0]} takes an amount or none.")
    settings = settings_and_schema()
    try:
        told, errors = asyncio.run(show_budget(settings, subject, typed, hub=hub_of(settings), as_json=as_json))
    except UnknownRun:
        fail(f"There is neither a run nor an experiment '{subject}' in this database.")
    for name, text in errors.items():
        fail(f"--{name}: {text}")
    typer.echo(told)
