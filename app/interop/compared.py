"""Runs for a comparison: chosen by an ask, read from the database, summed up, remembered while they do not change."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.analysis.ask import MOST_RUNS, ComparisonAsk, NothingToCompare
from app.analysis.comparison import Comparison, compare
from app.analysis.contrasts import Contrast, Planned
from app.analysis.corrections import corrected
from app.analysis.groups import ComparedRun, distinct, grouped
from app.analysis.planned import Fitted, PlanInForce, PlannedCell, fit_plans
from app.analysis.replay import replay
from app.analysis.summary import RunSummary, summarise
from app.commons.config import EpisodeConfig, MindConfig, ScriptedMind
from app.commons.corrections import LimitCorrection, in_force
from app.commons.events import parse_event
from app.commons.scenario import conditions, scenarios
from app.store.annotations import tags_of
from app.store.completions import Origin, completion_digests, origins
from app.store.connect import Database
from app.store.corrections import corrections_of
from app.store.experiments import cell_runs
from app.store.plans import plans_of
from app.store.queries import RunFilter, harvest_events, list_experiments, list_runs, runs_of
from app.store.records import RunRecord
from app.store.runs import describe_minds

KEPT = 2_000
KEPT_WHOLE = 8

Corrections = Mapping[str, Sequence[LimitCorrection]]
RunKey = tuple[str, int, tuple[LimitCorrection, ...]]


@dataclass
class Summaries:
    """What is remembered of runs, by id, number of events and corrections: pure functions of the run's record."""

    runs: OrderedDict[RunKey, RunSummary] = field(default_factory=OrderedDict)
    origins: OrderedDict[tuple[str, int], Origin] = field(default_factory=OrderedDict)
    digests: OrderedDict[tuple[str, int], str] = field(default_factory=OrderedDict)
    laid_out: "OrderedDict[object, LaidOut]" = field(default_factory=OrderedDict)

    def trim(self) -> None:
        """Forget what was stored first where too much is remembered."""
        for kept in (self.runs, self.origins, self.digests):
            while len(kept) > KEPT:
                kept.popitem(last=False)
        while len(self.laid_out) > KEPT_WHOLE:
            self.laid_out.popitem(last=False)


@dataclass(frozen=True)
class LaidOut:
    """A comparison, ready to be shown or written.

    All runs, those that count by group, the numbers, and the runs that cannot be compared.
    """

    ask: ComparisonAsk
    runs: Sequence[ComparedRun]
    members: Mapping[str, Sequence[ComparedRun]]
    comparison: Comparison
    left_out: Sequence[RunRecord]


@dataclass(frozen=True)
class Around:
    """What is said of runs beside their records: experiments' names by id, tags and corrections in force by run."""

    experiments: Mapping[str, str]
    tags: Mapping[str, Sequence[str]]
    corrections: Corrections


async def all_around(database: Database, run_ids: Sequence[str]) -> Around:
    """Return all that is said of runs, for their owner."""
    said = await corrections_of(database, run_ids)
    return Around(
        experiments={one.id: one.name for one in await list_experiments(database, 1000)},
        tags=await tags_of(database, run_ids),
        corrections={run: in_force(each) for run, each in said.items()},
    )


async def lay_out(
    database: Database,
    ask: ComparisonAsk,
    runs: Sequence[RunRecord],
    known: Summaries,
    planned: Sequence[Planned] = (),
    around: Around | None = None,
) -> LaidOut:
    """Return the comparison of *runs* as *ask* wants it, and of no others.

    Contrasts that frozen plans of their experiments name are told apart from exploratory ones.

    Args:
        database: where.
        ask: what is wanted.
        runs: each is compared as far as its `events` go.
        known: what is remembered of earlier comparisons; added to.
        planned: contrasts of a plan that no experiment keeps.
        around: what their reader may know of them beside their records; None for their owner, who may know all.
    """
    said = around or await all_around(database, [run.id for run in runs])
    names, tags, corrections = said.experiments, said.tags, said.corrections
    # A page's charts ask for the comparison that the page has just shown.
    told = tuple(
        (_key(run, corrections), run.name, run.state, run.calls, run.experiment_id, tuple(tags.get(run.id, ())))
        for run in runs
    )
    plans = await plans_in_force(database, runs)
    key = (ask, told, tuple(planned), tuple(names.items()), tuple((one.hash, *sorted(one.cells)) for one in plans))
    if key in known.laid_out:
        return known.laid_out[key]
    usable, left_out = await compared(database, runs, known, names, tags, corrections)
    # Numbers take a thread: nobody else waits for them.
    parts = grouped(usable, ask)
    fitted = fit_plans(plans, parts, ask.answers)
    comparison = await asyncio.to_thread(_numbers, usable, ask, (*planned, *fitted.planned), fitted)
    members = {label: distinct(part)[0] for label, part in parts.items()}
    known.laid_out[key] = LaidOut(ask, usable, members, comparison, left_out)
    known.trim()
    return known.laid_out[key]


