"""A bundle read from the database and written to a file, a run at a time."""

import asyncio
from collections.abc import Sequence
from typing import IO

from pydantic import TypeAdapter

from app.interop.bundle import BundleWriter, check_runs
from app.interop.bundle_about import BundleTerms
from app.store.bundled import named_runs, pinned_sets
from app.store.connect import Database
from app.store.frozen_plans import FrozenPlan
from app.store.plans import plans_of
from app.store.whole import read_whole

_PLANS = TypeAdapter(list[FrozenPlan])


async def bundle_to(database: Database, names: Sequence[str], terms: BundleTerms, out: IO[bytes]) -> int:
    """Write the bundle of the runs and experiments *names* to *out* and return how many runs it holds.

    Raises:
        app.interop.bundle.BundleRefused: if a run cannot be bundled; nothing is written then.
        app.store.runs.UnknownRun: if there is no such run.
        app.store.runs.UnknownExperiment: if there is no such experiment.
    """
    runs, experiments = await named_runs(database, names)
    check_runs(runs)
    sets = await pinned_sets(database, runs)
    frozen = await plans_of(database, [experiment.id for experiment in experiments])
    plans = {name: _PLANS.dump_json(versions, indent=2).decode() + "\n" for name, versions in frozen.items()}
    with BundleWriter(out, terms) as writer:
        for run in runs:
            # Packing takes a thread: nobody else waits for it.
            await asyncio.to_thread(writer.add, await read_whole(database, run.id))
        await asyncio.to_thread(writer.finish, sets, experiments, plans)
    return len(runs)
