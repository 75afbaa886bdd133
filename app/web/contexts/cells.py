"""The grid of an experiment: its cells, each with its runs, how many are finished and what failed."""

from collections.abc import Sequence

from pydantic import BaseModel, Field

from app.commons.scenario import conditions, scenarios
from app.jobs.definition import Definition
from app.jobs.definition_text import DefinitionError, read_definition
from app.jobs.grid import Cell, cells_of
from app.store.experiments import CellRun
from app.store.records import RunState
from app.web import urls

Mark = str


class CellRunOut(BaseModel):
    """A run in a cell. `mark` says how it is doing or came out, for colours: survived, collapsed, or its state."""

    id: str
    page: str
    seed: int | None
    state: RunState
    mark: Mark
    reason: str | None = Field(description="why it is paused, failed or cancelled")
    months_played: int
    months: int
    tried_again_as: str | None = Field(description="the run that tries this cancelled one again; it counts instead")

    @property
    def told(self) -> str:
        """How it is doing, for a reader who sees no colours."""
        seed = "without a seed" if self.seed is None else f"seed {self.seed}"
        played = "" if self.mark in ("queued", "survived") else f", {self.months_played} of {self.months} months"
        return f"{seed}: {self.mark}{played}"


class CellOut(BaseModel):
    """A cell of the grid: a model under its label, in a scenario, under a condition, with its runs, one a seed."""

    model: str
    scenario: str
    condition: str
    runs: list[CellRunOut]
    planned: int = Field(description="how many runs the cell is to have")
    finished: int
    failed: int
    survived: int = Field(description="of the finished ones")
    compare: str = Field(description="the comparison of the cell's runs")

    @property
    def live(self) -> bool:
        """Whether any of its runs waits or is being played."""
        return any(run.state in ("queued", "playing") for run in self.runs)

    @property
    def failures(self) -> list[CellRunOut]:
        """Its failed runs."""
        return [run for run in self.runs if run.state == "failed"]


class ScenarioGrid(BaseModel):
    """One scenario's part of a grid: a row a model, a column a condition; None where no run is planned."""

    scenario: str
    label: str
    conditions: list[tuple[str, str]]
    rows: list[tuple[str, list[CellOut | None]]]


def known_definition(text: str | None) -> Definition | None:
    """Return a stored definition; None where there is none, or this version cannot read it any more."""
    if text is None:
        return None
    try:
        return read_definition(text)
    except DefinitionError:
        return None


def grid_of(runs: Sequence[CellRun], definition: Definition | None) -> list[CellOut]:
    """Return the cells of an experiment in the order of its definition, then those it does not name."""
    found: dict[Cell, list[CellRun]] = {cell: [] for cell in cells_of(definition)} if definition else {}
    for run in runs:
        found.setdefault(Cell(run.label, run.scenario, run.condition), []).append(run)
    retries = {run.retry_of: run.id for run in runs if run.retry_of is not None}
    return [_cell(cell, mine, retries, len(definition.seeds) if definition else 0) for cell, mine in found.items()]


def by_scenario(cells: Sequence[CellOut]) -> list[ScenarioGrid]:
    """Return the cells as tables, one a scenario."""
    found = []
    for scenario in dict.fromkeys(cell.scenario for cell in cells):
        mine = [cell for cell in cells if cell.scenario == scenario]
        columns = list(dict.fromkeys(cell.condition for cell in mine))
        there = {(cell.model, cell.condition): cell for cell in mine}
        found.append(
            ScenarioGrid(
                scenario=scenario,
                label=scenarios()[scenario].label if scenario in scenarios() else scenario,
                conditions=[(name, condition_label(name)) for name in columns],
                rows=[
                    (model, [there.get((model, condition)) for condition in columns])
                    for model in dict.fromkeys(cell.model for cell in mine)
                ],
            )
        )
    return found


def condition_label(name: str) -> str:
    """Return what a condition is called on pages."""
    known = conditions()
    return known[name].label if name in known else name.replace("_", " ").capitalize()


def _cell(cell: Cell, runs: Sequence[CellRun], retries: dict[str, str], seeds: int) -> CellOut:
    counted = [run for run in runs if run.id not in retries]
    shown = sorted(runs, key=lambda run: (run.seed is None, run.seed or 0))
    return CellOut(
        model=cell.model,
        scenario=cell.scenario,
        condition=cell.condition,
        runs=[_run(run, retries) for run in shown],
        planned=max(len(counted), seeds),
        finished=sum(run.state == "finished" for run in counted),
        failed=sum(run.state == "failed" for run in counted),
        survived=sum(run.state == "finished" and bool(run.survived) for run in counted),
        compare=urls.compare_runs([run.id for run in counted]),
    )


def _run(run: CellRun, retries: dict[str, str]) -> CellRunOut:
    return CellRunOut(
        id=run.id,
        page=urls.run(run.id),
        seed=run.seed,
        state=run.state,
        mark=_mark(run),
        reason=run.reason,
        months_played=run.months_played,
        months=run.months,
        tried_again_as=retries.get(run.id),
    )


def _mark(run: CellRun) -> Mark:
    if run.state == "finished":
        return "collapsed" if run.collapsed else "survived" if run.survived else "finished"
    if run.collapsed and run.state not in ("queued", "playing", "paused"):
        return "collapsed"
    return run.state
