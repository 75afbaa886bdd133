"""`govsim subskills` and `govsim import-subskills`: tests of whether a model understands the game."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from app.command_line import hub_of, keeping, number_or_none, prompt_folders, serving_local, settings_and_schema


def subskills(
    model: Annotated[str, typer.Option(help="ENDPOINT/MODEL.")],
    scenario: Annotated[
        list[str] | None, typer.Option(help="fishery, pasture or pollution; as often as you like. By default all.")
    ] = None,
    cases: Annotated[int, typer.Option(help="Cases of each of the eight tests.")] = 150,
    seed: Annotated[int, typer.Option(help="Draws the cases; models are compared on equal ones.")] = 1,
    temperature: Annotated[str, typer.Option(help="Sampling temperature; none: not sent.")] = "0",
    top_p: Annotated[str, typer.Option(help="Nucleus sampling; none: not sent.")] = "1",
    max_tokens: Annotated[int, typer.Option(help="Longest answer in tokens.")] = 8000,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object for each scenario.")] = False,
) -> None:
    """Test here and now whether a model understands the game: eight tests, scored exactly."""
    from app.subskills.console import test_here
    from app.subskills.plan import SCENARIOS, read_plan

    plan = read_plan(
        {
            "model": model,
            "scenarios": scenario or list(SCENARIOS),
            "cases": cases,
            "seed": seed,
            "sampling": {
                "temperature": number_or_none("--temperature", temperature),
                "top_p": number_or_none("--top-p", top_p),
                "max_tokens": max_tokens,
            },
        }
    )
    settings, local = serving_local(settings_and_schema(), [plan.model])

    async def test() -> int:
        async with keeping(local):
            return await test_here(
                settings.database_url,
                plan,
                hub=hub_of(settings),
                prompt_folders=prompt_folders(settings),
                stale_after=timedelta(seconds=settings.stale_after_s),
                daily=settings.daily_budget,
                as_json=as_json,
            )

    raise typer.Exit(asyncio.run(test()))


def import_subskills(
    paths: Annotated[list[Path], typer.Argument(help="Result files of the research code, or folders of them.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON array.")] = False,
) -> None:
    """Import results of the research code's subskill tests."""
    from app.subskills.console import import_here

    raise typer.Exit(asyncio.run(import_here(settings_and_schema().database_url, paths, as_json=as_json)))
