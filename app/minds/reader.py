"""The answer reader: what counts as an answer, and what is asked again. Documented in docs/answer-reader.md.

Pure functions from a model's text to a value, or None where the text cannot be read. They never guess: a text that
could mean two things means nothing. What they return is clean: no control characters, no half characters.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from app.minds.text import sentences, strip_markup, strip_thinking, unquoted
from app.minds.whole_numbers import one_number

NO_LIMIT: Final = "no limit"

_MARKER = re.compile(r"(?:answer|回答)\s*[:：]", re.IGNORECASE)
_BULLET = re.compile(r"^\s*[-•·–]\s+(?=\S)")
_NO_LIMIT = re.compile(
    r"(?:none|null|n/a|nothing|no one|not (?:agreed|specified|stated|applicable|any)"
    r"|no(?: \w+){0,3} (?:limit|agreement)|no(?! (?:more|greater) than))\b",
    re.IGNORECASE,
)
_SCALE = re.compile(r"(\d)\s*(?:/|out of)\s*10(?!\d)", re.IGNORECASE)
_LABEL = re.compile(
    r"^[ \t>]*(?:[-•]\s+|\d\.\s+)?[*_]*(response|end of (?:the )?talk|next speaker)[*_]*[ \t]*[:：][*_]*[ \t]*",
    re.IGNORECASE | re.MULTILINE,
)
_YES_NO = re.compile(r"\W*(yes|no|true|false)\b", re.IGNORECASE)
_LEAD_IN = re.compile(r"^(?:answer|summary|sentence|thought|memory|response)\s*[:：]\s*", re.IGNORECASE)
_NUMBERED = re.compile(r"^[ \t]*\d{1,3}\s*[.)]\s*(.+)$")
_RATED = re.compile(r"^\s*(?:[-•]\s+)?(?:S|statement\s+|#)?(\d{1,3})\s*[.):：]\s*(.+)$", re.IGNORECASE)
_EVIDENCE = re.compile(r"[(\[]\s*because of([^()\[\]]*)[)\]]\s*\.?\s*$", re.IGNORECASE)


@dataclass(frozen=True)
class Spoken:
    """A contribution as it was read; `next_speaker` is None where nobody present was named."""

    text: str
    ends: bool
    next_speaker: str | None


@dataclass(frozen=True)
class Insight:
    """One insight and the numbers, as shown to the model, of the statements it rests on."""

    text: str
    because_of: tuple[int, ...]


def read_number(text: str) -> int | None:
    """Return the whole number after the last marker `Answer:`, kept as it was asked, or None if there is not one."""
    region = final_answer(text)
    return None if region is None else one_number(region)


def read_rating(text: str) -> int | None:
    """Return the rating after the last marker, 1 to 10, or None. "7/10" and "7 out of 10" are 7."""
    region = final_answer(text)
    if region is None:
        return None
    rating = one_number(_SCALE.sub(r"\1", region))
    return rating if rating is not None and 1 <= rating <= 10 else None


def read_ratings(text: str, count: int) -> tuple[int, ...] | None:
    """Return the ratings of *count* statements, from lines that begin with the statement's number, or None.

    Every statement needs one rating of 1 to 10, after the last colon of its line if there is one. A line that numbers
    a statement that was not shown, or rates one again differently, makes the whole reply unreadable.
    """
    found: dict[int, int | None] = {}
    for line in strip_markup(strip_thinking(text)).splitlines():
        if not (rated := _RATED.match(line)):
            continue
        number, said = int(rated.group(1)), re.split(r"[:：]", rated.group(2))[-1]
        rating = one_number(_SCALE.sub(r"\1", said))
        if number not in range(1, count + 1) or found.get(number, rating) != rating:
            return None
        found[number] = rating if rating is not None and 1 <= rating <= 10 else None
    ratings = [rating for number in range(1, count + 1) if (rating := found.get(number)) is not None]
    return tuple(ratings) if len(ratings) == count else None


def read_limit(text: str) -> int | Literal["no limit"] | None:
    """Return the limit after the last marker, `NO_LIMIT` where the answer says there is none, or None."""
    region = final_answer(text)
    if region is None:
        return None
    number = one_number(region, bound_allowed=True)
    says_none = _NO_LIMIT.match(region.strip(" \"'“”(["))
    if says_none and not any(char.isdigit() for char in region):
        return NO_LIMIT
    return None if says_none else number


def read_utterance(text: str, present: Sequence[str]) -> Spoken | None:
    """Return the contribution, or None if the response or whether the talk ends is missing.

    A next speaker who is not *present* (names are compared without regard to case) is nobody in particular.
    """
    parts = _labelled(strip_thinking(text))
    said = unquoted(parts.get("response", "").strip())
    ends = _YES_NO.match(parts.get("end", ""))
    if not said or not ends:
        return None
    return Spoken(said, ends.group(1).lower() in ("yes", "true"), _named(parts.get("next", ""), present))


def read_sentence(text: str) -> str | None:
    """Return the first sentence, whole: a dot inside a number or an abbreviation does not end it. None if empty."""
    for paragraph in re.split(r"\n\s*\n", strip_markup(strip_thinking(text))):
        lines = [line.strip() for line in paragraph.splitlines() if line.strip()]
        if len(lines) > 1 and _is_announcement(lines[0]):
            lines = lines[1:]
        said = _LEAD_IN.sub("", _BULLET.sub("", " ".join(lines)))
        if any(char.isalnum() for char in said) and not _is_announcement(said):
            return unquoted(next(sentences(said))) or None
    return None


def read_insights(text: str, statements: int) -> tuple[Insight, ...] | None:
    """Return the insights of a numbered list, at most one for each of the *statements* shown; None if there is none.

    Numbers of statements that were not shown are left out.
    """
    found = []
    for line in strip_markup(strip_thinking(text)).splitlines():
        if not (numbered := _NUMBERED.match(line)):
            continue
        said = numbered.group(1).strip()
        evidence = _EVIDENCE.search(said)
        numbers = [int(number) for number in re.findall(r"\d{1,4}", evidence.group(1))] if evidence else []
        said = (said[: evidence.start()] if evidence else said).strip()
        if any(char.isalnum() for char in said):
            shown = tuple(sorted({number for number in numbers if 1 <= number <= statements}))
            found.append(Insight(said, shown))
    return tuple(found[:statements]) or None


def final_answer(text: str) -> str | None:
    """Return what follows the last marker, one line, or None without a marker; a short reply needs none."""
    plain = strip_markup(strip_thinking(text))
    markers = list(_MARKER.finditer(plain))
    if not markers:
        return plain if re.fullmatch(r"\S+(?: \S+){0,2}", plain) else None
    rest = plain[markers[-1].end() :]
    line, _, below = rest.partition("\n")
    if line.strip():
        return line.strip()
    following = below.strip().partition("\n")[0]
    return _BULLET.sub("", following).strip()


def _labelled(text: str) -> dict[str, str]:
    """Return the text after each label, the last of each kind."""
    labels = list(_LABEL.finditer(text))
    ends = [label.start() for label in labels[1:]] + [len(text)]
    parts = {}
    for label, end in zip(labels, ends, strict=False):
        kind = label.group(1).lower().split()[0]
        parts[kind] = text[label.end() : end].strip()
    return parts


def _named(text: str, present: Sequence[str]) -> str | None:
    """Return the one name of *present* that stands in the first line of *text*."""
    line = strip_markup(text).partition("\n")[0].casefold()
    found = [name for name in present if re.search(rf"(?<!\w){re.escape(name.casefold())}(?!\w)", line)]
    return found[0] if len(found) == 1 else None


def _is_announcement(line: str) -> bool:
    """Tell whether a line only announces what follows, as in "Here is the sentence:"."""
    return line.rstrip().endswith((":", "："))
