"""`govsim local`: serve, train and inspect models on this machine (extra `[local]`).

What needs the extra is imported inside the commands: `govsim` starts without it, and does not pay for it.
"""

import typer

from app.command_line import fail
from app.models.local_folder import install_advice, missing_extra

local = typer.Typer(help="Models on this machine: serve and train them (the extra 'local').")


@local.callback(invoke_without_command=True)
def need_extra(context: typer.Context) -> None:
    """Models on this machine: serve and train them (the extra 'local')."""
    if (missing := missing_extra()) is not None:
        fail(install_advice(missing))
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)
