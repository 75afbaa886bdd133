"""What owners say of a run: its name, a note, tags. They lie beside the record and change nothing in it."""

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.minds.text import clean
from app.store.connect import Database
from app.store.runs import DeletedRun, UnknownExperiment, UnknownRun, now
from app.store.tables import ExperimentRow, RunRow, RunTagRow
from app.store.upsert import insert_into

MAX_NAME, MAX_NOTE, MAX_TAG, MAX_TAGS = 200, 20_000, 40, 20
_TAG = re.compile(r"\w[\w.:/+=-]*")


class AnnotationError(ValueError):
    """What was written cannot be kept; `fields` says why, field by field."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.fields = {field: message}


def clean_name(text: str) -> str:
    """Return *text* as a name: one line, without control characters.

    Raises:
        AnnotationError: if it is too long.
    """
    name = " ".join(clean(text).split())
    if len(name) > MAX_NAME:
        raise AnnotationError("name", f"A name has at most {MAX_NAME} characters.")
    return name


def clean_tag(text: str) -> str:
    """Return *text* as a tag: small letters, spaces as hyphens ("To Discuss" is "to-discuss").

    Raises:
        AnnotationError: if it is empty, too long, or holds more than letters, digits and . : / + = - _
    """
    tag = "-".join(unicodedata.normalize("NFKC", clean(text)).casefold().split())
    if not tag or len(tag) > MAX_TAG or _TAG.fullmatch(tag) is None:
        raise AnnotationError(
            "tag", f"A tag has 1 to {MAX_TAG} letters, digits or . : / + = - _ and begins with a letter or digit."
        )
    return tag


def clean_tags(text: str) -> list[str]:
    """Return the tags in *text*, separated by commas, each once.

    Raises:
        AnnotationError: if there is none, or one that cannot be a tag.
    """
    found = list(dict.fromkeys(clean_tag(part) for part in text.split(",") if part.strip()))
    if not found:
        raise AnnotationError("tag", "Write a tag.")
    return found


async def rename(database: Database, run_id: str, name: str) -> str | None:
    """Give a run a name, or take it off with an empty one; return the name it has then.

    Raises:
        UnknownRun: if there is no such run.
        AnnotationError: if the name is too long.
    """
    kept = clean_name(name) or None
    async with database.write() as connection:
        await hold(connection, [run_id])
        await connection.execute(update(RunRow).where(RunRow.id == run_id).values(name=kept))
    return kept


async def rename_experiment(database: Database, experiment_id: str, name: str) -> str:
    """Give an experiment another name, and return it.

    Raises:
        UnknownExperiment: if there is no such experiment.
        AnnotationError: if the name is empty or too long.
    """
    kept = clean_name(name)
    if not kept:
        raise AnnotationError("name", "An experiment needs a name.")
    async with database.write() as connection:
        there = ExperimentRow.id == experiment_id, ExperimentRow.deleted_at.is_(None)
        if (await connection.execute(update(ExperimentRow).where(*there).values(name=kept))).rowcount != 1:
            raise UnknownExperiment(experiment_id)
    return kept


async def write_note(database: Database, run_id: str, text: str) -> str | None:
    """Keep *text* as the note about a run, with the time of the change; an empty one takes the note off.

    Raises:
        UnknownRun: if there is no such run.
        AnnotationError: if it is too long.
    """
    kept = clean(text).strip() or None
    if kept is not None and len(kept) > MAX_NOTE:
        raise AnnotationError("note", f"A note has at most {MAX_NOTE:,} characters.")
    async with database.write() as connection:
        await hold(connection, [run_id])
        changed = RunRow.id == run_id, RunRow.owner_note.is_distinct_from(kept)
        await connection.execute(update(RunRow).where(*changed).values(owner_note=kept, owner_note_at=now()))
    return kept


async def add_tags(database: Database, run_ids: Collection[str], tags: Sequence[str]) -> None:
    """Put *tags*, as `clean_tags` gives them, on each of the runs: on all or on none.

    Raises:
        UnknownRun: if one of the runs does not exist.
        AnnotationError: if a run would have too many tags.
    """
    async with database.write() as connection:
        await hold(connection, run_ids)
        rows = [{"run_id": run_id, "tag": tag} for run_id in sorted(set(run_ids)) for tag in sorted(set(tags))]
        await connection.execute(insert_into(connection, RunTagRow).on_conflict_do_nothing(), rows)
        counted = (
            select(RunTagRow.run_id)
            .where(RunTagRow.run_id.in_(run_ids))
            .group_by(RunTagRow.run_id)
            .having(func.count() > MAX_TAGS)
        )
        if (full := (await connection.execute(counted.limit(1))).scalar()) is not None:
            raise AnnotationError("tag", f"A run has at most {MAX_TAGS} tags; run {full} would have more.")


async def remove_tag(database: Database, run_ids: Collection[str], tag: str) -> None:
    """Take *tag* off the runs; where it is not there nothing changes.

    Raises:
        UnknownRun: if one of the runs does not exist.
    """
    async with database.write() as connection:
        await hold(connection, run_ids)
        await connection.execute(delete(RunTagRow).where(RunTagRow.run_id.in_(run_ids), RunTagRow.tag == tag))


async def tags_of(database: Database, run_ids: Iterable[str]) -> Mapping[str, list[str]]:
    """Return the tags of each of the runs, sorted."""
    found: dict[str, list[str]] = {run_id: [] for run_id in run_ids}
    query = select(RunTagRow.run_id, RunTagRow.tag).where(RunTagRow.run_id.in_(found))
    async with database.read() as connection:
        for row in await connection.execute(query.order_by(RunTagRow.run_id, RunTagRow.tag)):
            found[row.run_id].append(row.tag)
    return found


async def hold(connection: AsyncConnection, run_ids: Collection[str]) -> None:
    """Lock the runs for the rest of the transaction.

    Raises:
        UnknownRun: if one of them does not exist; DeletedRun if it was deleted.
    """
    query = select(RunRow.id, RunRow.deleted_at).where(RunRow.id.in_(run_ids)).order_by(RunRow.id)
    found = {row.id: row.deleted_at for row in await connection.execute(query.with_for_update())}
    for run_id in run_ids:
        if run_id not in found:
            raise UnknownRun(run_id)
        if found[run_id] is not None:
            raise DeletedRun(run_id, found[run_id])
