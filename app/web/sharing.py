"""Issuing links: what may be asked for, and the address that comes of it."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any, Literal

from fastapi import Form
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.store.connect import Database
from app.store.records import ExperimentRecord, RunRecord, ShareRecord
from app.store.shares import NothingToShare, ShareTerms, share_set, snapshot_share
from app.web import urls
from app.web.errors import Problem


class ShareIn(BaseModel):
    """What to share."""

    model_config = ConfigDict(extra="forbid")

    scope: Literal["snapshot", "follow"] = "snapshot"
    prompts: bool = Field(default=True, description="whether prompts and completions can be opened")
    costs: bool = Field(default=True, description="whether it is told what the calls cost")
    author: str | None = Field(default=None, max_length=200, description="a name that the page tells; null for none")
    days: Literal[7, 30, 90] | None = Field(default=30, description="how long the link holds; null for ever")
    label: str | None = Field(default=None, max_length=200)

    @property
    def terms(self) -> ShareTerms:
        """The same for the store."""
        return ShareTerms(
            follows=self.scope == "follow",
            with_prompts=self.prompts,
            with_costs=self.costs,
            author=(self.author or "").strip() or None,
            lifetime=timedelta(days=self.days) if self.days else None,
            label=(self.label or "").strip() or None,
        )


def share_form(
    scope: Annotated[str, Form(max_length=20)] = "snapshot",
    prompts: Annotated[str, Form(max_length=10)] = "",
    costs: Annotated[str, Form(max_length=10)] = "",
    author: Annotated[str, Form(max_length=200)] = "",
    days: Annotated[str, Form(max_length=10)] = "",
    label: Annotated[str, Form(max_length=200)] = "",
) -> ShareIn:
    """Return what a share form asks for; 422 if it cannot be."""
    given: dict[str, Any] = {"scope": scope, "prompts": bool(prompts), "costs": bool(costs)}
    given |= {"author": author or None, "label": label or None}
    given["days"] = int(days) if days.isascii() and days.isdigit() else None if days in ("", "never") else days
    try:
        return ShareIn.model_validate(given)
    except ValidationError as error:
        field = str(error.errors(include_input=False)[0]["loc"][0])
        raise Problem(422, "invalid", f"This link cannot be made: “{field}” is not valid.") from None


async def issue_link(database: Database, run: RunRecord, wish: ShareIn, base_url: str) -> tuple[ShareRecord, str]:
    """Issue a link to *run* and return it with its full address, which cannot be had again.

    Args:
        database: where.
        run: what is shared; a snapshot ends at its last event.
        wish: how.
        base_url: scheme and host of this instance, as the asker sees it.
    """
    share, token = await snapshot_share(database, run.id, wish.terms)
    return share, base_url.rstrip("/") + urls.share(token)


async def issue_set_link(
    database: Database,
    runs: Sequence[RunRecord],
    wish: ShareIn,
    base_url: str,
    *,
    experiment: ExperimentRecord | None = None,
    query: str | None = None,
) -> tuple[ShareRecord, str]:
    """Issue a link to an experiment, or to the comparison *query* of *runs*; 422 where there are none, or too many."""
    try:
        share, token = await share_set(
            database,
            [run.id for run in runs],
            wish.terms,
            experiment_id=experiment.id if experiment else None,
            query=query,
        )
    except NothingToShare as error:
        raise Problem(422, "invalid", str(error)) from None
    return share, base_url.rstrip("/") + urls.share(token)
