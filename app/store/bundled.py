"""Reads what a bundle holds: runs whole, the prompt sets they are pinned to, and their experiments."""

from collections.abc import Mapping, Sequence

from app.store.connect import Database
from app.store.prompt_sets import load_prompt_set
from app.store.queries import RunFilter, get_experiment, list_runs
from app.store.records import ExperimentRecord, RunRecord
from app.store.runs import UnknownExperiment, get_run
from app.store.whole import WholeRun, read_whole

MOST_RUNS = 500


async def named_runs(database: Database, names: Sequence[str]) -> tuple[list[RunRecord], list[ExperimentRecord]]:
    """Return the runs that *names* name, by id, of experiments all their runs (archived ones too), and these.

    Raises:
        app.store.runs.UnknownRun: if there is no such run.
        UnknownExperiment: if there is no such experiment.
    """
    found: dict[str, RunRecord] = {}
    experiments: list[ExperimentRecord] = []
    for name in dict.fromkeys(names):
        if not name.startswith("x"):
            found[name] = await get_run(database, name)
            continue
        experiment = await get_experiment(database, name)
        if experiment is None:
            raise UnknownExperiment(name)
        experiments.append(experiment)
        wanted = RunFilter(experiment=name, archived="all", descending=False, limit=MOST_RUNS)
        found |= {run.id: run for run in (await list_runs(database, wanted))[0]}
    return [found[run_id] for run_id in sorted(found)], experiments


async def pinned_sets(database: Database, runs: Sequence[RunRecord]) -> dict[str, tuple[str, Mapping[str, str]]]:
    """Return the prompt sets that *runs* are pinned to, by hash: name and files."""
    digests = sorted({digest for run in runs for digest in run.prompts.values()})
    return {digest: await load_prompt_set(database, digest) for digest in digests}


async def read_bundled(
    database: Database, names: Sequence[str]
) -> tuple[list[WholeRun], Mapping[str, tuple[str, Mapping[str, str]]], list[ExperimentRecord]]:
    """Return the runs of `named_runs` whole, their prompt sets, and the experiments."""
    runs, experiments = await named_runs(database, names)
    whole = [await read_whole(database, run.id) for run in runs]
    return whole, await pinned_sets(database, runs), experiments
