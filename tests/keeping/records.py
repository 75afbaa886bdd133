"""A database with something of everything, and a look at all of it."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, select, update

from app.commons.config import EpisodeConfig, GameConfig, GenerativeFramework, GenerativeMind
from app.commons.plan import ExperimentPlan
from app.store.connect import Database
from app.store.corrections import CorrectionIn, add_correction
from app.store.runs import add_log, launch, now
from app.store.shares import issue_share
from app.store.tables import RunRow, SubskillRunRow
from app.store.transfer import kept_tables
from tests.fakes.villagers import record
from tests.support import scripted_config


def generative(months: int = 1, seed: int = 1) -> EpisodeConfig:
    config = scripted_config(["greedy"] * 3, game=GameConfig(months=months), seed=seed)
    agents = tuple(agent.model_copy(update={"mind": GenerativeMind(model="lab/m")}) for agent in config.agents)
    return config.model_copy(update={"agents": agents, "framework": GenerativeFramework(model="lab/m")})


async def fill(database: Database) -> tuple[str, str]:
    """Store a finished run with calls, corrections and a share, a run being played, and tests; return the ids."""
    finished = await record(database, generative())
    await issue_share(database, finished.id, last_seq=None, lifetime=timedelta(days=30), label="für Ö\t'")
    corrected = CorrectionIn(month=1, limit=10**9, author="Ada Ö\u2028", note="line one\nline two", version=0)
    await add_correction(database, finished.id, corrected)
    await add_correction(database, finished.id, corrected.model_copy(update={"withdraw": True, "version": 1}))
    plan = ExperimentPlan.model_validate(
        {
            "hypotheses": ["Ö \u2028 survives"],
            "runs_per_cell": 1,
            "contrasts": [{"group": {"model": "a"}, "reference": {"model": "b"}}],
        }
    )
    _, [playing] = await launch(
        database,
        [scripted_config(seed=7)],
        plan=plan,
        prompt_sets={},
        engine_version="1",
        experiment="E",
        owner="worker@lost",
        definition='name = "E"\nnote = "ü\t"\n',
        labels=["five of them"],
    )
    async with database.write() as connection:
        await add_log(connection, playing, "note", "line one\nline two \u2028 end")
        await connection.execute(
            insert(SubskillRunRow).values(
                id="t2222222",
                created_at=now(),
                test_set="own",
                set_id="s",
                model="lab/m",
                scenario="fishery",
                seed=2**62,
                cases=1,
                tests=["a", "ü"],
                prompts={"x": "y"},
                state="playing",
                total=8,
                notes=[],
                owner="worker@lost",
                heartbeat=now(),
                cost=0.1 + 0.2,
            )
        )
    return finished.id, playing


async def age(database: Database, run_id: str, days: float, **values: Any) -> None:
    """Let a run have ended *days* ago."""
    ended: datetime = now() - timedelta(days=days)
    async with database.write() as connection:
        await connection.execute(update(RunRow).where(RunRow.id == run_id).values(ended_at=ended, **values))


async def silence(database: Database) -> None:
    """Let whoever plays runs or asks tests be long gone."""
    async with database.write() as connection:
        for table in (RunRow, SubskillRunRow):
            await connection.execute(update(table).values(heartbeat=None))


async def contents(database: Database) -> dict[str, list[dict[str, Any]]]:
    """Return all rows of all tables that are kept."""
    async with database.read() as connection:
        return {
            table.name: [
                dict(row._mapping) for row in await connection.execute(select(table).order_by(*table.primary_key))
            ]
            for table in kept_tables()
        }
