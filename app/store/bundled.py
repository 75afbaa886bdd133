"""Reads what a bundle holds: runs whole, the prompt sets they are pinned to, and their experiments."""

from collections.abc import Mapping, Sequence

from app.store.connect import Database
from app.store.prompt_sets import load_prompt_set
from app.store.queries import RunFilter, get_experiment, list_runs
from app.store.records import ExperimentRecord
from app.store.runs import UnknownExperiment, get_run
from app.store.whole import WholeRun, read_whole

MOST_RUNS = 500


async def read_bundled(
    database: Database, names: Sequence[str]
) -> tuple[list[WholeRun], Mapping[str, tuple[str, Mapping[str, str]]], list[ExperimentRecord]]:
    """Return the runs that *names* name, of experiments all their runs (archived ones too), each once.

    Raises:
        app.store.runs.UnknownRun: if there is no such run.
        UnknownExperiment: if there is no such experiment.
    """
    ids: dict[str, None] = {}
    experiments: list[ExperimentRecord] = []
    for name in names:
        if not name.startswith("x"):
            ids[name] = None
            continue
        found = await get_experiment(database, name)
        if found is None:
            raise UnknownExperiment(name)
        experiments.append(found)
        wanted = RunFilter(experiment=name, archived="all", descending=False, limit=MOST_RUNS)
        ids |= dict.fromkeys(run.id for run in (await list_runs(database, wanted))[0])
    runs = []
    for run_id in ids:
        await get_run(database, run_id)
        runs.append(await read_whole(database, run_id))
    digests = sorted({digest for whole in runs for digest in whole.run.prompts.values()})
    sets: dict[str, tuple[str, Mapping[str, str]]] = {
        digest: await load_prompt_set(database, digest) for digest in digests
    }
    return runs, sets, experiments
