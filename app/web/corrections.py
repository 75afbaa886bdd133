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

    A link that tells its own author's name tells these names too. A snapshot stays as it was made: corrections that
    came later are not part of it.
    """
    found = tuple(await list_corrections(services.database, run.id))
    if shared is None:
        return found
    share = shared.share
    if not share.follows:
        found = tuple(item for item in found if item.at <= share.created_at)
    return found if share.author else without_authors(found)