def _numbers(runs: Sequence[ComparedRun], ask: ComparisonAsk, planned: Sequence[Planned], fitted: Fitted) -> Comparison:
    """Return the comparison with what plans say about it, and the planned contrasts without runs that were added."""
    family = len(planned) - len(fitted.planned) + fitted.family
    found = compare(runs, ask, planned, family)
    without: tuple[Contrast, ...] = ()
    if fitted.added and planned:
        kept = [run for run in runs if run.run not in fitted.added]
        without = tuple(one for one in compare(kept, ask, planned, family).contrasts if one.planned)
    notes = (*fitted.notes, *found.notes)
    return found.model_copy(update={"notes": notes, "added": fitted.added, "without_added": without})


async def plans_in_force(database: Database, runs: Sequence[RunRecord]) -> list[PlanInForce]:
    """Return the latest frozen plan of each experiment that *runs* belong to."""
    names = sorted({run.experiment_id for run in runs if run.experiment_id})
    found = []
    for experiment, versions in (await plans_of(database, names)).items():
        last = versions[-1]
        cells = {
            run.id: PlannedCell(run.label, run.condition, run.scenario, run.seed)
            for run in await cell_runs(database, experiment)
        }
        found.append(
            PlanInForce(
                plan=last.plan,
                version=last.version,
                hash=last.hash,
                day=f"{last.frozen_at:%Y-%m-%d}",
                timing=last.timing,
                after_all=last.after_all,
                frozen=frozenset(last.configs),
                cells=cells,
            )
        )
    return found


async def choose_runs(database: Database, ask: ComparisonAsk, wanted: RunFilter) -> tuple[list[RunRecord], int]:
    """Return the runs of *ask* that *wanted* keeps, oldest first, at most its limit, and how many there are in all.

    An ask that names nothing chooses nothing.
    """
    if ask.empty:
        return [], 0
    if ask.runs or ask.experiments:
        return await runs_of(database, ask.runs, ask.experiments, wanted)
    return await list_runs(database, wanted)


async def choose_named(database: Database, ask: ComparisonAsk) -> tuple[list[RunRecord], int]:
    """Return the runs and those of the experiments that *ask* names, archived ones too, and how many there are.

    Raises:
        NothingToCompare: if one of them is not there.
    """
    runs, total = await choose_runs(database, ask, RunFilter(archived="all", limit=MOST_RUNS, descending=False))
    there = {run.id for run in runs} | {run.experiment_id for run in runs}
    missing = [name for name in (*ask.runs, *ask.experiments) if name not in there]
    if missing:
        raise NothingToCompare(f"There is no run or experiment {', '.join(missing[:5])}.")
    return runs, total


async def compared(
    database: Database,
    runs: Sequence[RunRecord],
    known: Summaries,
    experiments: Mapping[str, str],
    tags: Mapping[str, Sequence[str]],
    corrections: Corrections,
) -> tuple[list[ComparedRun], list[RunRecord]]:
    """Return *runs* as a comparison needs them, and those it cannot take: not begun, or of another game.

    Args:
        database: where.
        runs: as the store has them.
        known: what is remembered of earlier comparisons; added to.
        experiments: names of experiments, by id.
        tags: of the runs, by id.
        corrections: of agreed limits, those in force, by run.
    """
    usable = [run for run in runs if run.view_only is None and run.months_played]
    left_out = [run for run in runs if run.view_only is not None or not run.months_played]
    missing = [run for run in usable if _key(run, corrections) not in known.runs]
    if missing:
        ends = {run.id: run.events for run in missing}
        found = await harvest_events(database, list(ends), ends=ends, also=("agreed",))
        for run, summary in zip(missing, await asyncio.to_thread(_summed, missing, found, corrections), strict=True):
            known.runs[_key(run, corrections)] = summary
    called = [run for run in usable if run.calls and (run.id, run.events) not in known.origins]
    if called:
        for run_id, origin in (await origins(database, called)).items():
            run = next(one for one in called if one.id == run_id)
            known.origins[run_id, run.events] = origin
    digests = await _same_completions(database, usable, known)
    known.trim()
    return [
        _compared(
            run,
            known.runs[_key(run, corrections)],
            known.origins.get((run.id, run.events)) if run.calls else None,
            digests,
            experiments,
            tags,
        )
        for run in usable
    ], left_out


def _key(run: RunRecord, corrections: Corrections) -> RunKey:
    return run.id, run.events, tuple(corrections.get(run.id, ()))


