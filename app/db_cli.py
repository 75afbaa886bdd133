"""`govsim db`: the database itself."""

import asyncio
import sys
from datetime import timedelta
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from app.command_line import errors, settings_and_schema
from app.settings import load_settings

db = typer.Typer(help="The database.", no_args_is_help=True)


@db.command("upgrade")
def upgrade() -> None:
    """Bring the database to the current schema."""
    from app.store.address import shown

    settings = settings_and_schema()
    typer.echo(f"{shown(settings.database_url)} is at the current schema.")


@db.command("copy")
def copy(
    source: Annotated[str, typer.Argument(metavar="FROM", help="The database to copy, such as sqlite:///runs.db.")],
    target: Annotated[
        str, typer.Argument(metavar="TO", help="An empty one, such as postgresql://user:password@host/database.")
    ],
) -> None:
    """Copy all runs, tests and shares into another database, SQLite or PostgreSQL; all of it or nothing."""
    from app.keeping.copy import copy_database
    from app.store.address import shown

    settings = load_settings()
    counts = asyncio.run(
        copy_database(
            source,
            target,
            settings.migrations,
            stale_after=timedelta(seconds=settings.stale_after_s),
            progress=_tell if sys.stderr.isatty() else lambda table, rows: None,
        )
    )
    table = Table("table")
    table.add_column("rows, equal in both", justify="right")
    for name, rows in counts.items():
        table.add_row(name, f"{rows:,}")
    Console(soft_wrap=True).print(table)
    typer.echo(f"Copied to {shown(target)}. To work with it, set GOVSIM_DATABASE_URL to that address.")


def _tell(table: str, rows: int) -> None:
    errors.print(f"Copying {table} ...    ", end="\r")
