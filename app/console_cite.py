"""What `govsim cite` does and prints, once settings are read."""

import json

import typer

from app.analysis.ask import ComparisonAsk, NothingToCompare
from app.interop.cite import cite, gather
from app.interop.compared import Summaries, choose_named
from app.settings import Settings
from app.store.connect import open_database


async def cite_here(settings: Settings, ask: ComparisonAsk, *, version: str, as_json: bool) -> None:
    """Print how to cite the runs and experiments that *ask* names.

    Raises:
        NothingToCompare: if there is no such run or experiment.
    """
    database = open_database(settings.database_url)
    try:
        runs, _ = await choose_named(database, ask)
        if not runs:
            raise NothingToCompare("There are no runs to cite.")
        made = cite(await gather(database, ask, runs, Summaries()), version)
    finally:
        await database.close()
    if as_json:
        entries = [{"title": title, "bibtex": text} for title, text in made.entries]
        typer.echo(json.dumps({"methods": made.methods, "entries": entries}, indent=2, ensure_ascii=False))
    else:
        typer.echo(made.text, nl=False)
