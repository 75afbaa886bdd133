"""Where in a completion an answer was read, for people who look at it afterwards."""

import re

from app.commons.frozen import Frozen
from app.minds.reader import NO_LIMIT, final_answer, read_limit, read_number

_MARKER = re.compile(r"(?:answer|回答)\W*?[:：]", re.IGNORECASE)


class Reading(Frozen):
    """What our reader makes of a completion: the value, where it stands, and by which rule (docs/answer-reader.md).

    `start` and `end` count characters (code points) of the text; both are null where nothing was read or where what was
    read stands there in other words.
    """

    value: int | None
    readable: bool
    start: int | None = None
    end: int | None = None
    how: str


def reading_of(purpose: str, text: str) -> Reading | None:
    """Return how a completion is read that answers with a number; None for other purposes."""
    if purpose not in ("harvest", "limit"):
        return None
    read = read_number(text) if purpose == "harvest" else read_limit(text)
    region = final_answer(text)
    if region is None:
        return Reading(value=None, readable=False, how="Not readable: there is no “Answer:” in it.")
    markers = list(_MARKER.finditer(text))
    rule = "after the last “Answer:”" if markers else "from the whole reply, which is short enough to need no “Answer:”"
    if read is None:
        return Reading(value=None, readable=False, how=f"Not readable: looked for one whole number {rule}.")
    value = None if read == NO_LIMIT else int(read)
    start = markers[-1].end() if markers else 0
    wanted = region if value is None else str(value)
    at = text.find(wanted, start)
    if at < 0 and region in text:
        at, wanted = text.rfind(region), region
    how = f"Read {rule}: {'no limit' if value is None else value}."
    if at < 0 or not wanted:
        return Reading(value=value, readable=True, how=how)
    return Reading(value=value, readable=True, start=at, end=at + len(wanted), how=how)
