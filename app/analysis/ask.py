"""What a comparison compares and how: the canonical form of the address of `/compare`, of a share, of a command."""

from collections.abc import Iterable
from typing import Annotated, Literal, get_args
from urllib.parse import urlencode

from pydantic import Field, field_validator

from app.commons.frozen import Frozen

GroupBy = Literal["model", "condition", "scenario", "prompts", "experiment", "tag", "engine", "configuration", "seed"]
GROUPINGS: tuple[GroupBy, ...] = get_args(GroupBy)
Answers = Literal["with", "without", "worst"]
Method = Literal["t", "bca"]
MOST_RUNS = 500

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,40}$")]
Filter = tuple[Annotated[str, Field(max_length=40)], Annotated[str, Field(max_length=200)]]


class NothingToCompare(ValueError):
    """A comparison of nothing; the message says what is missing."""


class ComparisonAsk(Frozen):
    """A comparison as asked for. Equal asks have one form, whatever order their address had.

    The runs are those named and those of the experiments, or all runs where neither is named; of these, the ones that
    the filters keep (the fields of the list of runs, as text).
    """

    runs: tuple[Id, ...] = Field(default=(), max_length=MOST_RUNS)
    experiments: tuple[Id, ...] = Field(default=(), max_length=50)
    filters: tuple[Filter, ...] = Field(default=(), max_length=20)
    group: tuple[GroupBy, ...] = Field(default=("model", "condition"), min_length=1, max_length=4)
    reference: str | None = Field(default=None, max_length=400, description="the label of the group others differ from")
    answers: Answers = Field(default="with", description="what runs with unreadable harvests count as")
    intervals: Method = Field(default="t", description="of means: Student's t, or the BCa bootstrap from ten runs on")
    diff: tuple[Id, ...] = Field(default=(), max_length=2, description="two runs to lay side by side")

    @field_validator("runs", "experiments", "filters")
    @classmethod
    def _as_a_set(cls, values: tuple[object, ...]) -> tuple[object, ...]:
        return tuple(sorted(set(values)))  # type: ignore[type-var]

    @field_validator("group", "diff")
    @classmethod
    def _each_once(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(values))

    @classmethod
    def of(cls, names: Iterable[str], **how: object) -> "ComparisonAsk":
        """Return an ask for these runs and experiments, whose ids begin with x.

        Raises:
            pydantic.ValidationError: if a name can be neither, or there are too many.
        """
        given = list(names)
        parts = {
            "runs": [name for name in given if not name.startswith("x")],
            "experiments": [name for name in given if name.startswith("x")],
        }
        return cls.model_validate(parts | how)

    @property
    def empty(self) -> bool:
        """Whether nothing is chosen yet."""
        return not (self.runs or self.experiments or self.filters)

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The names and values of the canonical query, defaults left out."""
        found: list[tuple[str, str]] = [("run", run) for run in self.runs]
        found += [("experiment", experiment) for experiment in self.experiments]
        found += self.filters
        if self.group != ComparisonAsk.model_fields["group"].default:
            found += [("group", name) for name in self.group]
        if self.reference:
            found.append(("reference", self.reference))
        for name in ("answers", "intervals"):
            if getattr(self, name) != ComparisonAsk.model_fields[name].default:
                found.append((name, getattr(self, name)))
        return found + [("diff", run) for run in self.diff]

    @property
    def query(self) -> str:
        """The canonical query string, without a question mark."""
        return urlencode(self.pairs)

    @property
    def view_pairs(self) -> list[tuple[str, str]]:
        """The names and values that say how, not what: all of them written out, for a place that knows what."""
        said = [("group", name) for name in self.group] + [("reference", self.reference or "")]
        said += [("answers", self.answers), ("intervals", self.intervals)]
        return said + [("diff", run) for run in self.diff]

    def changed(self, **values: object) -> "ComparisonAsk":
        """Return this ask with other values.

        Raises:
            pydantic.ValidationError: if they are none.
        """
        return ComparisonAsk.model_validate({**dict(self), **values})

    def without_run(self, run: str) -> "ComparisonAsk":
        """Return this ask with one named run less."""
        return self.changed(runs=[one for one in self.runs if one != run], diff=())

    def with_runs(self, runs: Iterable[str]) -> "ComparisonAsk":
        """Return this ask with more named runs."""
        return self.changed(runs=(*self.runs, *runs))
