"""Share links: unguessable, read-only, revocable. Only a token's hash is stored."""

from datetime import datetime, timedelta

from sqlalchemy import insert, select, update

from app.store.connect import Database
from app.store.ids import new_id, new_token, token_hash
from app.store.records import ShareRecord
from app.store.runs import add_log, now
from app.store.tables import ShareRow


class UnknownShare(LookupError):
    """No link was ever issued for this token."""


class EndedShare(Exception):
    """The link was revoked or has expired."""


async def issue_share(
    database: Database,
    run_id: str,
    *,
    last_seq: int | None,
    with_prompts: bool = True,
    lifetime: timedelta | None = None,
    label: str | None = None,
) -> tuple[ShareRecord, str]:
    """Issue a link to a run and return it with its token, which cannot be had again.

    Args:
        database: where.
        run_id: what is shared.
        last_seq: a snapshot ends at this event; None follows the run.
        with_prompts: whether calls (prompts and completions) are shown.
        lifetime: how long the link holds; None for ever.
        label: a note for the owner's list of links.
    """
    token = new_token()
    moment = now()
    share = ShareRecord(
        id=new_id("s"),
        run_id=run_id,
        created_at=moment,
        expires_at=moment + lifetime if lifetime else None,
        revoked_at=None,
        last_seq=last_seq,
        with_prompts=with_prompts,
        label=label,
    )
    async with database.write() as connection:
        await connection.execute(insert(ShareRow).values(token_hash=token_hash(token), **share.model_dump()))
        await add_log(connection, run_id, "share", "A share link was issued.")
    return share, token


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
            await add_log(connection, row.run_id, "share", "A share link was revoked.")
    return True
