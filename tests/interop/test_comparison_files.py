import csv
import io
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from app.analysis.ask import ComparisonAsk
from app.analysis.comparison import compare
from app.analysis.groups import ComparedRun, distinct, grouped
from app.interop.compared import LaidOut
from app.interop.comparison_files import About, comparison_file, figure_files, latex, tex
from app.interop.export import ExportError
from tests.analysis.compared import outcome, run

ABOUT = About("1.2.3", "2026-11-26")
NASTY = r"50% of {x}_1 & $y$ #2 ~ ^ \input{/etc/passwd} <a|b> “q” é 模型 - [x]"


def made() -> LaidOut:
    values = {"condition": "Default", "experiment": "no experiment", "seed": "1", "prompts": "base", "engine": "1"}

    def one(name: str, model: str, month: int, **more: object) -> ComparedRun:
        came = outcome(month, collapsed=month < 12, gain=10.0 * month)
        return run(name, came, values=values | {"model": model, "scenario": "Fishery"}, **more)  # type: ignore[arg-type]

    runs = [one(f"a{n}", NASTY, 12 - n) for n in range(4)] + [one(f"b{n}", "plain", 3 + n) for n in range(4)]
    runs.append(one("b9", "plain", 3, completions="x"))
    runs.append(one("b8", "plain", 3, completions="x"))
    ask = ComparisonAsk(group=("model",))
    members = {label: distinct(part)[0] for label, part in grouped(runs, ask).items()}
    return LaidOut(ask, runs, members, compare(runs, ask), [])


def test_latex_escapes_all_that_has_a_meaning() -> None:
    text = tex(NASTY)
    assert r"\input" not in text and r"50\% of \{x\}\_1 \& \$y\$ \#2" in text and "??" in text
    document = latex(made(), ABOUT)
    assert document.count("{") - document.count(r"\{") == document.count("}") - document.count(r"\}")
    body = document[document.index(r"\midrule") : document.index(r"\bottomrule")].strip().splitlines()[1:]
    assert len(body) == 2
    assert all(len(re.findall(r"(?<!\\)&", row)) == 7 and row.endswith(r"\\") for row in body)
    assert "% configurations:" in document and "%   b9" in document and "1.2.3, 2026-11-26" in document


@pytest.mark.long
def test_latex_compiles_unedited(tmp_path: Path) -> None:
    if shutil.which("pdflatex") is None:
        pytest.skip("pdflatex is not installed (texlive-latex-recommended)")
    (tmp_path / "comparison.tex").write_bytes(comparison_file("tex", made(), ABOUT))
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "comparison.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-1500:]
    assert (tmp_path / "comparison.pdf").stat().st_size > 10_000


def test_csv_has_a_row_a_run_with_its_configuration() -> None:
    rows = list(csv.DictReader(io.StringIO(comparison_file("csv", made(), ABOUT).decode())))
    assert len(rows) == 10
    assert all(row["config_hash"] == row["run"] and row["version"] == "1.2.3" for row in rows)
    assert [row["run"] for row in rows if row["counted"] == "false"] == ["b8"]


def test_json_holds_all_numbers_and_where_they_come_from() -> None:
    found = json.loads(comparison_file("json", made(), ABOUT))
    assert (found["version"], found["date"], found["query"]) == ("1.2.3", "2026-11-26", "group=model")
    assert len(found["config_hashes"]) == 10 and len(found["comparison"]["groups"]) == 2


def test_parquet_says_what_it_needs_where_it_cannot_be_made() -> None:
    pyarrow = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed") if _has_pyarrow() else None
    if pyarrow is None:
        with pytest.raises(ExportError, match="pyarrow"):
            comparison_file("parquet", made(), ABOUT)
        return
    table = pyarrow.read_table(io.BytesIO(comparison_file("parquet", made(), ABOUT)))
    assert table.num_rows == 10 and table.column("config_hash").to_pylist()[0]


def _has_pyarrow() -> bool:
    from importlib.util import find_spec

    return find_spec("pyarrow") is not None


def test_charts_are_files_too() -> None:
    files = figure_files(made())
    names = ("survival", "stock", "gini", "gain", "promises")
    assert set(files) == {f"{name}.{kind}" for name in names for kind in ("svg", "png")}
    assert files == figure_files(made())
    for name in names:
        assert files[f"{name}.svg"].startswith(b"<svg")
        image = Image.open(io.BytesIO(files[f"{name}.png"]))
        image.load()
        assert image.size == (1520, 840)
