"""Whether a run's record is whole: events, calls and the columns that are copies of them; and counting those anew."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.commons.config import EpisodeConfig
from app.commons.frozen import content_hash
from app.commons.metrics import EpisodeMetrics, episode_metrics, harvests
from app.engine.version import ENGINE_VERSION
from app.models.base import request_hash
from app.store.codec import DROPPED
from app.store.connect import Database
from app.store.prompt_sets import load_prompt_set
from app.store.records import RunRecord
from app.store.runs import add_log, metric_columns
from app.store.tables import CallRow, EventRow, RunRow
from app.store.whole import WholeRun, read_whole

# While a run is queued or played its columns run ahead of its rows, or will be brought up to date by its player.
SETTLED = frozenset({"finished", "cancelled", "paused", "failed", "interrupted"})

# Here nothing was on its way when the run was left: rows that were counted and are not there are lost.
EXACT = frozenset({"finished", "interrupted"})


class Soundness:
    """What is wrong with one run: *damage* of the record itself, and *stale* columns with their right values."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        self.damage: list[str] = []
        self.stale: dict[str, Any] = {}


async def check_run(database: Database, run_id: str) -> Soundness:
    """Read a run's whole record and say what is wrong with it.

    Raises:
        app.store.runs.UnknownRun: if there is no such run.
    """
    found = Soundness(run_id)
    whole = await read_whole(database, run_id)
    await _check_prompt_sets(database, whole.run, found)
    try:
        config = whole.run.episode
    except ValueError as error:
        found.damage.append(f"its configuration cannot be read ({type(error).__name__})")
        return found
    if config.hash != whole.run.config_hash:
        found.damage.append("its configuration is not the one its hash was made of")
    await _check_numbers(database, run_id, found)
    _check_calls(whole, found)
    columns = _right_columns(whole, config, found)
    if whole.run.state in EXACT:
        for name in ("events", "calls"):
            if columns.get(name, getattr(whole.run, name)) < getattr(whole.run, name):
                found.damage.append(f"{columns[name]:,} of its {getattr(whole.run, name):,} {name} are left")
    if whole.run.state in SETTLED and not found.damage:
        found.stale = {name: value for name, value in columns.items() if _differs(getattr(whole.run, name), value)}
    return found


async def recount(database: Database, run_id: str) -> bool:
    """Bring the columns of a run that are copies of its record up to date; return whether any was not.

    A run that is queued, being played, or damaged is left alone.
    """
    stale = (await check_run(database, run_id)).stale
    if not stale:
        return False
    async with database.write() as connection:
        settled = (RunRow.id == run_id, RunRow.state.in_(sorted(SETTLED)))
        if (await connection.execute(select(RunRow.id).where(*settled).with_for_update())).first() is None:
            return False
        await connection.execute(update(RunRow).where(*settled).values(**stale))
        await add_log(connection, run_id, "repair", f"Counted anew from the record: {', '.join(sorted(stale))}.")
    return True


async def _check_prompt_sets(database: Database, run: RunRecord, found: Soundness) -> None:
    for name, digest in run.prompts.items():
        try:
            _, files = await load_prompt_set(database, digest)
        except LookupError:
            found.damage.append(f"its prompt set '{name}' is not stored")
            continue
        except Exception as error:  # whatever unpacking rubbish raises
            found.damage.append(f"its prompt set '{name}' cannot be read ({type(error).__name__})")
            continue
        if content_hash(files) != digest:
            found.damage.append(f"its prompt set '{name}' is not the one it was pinned to")


async def _check_numbers(database: Database, run_id: str, found: Soundness) -> None:
    async with database.read() as connection:
        events = await _column(connection, EventRow, run_id)
        calls = await _column(connection, CallRow, run_id)
    if events != list(range(1, len(events) + 1)):
        lost = next((at for at, seq in enumerate(events, 1) if at != seq), len(events))
        found.damage.append(f"event {lost} is missing")
    if len(set(calls)) != len(calls):
        found.damage.append("two of its calls have the same number")


async def _column(connection: AsyncConnection, table: Any, run_id: str) -> Sequence[int]:
    rows = await connection.execute(select(table.seq).where(table.run_id == run_id).order_by(table.seq))
    return [row.seq for row in rows]


def _check_calls(whole: WholeRun, found: Soundness) -> None:
    same_engine = whole.run.origin == "native" and whole.run.engine_version == ENGINE_VERSION
    for key, row in whole.rows.items():
        try:
            call = whole.call(key)
        except Exception as error:  # whatever unpacking rubbish raises
            found.damage.append(f"the call {key} cannot be read ({type(error).__name__})")
            continue
        if call is None or row.request == DROPPED or not same_engine:
            continue
        if request_hash(call.model, call.messages, call.sampling) != call.request_hash:
            found.damage.append(f"the request of the call {key} is not the one its hash was made of")


def _right_columns(whole: WholeRun, config: EpisodeConfig, found: Soundness) -> Mapping[str, Any]:
    columns: dict[str, Any] = {"events": len(whole.events)}
    rows = list(whole.rows.values())
    if whole.run.calls_dropped_at is None:
        priced = [row.cost for row in rows if row.cost is not None]
        columns |= {
            "calls": len(rows),
            "prompt_tokens": sum(row.prompt_tokens or 0 for row in rows),
            "completion_tokens": sum(row.completion_tokens or 0 for row in rows),
            "cost": sum(priced) if priced else None,
            "unpriced_calls": len(rows) - len(priced),
        }
    try:
        events = whole.parsed()
        metrics: EpisodeMetrics = episode_metrics(harvests(events), config.game, config.names)
    except Exception as error:
        found.damage.append(f"its events cannot be read ({type(error).__name__})")
        return columns
    # An imported log tells amounts that are no harvest of ours; its importer decided what they mean.
    return columns | (metric_columns(metrics) if whole.run.origin == "native" else {})


def _differs(stored: Any, right: Any) -> bool:
    if isinstance(stored, float) and isinstance(right, (int, float)):
        return abs(stored - right) > 1e-9 * max(1.0, abs(right))
    return bool(stored != right)
