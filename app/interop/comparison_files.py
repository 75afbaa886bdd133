"""A comparison as files: LaTeX that compiles as it is, CSV and Parquet with a row a run, JSON, charts as SVG and PNG.

Each file says the date, the version, and the configuration hashes of its runs.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from app.analysis.comparison_figures import FIGURES, comparison_figure
from app.analysis.groups import ComparedRun, Group
from app.analysis.intervals import Estimate
from app.analysis.svg import draw_svg
from app.interop.compared import LaidOut
from app.interop.export import parquet_bytes
from app.interop.raster import png_of
from app.interop.tables import Table, csv_text

Kind = Literal["tex", "csv", "parquet", "json"]
KINDS: tuple[Kind, ...] = get_args(Kind)
MEDIA: Mapping[Kind, str] = {
    "tex": "application/x-tex", "csv": "text/csv", "parquet": "application/vnd.apache.parquet",
    "json": "application/json",
}  # fmt: skip

COLUMNS: Mapping[str, type] = {
    "run": str, "config_hash": str, "label": str, "group": str, "counted": bool, "model": str, "condition": str,
    "scenario": str, "prompts": str, "experiment": str, "engine": str, "seed": str, "day": str, "months": int,
    "month": int, "complete": bool, "survived": bool, "collapsed": bool, "gain": float, "efficiency": float,
    "equality": float, "over_usage": float, "over_usage_asked": float, "unreadable": int, "answers": str,
    "completions": str, "version": str, "date": str,
}  # fmt: skip


@dataclass(frozen=True)
class About:
    """Where files come from: the version that made them, and the day, written 2026-11-26."""

    version: str
    date: str


def comparison_file(kind: Kind, made: LaidOut, about: About) -> bytes:
    """Return a comparison as one file.

    Raises:
        app.interop.export.ExportError: if the format needs a package that is not installed.
    """
    if kind == "tex":
        return latex(made, about).encode()
    if kind == "json":
        return json.dumps(as_object(made, about), ensure_ascii=False, indent=1).encode("utf-8", "replace")
    table = run_table(made, about)
    return parquet_bytes(table) if kind == "parquet" else csv_text(table).encode("utf-8", "replace")


def figure_files(made: LaidOut) -> dict[str, bytes]:
    """Return the charts by file name, each as SVG and as PNG, twice as large as the SVG says it is."""
    found = {}
    for name in FIGURES:
        figure = comparison_figure(name, made.comparison.groups, made.members, made.ask.answers)
        drawing = draw_svg(figure, 760, 420)
        found[f"{name}.svg"] = drawing.encode()
        found[f"{name}.png"] = png_of(drawing)
    return found


def table_cells(group: Group) -> list[tuple[str, str]]:
    """Return a group's numbers in the order of TEX_COLUMNS: value and interval, empty where there is none."""
    found = []
    for name, _, scale, digits in TEX_COLUMNS:
        estimate: Estimate = getattr(group.figures, name)
        value = "" if estimate.value is None else f"{estimate.value * scale:.{digits}f}"
        interval = ""
        if estimate.value is not None and estimate.low is not None and estimate.high is not None:
            interval = f"[{estimate.low * scale:.{digits}f}, {estimate.high * scale:.{digits}f}]"
        found.append((value, interval))
    return found


def as_object(made: LaidOut, about: About) -> dict[str, Any]:
    """Return the whole comparison for JSON."""
    return {
        "format": "govsim-comparison/1",
        "version": about.version,
        "date": about.date,
        "query": made.ask.query,
        "config_hashes": {run.run: run.config_hash for run in made.runs},
        "comparison": made.comparison.model_dump(mode="json"),
    }


def run_table(made: LaidOut, about: About) -> Table:
    """Return one row a run, those that do not count included and marked."""
    rows = []
    for group in made.comparison.groups:
        for run in made.runs:
            if run.run in group.runs or run.run in group.twins:
                rows.append(_row(run, group, made, about))
    return Table("runs", COLUMNS, rows)


