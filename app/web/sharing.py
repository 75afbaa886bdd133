"""Issuing links: what may be asked for, and the address that comes of it."""

from datetime import timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from app.store.connect import Database
from app.store.records import RunRecord, ShareRecord
from app.store.shares import issue_share
from app.web import urls


class ShareIn(BaseModel):
    """What to share of a run."""

    model_config = ConfigDict(extra="forbid")

    scope: Literal["snapshot", "follow"] = "snapshot"
    prompts: bool = Field(default=True, description="whether prompts and completions can be opened")
    days: Literal[7, 30, 90] | None = Field(default=30, description="how long the link holds; null for ever")
    label: str | None = Field(default=None, max_length=200)


async def issue_link(database: Database, run: RunRecord, wish: ShareIn, base_url: str) -> tuple[ShareRecord, str]:
    """Issue a link to *run* and return it with its full address, which cannot be had again.

    Args:
        database: where.
        run: what is shared; a snapshot ends at its last event.
        wish: how.
        base_url: scheme and host of this instance, as the asker sees it.
    """
    share, token = await issue_share(
        database,
        run.id,
        last_seq=run.events if wish.scope == "snapshot" else None,
        with_prompts=wish.prompts,
        lifetime=timedelta(days=wish.days) if wish.days else None,
        label=wish.label or None,
    )
    return share, base_url.rstrip("/") + urls.share(token)
