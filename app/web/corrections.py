"""Which corrections of agreed limits a reader sees: an owner all, the holder of a link those of what it shows."""

from app.commons.corrections import LimitCorrection, without_authors
from app.store.corrections import list_corrections
from app.store.records import RunRecord
from app.web.services import Services
from app.web.shared import SharedRun


async def corrections_seen(
    services: Services, run: RunRecord, shared: SharedRun | None = None
) -> tuple[LimitCorrection, ...]:
    """Return all versions that the reader of *run* may see, by month and version.

    A link tells nobody's name. A snapshot stays as it was made: corrections that came later are not part of it.
    """
    found = tuple(await list_corrections(services.database, run.id))
    if shared is None:
        return found
    if shared.share.last_seq is not None:
        found = tuple(item for item in found if item.at <= shared.share.created_at)
    if shared.until is not None:
        month, phase = shared.until
        found = tuple(item for item in found if item.month < month or (item.month == month and phase in AFTER_READING))
    return without_authors(found)


AFTER_READING = ("take_away", "home", "regrow")
"""The phases in which the talk of the month may have been read."""
