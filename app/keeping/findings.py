"""What an examination finds: each finding is a sentence, and what to do where something is to be done."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

Level = Literal["ok", "warning", "problem"]


class Finding(BaseModel):
    """One thing that was looked at. *about* is its subject, *advice* what to do, *details* lines for who wants them."""

    model_config = ConfigDict(frozen=True)

    level: Level
    about: str
    text: str
    advice: str | None = None
    details: tuple[str, ...] = ()


def ok(about: str, text: str, *details: str) -> Finding:
    """Return a finding that asks for nothing."""
    return Finding(level="ok", about=about, text=text, details=details)


def warning(about: str, text: str, advice: str, *details: str) -> Finding:
    """Return a finding that somebody should know of; everything works."""
    return Finding(level="warning", about=about, text=text, advice=advice, details=details)


def problem(about: str, text: str, advice: str, *details: str) -> Finding:
    """Return a finding because of which something does not work, or a record is not what it should be."""
    return Finding(level="problem", about=about, text=text, advice=advice, details=details)


def counted(number: int, what: str) -> str:
    """Return a number with its noun: "1 run", "1,200 runs"."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"
