"""What `govsim compare` does: reads the runs, prints the table, writes the files."""

from pathlib import Path

from rich.console import Console
from rich.table import Table

from app.analysis.ask import ComparisonAsk, NothingToCompare
from app.interop.compared import LaidOut, Summaries, choose_named, lay_out
from app.interop.comparison_files import KINDS, TEX_COLUMNS, About, comparison_file, figure_files, table_cells
from app.interop.export import ExportError
from app.settings import Settings
from app.store.connect import open_database

errors = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)


async def compare_here(settings: Settings, ask: ComparisonAsk, out: Path | None, *, version: str, today: str) -> None:
    """Compare the runs of *ask*, print the table and write files to *out*.

    Raises:
        NothingToCompare: if a subject does not exist, or none can be compared.
    """
    database = open_database(settings.database_url)
    try:
        runs, total = await choose_named(database, ask)
        if total > len(runs):
            errors.print(f"{total} runs fit; the first {len(runs)} are compared.")
        shown = await lay_out(database, ask, runs, Summaries())
    finally:
        await database.close()
    if not shown.runs:
        raise NothingToCompare("No run can be compared: no month was played yet, or the game is another.")
    _print(shown)
    if out is not None:
        for path in write(shown, out, About(version, today)):
            errors.print(f"Wrote {path}")


def write(shown: LaidOut, out: Path, about: About) -> list[Path]:
    """Write a comparison's files into the folder *out* and return them; Parquet where its package is installed."""
    out.mkdir(parents=True, exist_ok=True)
    files = figure_files(shown)
    for kind in KINDS:
        name = "runs" if kind in ("csv", "parquet") else "comparison"
        try:
            files[f"{name}.{kind}"] = comparison_file(kind, shown, about)
        except ExportError as error:
            errors.print(str(error))
    for name, content in files.items():
        (out / name).write_bytes(content)
    return [out / name for name in sorted(files)]


def _print(shown: LaidOut) -> None:
    table = Table("Group", "n", *(title.replace("\\ ", " ") for _, title, _, _ in TEX_COLUMNS))
    for group in shown.comparison.groups:
        cells = [f"{value or '–'} {interval}".strip() for value, interval in table_cells(group)]
        table.add_row(group.label, str(group.n), *cells)
    console = Console(markup=False, highlight=False)
    if not console.is_terminal:
        console.width = 160  # a file has no edge to wrap at
    console.print(table)
    for text in (*shown.comparison.notes, *shown.comparison.sentences):
        console.print(text, soft_wrap=True)