def _summed(
    runs: Sequence[RunRecord], found: Mapping[str, Sequence[str]], corrections: Corrections
) -> list[RunSummary]:
    return [
        summarise(
            corrected(
                replay([parse_event(payload) for payload in found[run.id]], run.episode), corrections.get(run.id, ())
            ),
            run.episode,
            {agent.name: _mind(agent.mind) for agent in run.episode.agents},
        )
        for run in runs
    ]


def _mind(mind: MindConfig) -> str:
    return f"scripted: {mind.policy}" if isinstance(mind, ScriptedMind) else mind.model or "unknown model"


async def _same_completions(database: Database, runs: Sequence[RunRecord], known: Summaries) -> dict[str, str]:
    """Return a name for the completions of runs that may share them with another, by run.

    Only runs that agree in the number of calls and tokens and in their first month's answers are read whole. Scripted
    minds make no calls: the same configuration is the same episode.
    """
    alike: dict[Any, list[RunRecord]] = {}
    for run in runs:
        origin = known.origins.get((run.id, run.events))
        if run.calls and origin is not None and origin.first:
            alike.setdefault((run.calls, run.completion_tokens, run.events, origin.first), []).append(run)
    suspects = [run for same in alike.values() if len(same) > 1 for run in same]
    unread = [run.id for run in suspects if (run.id, run.events) not in known.digests]
    if unread:
        events = {run.id: run.events for run in suspects}
        for run_id, digest in (await completion_digests(database, unread)).items():
            known.digests[run_id, events[run_id]] = digest
    digests = {run.id: known.digests[run.id, run.events] for run in suspects}
    scripted = {run.id: f"configuration {run.config_hash}" for run in runs if run.minds == "scripted" and not run.calls}
    return digests | scripted


def _compared(
    run: RunRecord,
    summary: RunSummary,
    origin: Origin | None,
    digests: Mapping[str, str],
    experiments: Mapping[str, str],
    tags: Mapping[str, Sequence[str]],
) -> ComparedRun:
    scenario, condition = scenarios().get(run.scenario), conditions().get(run.condition)
    title = condition.label if condition else run.condition.replace("_", " ").capitalize()
    prompts = ", ".join(f"{name} {digest[:8]}" for name, digest in sorted(run.prompts.items()))
    seed = "" if run.seed is None else f", seed {run.seed}"
    model = run.models if run.origin == "imported" else describe_minds(run.episode)[1]
    began = run.started_at or (run.created_at if run.origin == "native" else None)
    return ComparedRun(
        run=run.id,
        label=run.name or f"{scenario.label if scenario else run.scenario}, {title.lower()}{seed}",
        summary=summary,
        values={
            "model": model,
            "condition": title,
            "scenario": scenario.label if scenario else run.scenario,
            "prompts": prompts or ("prompts of the log" if run.origin == "imported" else "no prompts"),
            "experiment": experiments.get(run.experiment_id or "", "no experiment"),
            "tag": ", ".join(tags.get(run.id, ())) or "no tag",
            "engine": run.engine_version or "unknown",
            "configuration": run.config_hash[:8],
            "seed": "unknown" if run.seed is None else str(run.seed),
        },
        settings=settings(run.episode) | {"engine": run.engine_version or "unknown", "prompts": prompts or "–"},
        config_hash=run.config_hash,
        scenario=run.scenario,
        unit=scenario.words.units if scenario else "units",
        day=None if began is None else f"{began:%Y-%m-%d}",
        going=run.live or run.state == "paused",
        revisions=() if origin is None else origin.revisions,
        completions=digests.get(run.id),
        extra={"condition": run.condition, "state": run.state},
    )


def settings(config: EpisodeConfig) -> dict[str, str]:
    """Return a configuration as names and texts, without the seed; what all agents share is named once."""
    data = config.model_dump(mode="json", exclude={"seed", "agents"})
    found = dict(_flat("", {name: value for name, value in data.items() if name != "phases"}))
    for phase in data["phases"]:
        found |= dict(_flat("", {phase["type"]: {k: v for k, v in phase.items() if k != "type"} or "yes"}))
    minds = [dict(_flat("", agent.mind.model_dump(mode="json"))) for agent in config.agents]
    for name in sorted({name for mind in minds for name in mind}):
        texts = [mind.get(name, "–") for mind in minds]
        found[f"mind.{name}"] = texts[0] if len(set(texts)) == 1 else ", ".join(texts)
    found["agents"] = str(len(config.agents))
    joins = sorted({agent.joins for agent in config.agents})
    found["joins in month"] = ", ".join(map(str, joins))
    return found


def _flat(prefix: str, value: Any) -> list[tuple[str, str]]:
    if isinstance(value, dict):
        return [pair for name, inner in value.items() for pair in _flat(f"{prefix}.{name}" if prefix else name, inner)]
    if isinstance(value, list):
        value = ", ".join(map(str, value)) or "none"
    return [(prefix, "not sent" if value is None else str(value))]
