"""Cells of CSV tables: what a model or a stranger wrote is no formula to a spreadsheet, and can be had back exactly."""

import csv
import io
import re

import pytest

from app.interop.bundle_tables import cell
from app.interop.tables import Table, csv_text

DOCUMENTED = re.compile(r"'+[=+\-@\t\r\n＝＋－＠]")
"""What docs/export.md tells readers to take an apostrophe away from."""

FORMULAS = (
    "=1+1", '=HYPERLINK("http://x.example","y")', "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1",
    "＝1+1", "－1+1", "- I agree", "+", "'=1+1", "''@x", "-1e5x", "--1",
)  # fmt: skip
HARMLESS = ("", "8 t", "'tis", "''", " =1", "a=b", "12", "-5", "+3", "-0.25", "1e5", "John: -5", "é", "😀")


def read_back(text: str) -> str:
    return text[1:] if DOCUMENTED.match(text) else text


@pytest.mark.parametrize("text", FORMULAS)
def test_what_would_run_is_text(text: str) -> None:
    table = Table("talk", {"run": str, "text": str}, [{"run": "r1", "text": text}])
    [row] = csv.DictReader(io.StringIO(csv_text(table), newline=""))
    assert row["text"] == "'" + text
    assert read_back(row["text"]) == text


@pytest.mark.parametrize("text", HARMLESS)
def test_other_texts_and_numbers_stay_as_they_are(text: str) -> None:
    assert cell(text) == text == read_back(text)


def test_values_stay_values() -> None:
    assert [cell(value) for value in (-5, -0.25, 0, None, True, False)] == [-5, -0.25, 0, None, "true", "false"]
    columns = {"gain": int, "ratio": float, "name": str}
    [line] = csv_text(Table("t", columns, [{"gain": -3, "ratio": -0.5, "name": "=a"}])).splitlines()[1:]
    assert line == "-3,-0.5,'=a"
