"""What can be asked of a mind. Institutions add questions, not methods."""

from typing import Annotated, Literal

from pydantic import Field

from app.commons.frozen import Frozen


class NumberQuestion(Frozen):
    """A whole number of units in low..high."""

    type: Literal["number"] = "number"
    purpose: str
    low: int
    high: int
    unit: str


class ChoiceQuestion(Frozen):
    """One of a few named options."""

    type: Literal["choice"] = "choice"
    purpose: str
    options: tuple[str, ...]


class TextQuestion(Frozen):
    """Free text of a bounded length."""

    type: Literal["text"] = "text"
    purpose: str
    max_chars: int = Field(default=4000, ge=1)


Question = Annotated[NumberQuestion | ChoiceQuestion | TextQuestion, Field(discriminator="type")]


class Answer(Frozen):
    """What a mind answered.

    `value` is what was asked for, kept as asked even outside the question's range; None when no attempt could be read.
    """

    value: int | str | None
    attempts: int = Field(default=1, ge=1, description="how often the question was put")

    @property
    def readable(self) -> bool:
        """Whether any attempt could be read."""
        return self.value is not None
