"""Share links: unguessable, read-only, revocable. Only a token's hash is stored."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.store.connect import Database
from app.store.ids import new_id, new_token, token_hash
from app.store.records import ShareRecord, ShareScope
from app.store.runs import add_log, now
from app.store.tables import CallRow, EventRow, RunRow, SharedRunRow, ShareRow

MOST_RUNS = 500


class UnknownShare(LookupError):
    """No link was ever issued for this token."""


class EndedShare(Exception):
    """The link was revoked or has expired."""


class WrongScope(LookupError):
    """The link opens something, but not what was asked for through it."""


class NothingToShare(ValueError):
    """What is to be shared holds no runs, or too many; in a sentence."""


class ShareTerms(BaseModel):
    """What a link shows, how long, and what it leaves out.

    `follows`: what is there when it is opened, not when it was made. `author`: the name that its pages tell, None for
    none. `label`: a note for the owner's list of links.
    """

    model_config = ConfigDict(frozen=True)

    follows: bool = False
    with_prompts: bool = True
    with_costs: bool = True
    author: str | None = None
    lifetime: timedelta | None = None
    label: str | None = None


async def issue_share(
    database: Database,
    run_id: str,
    *,
    last_seq: int | None,
    last_call: int | None = None,
    with_prompts: bool = True,
    with_costs: bool = True,
    author: str | None = None,
    lifetime: timedelta | None = None,
    label: str | None = None,
) -> tuple[ShareRecord, str]:
    """Issue a link to a run and return it with its token, which cannot be had again.

    Args:
        database: where.
        run_id: what is shared.
        last_seq: a snapshot ends at this event; None follows the run.
        last_call: a snapshot shows the calls recorded up to this one; None: those of its months and phases.
        with_prompts: whether calls (prompts and completions) are shown.
        with_costs: whether it is told what the calls cost.
        author: the name that the page tells.
        lifetime: how long the link holds; None for ever.
        label: a note for the owner's list of links.
    """
    terms = ShareTerms(
        follows=last_seq is None,
        with_prompts=with_prompts,
        with_costs=with_costs,
        author=author,
        lifetime=lifetime,
        label=label,
    )
    share, token = _new(terms, scope="run", run_id=run_id, last_seq=last_seq, last_call=last_call)
    async with database.write() as connection:
        await _store(connection, share, token)
        await add_log(connection, run_id, "share", "A share link was issued.")
    return share, token


async def snapshot_share(database: Database, run_id: str, terms: ShareTerms) -> tuple[ShareRecord, str]:
    """Issue a link to a run; a snapshot ends at the last event and call that are recorded at this moment."""
    async with database.write() as connection:
        ends = (await _ends(connection, [run_id], terms)).get(run_id, (None, None))
        share, token = _new(terms, scope="run", run_id=run_id, last_seq=ends[0], last_call=ends[1])
        await _store(connection, share, token)
        await add_log(connection, run_id, "share", "A share link was issued.")
    return share, token


async def share_set(
    database: Database,
    run_ids: Sequence[str],
    terms: ShareTerms,
    *,
    experiment_id: str | None = None,
    query: str | None = None,
) -> tuple[ShareRecord, str]:
    """Issue a link to an experiment or a comparison and return it with its token, which cannot be had again.

    Args:
        database: where.
        run_ids: the runs it shows; one that follows an experiment shows those launched later too.
        terms: what it shows of them. A snapshot of each run ends at its last event and call at this moment.
        experiment_id: the experiment; else it is a comparison.
        query: the comparison's canonical query.

    Raises:
        NothingToShare: if there is no run, or more than MOST_RUNS.
    """
    if not 0 < len(run_ids) <= MOST_RUNS:
        raise NothingToShare(f"A link shows 1 to {MOST_RUNS} runs, not {len(run_ids)}.")
    scope: ShareScope = "experiment" if experiment_id else "comparison"
    share, token = _new(terms, scope=scope, experiment_id=experiment_id, query=query)
    async with database.write() as connection:
        await _store(connection, share, token)
        ends = await _ends(connection, run_ids, terms)
        rows = [
            {"share_id": share.id, "run_id": run_id, "last_seq": ends.get(run_id, (None, None))[0]}
            | {"last_call": ends.get(run_id, (None, None))[1]}
            for run_id in run_ids
        ]
        await connection.execute(insert(SharedRunRow), rows)
    return share, token


def _new(terms: ShareTerms, **what: Any) -> tuple[ShareRecord, str]:
    moment = now()
    share = ShareRecord(
        id=new_id("s"),
        created_at=moment,
        expires_at=moment + terms.lifetime if terms.lifetime else None,
        revoked_at=None,
        **terms.model_dump(exclude={"lifetime"}),
        **what,
    )
    return share, new_token()


async def _store(connection: AsyncConnection, share: ShareRecord, token: str) -> None:
    await connection.execute(insert(ShareRow).values(token_hash=token_hash(token), **share.model_dump()))


async def _ends(
    connection: AsyncConnection, run_ids: Sequence[str], terms: ShareTerms
) -> dict[str, tuple[int, int] | tuple[None, None]]:
    """Return the last event and call of each run, for a snapshot."""
    if terms.follows:
        return {}
    found: dict[str, tuple[int, int] | tuple[None, None]] = {}
    events = select(EventRow.run_id, func.max(EventRow.seq)).where(EventRow.run_id.in_(run_ids))
    calls = select(CallRow.run_id, func.max(CallRow.seq)).where(CallRow.run_id.in_(run_ids))
    last_events = {row[0]: row[1] for row in await connection.execute(events.group_by(EventRow.run_id))}
    last_calls = {row[0]: row[1] for row in await connection.execute(calls.group_by(CallRow.run_id))}
    for run_id in run_ids:
        found[run_id] = (last_events.get(run_id, 0), last_calls.get(run_id, 0))
    return found


async def shared_runs(database: Database, share: ShareRecord) -> dict[str, tuple[int | None, int | None]]:
    """Return the runs that a link to an experiment or comparison shows, each with its last event and call.

    None stands for no end: such a run is followed.
    """
    rows = select(SharedRunRow.run_id, SharedRunRow.last_seq, SharedRunRow.last_call).where(
        SharedRunRow.share_id == share.id
    )
    async with database.read() as connection:
        found = {row.run_id: (row.last_seq, row.last_call) for row in await connection.execute(rows)}
        if share.experiment_id and share.follows:
            of_it = select(RunRow.id).where(RunRow.experiment_id == share.experiment_id).limit(MOST_RUNS)
            found |= {row.id: (None, None) for row in await connection.execute(of_it)}
    return found


async def open_share(database: Database, token: str, at: datetime | None = None) -> ShareRecord:
    """Return the share that *token* opens.

    Raises:
        UnknownShare: if no link has this token.
        EndedShare: if the link was revoked or has expired.
    """
    async with database.read() as connection:
        row = (
            await connection.execute(select(ShareRow.__table__).where(ShareRow.token_hash == token_hash(token)))
        ).first()
    if row is None:
        raise UnknownShare(token_hash(token)[:8])
    share = ShareRecord.model_validate(row)
    if share.revoked_at is not None:
        raise EndedShare("This link was revoked.")
    if share.expires_at is not None and share.expires_at <= (at or now()):
        raise EndedShare("This link has expired.")
    return share


async def list_shares(database: Database, run_id: str | None = None) -> list[ShareRecord]:
    """Return the issued links, newest first; of one run if it is named."""
    query = select(ShareRow.__table__).order_by(ShareRow.created_at.desc()).limit(1000)
    if run_id is not None:
        query = query.where(ShareRow.run_id == run_id)
    async with database.read() as connection:
        return [ShareRecord.model_validate(row) for row in await connection.execute(query)]


async def revoke_share(database: Database, share_id: str) -> bool:
    """Revoke a link; return False if there is none of this id. Revoking twice is revoking once."""
    async with database.write() as connection:
        query = select(ShareRow.run_id, ShareRow.revoked_at).where(ShareRow.id == share_id).with_for_update()
        row = (await connection.execute(query)).first()
        if row is None:
            return False
        if row.revoked_at is None:
            await connection.execute(update(ShareRow).where(ShareRow.id == share_id).values(revoked_at=now()))
            if row.run_id is not None:
                await add_log(connection, row.run_id, "share", "A share link was revoked.")
    return True
