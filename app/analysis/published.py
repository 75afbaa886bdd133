"""Figures that others have published: data with source, table and page. They come from other prompts than ours."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Literal

from pydantic import Field, ValidationError, model_validator

from app.commons.frozen import Frozen

Metric = Literal["survival_rate", "survival_time", "gain", "efficiency", "equality", "over_usage"]
METRICS: tuple[Metric, ...] = ("survival_rate", "survival_time", "gain", "efficiency", "equality", "over_usage")
"""The columns of every table, in order."""
LABEL = "different prompts"
"""What stands beside every published figure."""


class Source(Frozen):
    """Where figures were published, and what about them is worth knowing."""

    title: str
    authors: str
    year: int | None = None
    venue: str
    url: str = Field(pattern=r"^https://")
    kind: Literal["paper", "repository"]
    notes: tuple[str, ...] = ()


class Figure(Frozen):
    """One figure as printed: survival rate, efficiency, equality, over-usage in percent, gain in units per agent."""

    value: float
    spread: float | None = None


class Row(Frozen):
    """One model's figures, by metric; `runs` is how many runs they rest on."""

    model: str
    runs: int
    figures: dict[Metric, Figure]


class Table(Frozen):
    """One published table. `scenario` is "all" where the scenarios are pooled; `page` None where there are no pages."""

    source: str
    table: str
    page: int | None
    scenario: str
    condition: str
    spread: str = Field(description="what the spread of a figure is")
    label: str = LABEL
    rows: tuple[Row, ...] = Field(min_length=1)


class Published(Frozen):
    """All figures, and their sources by name."""

    sources: dict[str, Source]
    tables: tuple[Table, ...]

    @model_validator(mode="after")
    def _sources_exist(self) -> "Published":
        if unknown := {table.source for table in self.tables} - set(self.sources):
            raise ValueError(f"no source '{min(unknown)}'")
        return self


@cache
def published() -> Published:
    """Return the figures kept in published.toml.

    Raises:
        ValueError: if the file is not valid; the message says where.
    """
    data = tomllib.loads(files("app.analysis").joinpath("published.toml").read_text(encoding="utf-8"))
    try:
        return Published.model_validate(
            {"sources": data["sources"], "tables": [_table(table) for table in data["tables"]]}
        )
    except (KeyError, TypeError, ValidationError) as error:
        raise ValueError(f"app/analysis/published.toml is not valid: {error}") from error


def _table(data: dict[str, object]) -> dict[str, object]:
    rows = data["rows"]
    assert isinstance(rows, dict)
    common = {name: value for name, value in data.items() if name not in ("rows", "runs")}
    return {"page": None} | common | {"rows": [_row(model, row, data.get("runs")) for model, row in rows.items()]}


def _row(model: str, row: dict[str, list[list[float]]], runs: object) -> dict[str, object]:
    figures = zip(METRICS, row["figures"], strict=True)
    return {
        "model": model,
        "runs": row.get("runs", runs),
        "figures": {metric: dict(zip(("value", "spread"), figure, strict=False)) for metric, figure in figures},
    }
