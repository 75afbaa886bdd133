"""Prompt sets as runs used them, kept by content hash."""

import json

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.commons.frozen import content_hash
from app.store.codec import pack, unpack
from app.store.connect import Database
from app.store.tables import PromptSetRow
from app.store.upsert import insert_into


async def save_prompt_set(connection: AsyncConnection, name: str, files: dict[str, str]) -> str:
    """Keep a prompt set by its content hash and return the hash."""
    digest = content_hash(files)
    values = {"hash": digest, "name": name, "files": pack(json.dumps(files, sort_keys=True))}
    await connection.execute(insert_into(connection, PromptSetRow).values(values).on_conflict_do_nothing())
    return digest


async def load_prompt_set(database: Database, digest: str) -> tuple[str, dict[str, str]]:
    """Return the name and files of a stored prompt set.

    Raises:
        LookupError: if it is not stored.
    """
    async with database.read() as connection:
        row = (
            await connection.execute(select(PromptSetRow.name, PromptSetRow.files).where(PromptSetRow.hash == digest))
        ).first()
    if row is None:
        raise LookupError(f"prompt set {digest[:12]} is not in the database")
    return row.name, json.loads(unpack(row.files))