def _row(run: ComparedRun, group: Group, made: LaidOut, about: About) -> dict[str, Any]:
    came = run.outcome(made.ask.answers)
    values = {name: run.values[name] for name in ("model", "condition", "scenario", "prompts", "experiment", "engine")}
    return values | {
        "run": run.run,
        "config_hash": run.config_hash,
        "label": run.label,
        "group": group.label,
        "counted": run.run in group.runs,
        "seed": run.values["seed"],
        "day": run.day,
        "months": run.summary.months,
        "month": came.month,
        "complete": came.complete,
        "survived": came.survived,
        "collapsed": came.collapsed,
        "gain": came.gain,
        "efficiency": came.efficiency,
        "equality": came.equality,
        "over_usage": came.over_usage,
        "over_usage_asked": came.over_usage_asked,
        "unreadable": run.summary.unreadable,
        "answers": made.ask.answers,
        "completions": run.completions,
        "version": about.version,
        "date": about.date,
    }


SPECIAL: Mapping[str, str] = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", "–": "--", "—": "---", "“": "``", "”": "''", "’": "'", "·": r"\textperiodcentered{}",
    "×": r"\texttimes{}", "…": r"\ldots{}", '"': "''", "`": r"\textasciigrave{}",
}  # fmt: skip


def tex(text: str) -> str:
    """Return *text* for LaTeX; letters that a plain LaTeX may lack become a question mark."""
    return "".join(SPECIAL.get(letter, letter if " " <= letter <= "~" else _letter(letter)) for letter in text)


def _letter(letter: str) -> str:
    # The letters of Latin-1 are in every LaTeX font.
    return letter if "À" <= letter <= "ÿ" else " " if letter.isspace() else "?"


TEX_COLUMNS = (
    ("survival_rate", r"Surv.\ rate", 100.0, 0), ("survival_time", "Months", 1.0, 1), ("gain", "Gain", 1.0, 1),
    ("efficiency", "Efficiency", 100.0, 0), ("equality", "Equality", 100.0, 0), ("over_usage", "Over-usage", 100.0, 0),
)  # fmt: skip


def latex(made: LaidOut, about: About) -> str:
    """Return a document with the paper's table (booktabs), and below it what a reader has to know."""
    numbers = made.comparison
    heads = " & ".join(title for _, title, _, _ in TEX_COLUMNS)
    lines = [_tex_row(group) for group in numbers.groups]
    notes = "\n".join(rf"\item {tex(note)}" for note in numbers.notes)
    hashes = sorted({run.config_hash for run in made.runs})
    comment = "\n".join(
        [f"% GovSim Observatory {about.version}, {about.date}", "% configurations:", *(f"%   {one}" for one in hashes)]
    )
    remarks = f"\\begin{{itemize}}\\footnotesize\n{notes}\n\\end{{itemize}}\n" if notes else ""
    unit = tex(next((run.unit for run in made.runs), "units") if len({r.unit for r in made.runs}) == 1 else "units")
    return f"""{comment}
\\documentclass{{article}}
\\usepackage[utf8]{{inputenc}}
\\usepackage{{textcomp}}
\\usepackage{{booktabs}}
\\usepackage{{graphicx}}
\\begin{{document}}
\\begin{{table}}
\\centering
\\caption{{Metrics of each group with 95\\,\\% intervals
({_method(made)}).
Rates, efficiency, equality and over-usage in percent, gain in
{unit} per agent.
GovSim Observatory {tex(about.version)}, {tex(about.date)}; {len(hashes)} configurations, named in the source.}}
\\resizebox{{\\textwidth}}{{!}}{{%
\\begin{{tabular}}{{lrrrrrrr}}
\\toprule
Group & $n$ & {heads} \\\\
\\midrule
{chr(10).join(lines)}
\\bottomrule
\\end{{tabular}}}}
\\end{{table}}
{remarks}\\end{{document}}
"""


def _method(made: LaidOut) -> str:
    means = (
        "BCa bootstrap from ten runs on, else Student's t"
        if made.ask.intervals == "bca"
        else "Student's t on run means"
    )
    return f"survival rate: Wilson; months: restricted mean of Kaplan and Meier's curve; others: {means}"


def _tex_row(group: Group) -> str:
    # Braces: a bracket after a line's end would be read as an option.
    cells = [f"{value} {{\\footnotesize {span}}}" if span else value or "--" for value, span in table_cells(group)]
    return " & ".join([tex(group.label), str(group.n), *cells]) + r" \\"
