"""A paragraph for a paper's methods section, written from the configurations of runs.

It says what was configured and how it was counted, and nothing that a configuration does not say.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.analysis.contrasts import Contrast
from app.commons.config import (
    EpisodeConfig,
    GenerativeFramework,
    GenerativeMind,
    RecordedMind,
    SamplingConfig,
    ScriptedMind,
)
from app.commons.fidelity import fidelity_text
from app.commons.scenario import conditions, scenarios
from app.store.answered import Answerer
from app.store.records import RunRecord

LONGEST_SENTENCE = 2000
MOST_NAMED = 12
"""Of seeds, hashes and the like, more than these are counted instead of named."""


@dataclass(frozen=True)
class Cited:
    """What is cited: runs, oldest first; who answered in them; how they were compared, where they were.

    `name` is what they are called, `key` what their entry is; `plans` are hash and day of plans frozen before the runs.
    """

    runs: Sequence[RunRecord]
    answerers: Sequence[Answerer]
    name: str
    key: str
    contrasts: Sequence[Contrast] = ()
    groups: Sequence[str] = ()
    intervals: str = "t"
    unreadable: str = "with"
    plans: Sequence[tuple[str, str]] = ()


def methods(what: Cited, version: str) -> str:
    """Return the methods paragraph."""
    runs = what.runs
    sentences = [_played(runs, version), *_rules(runs), *_minds(runs, what.answerers), *_reading(runs)]
    sentences += [*_prompts(runs), _seeds(runs), *_period(runs), *_plans(what), *_ends(runs, what.unreadable)]
    sentences += [*_statistics(what), _hashes(runs)]
    return " ".join(sentences)


def _played(runs: Sequence[RunRecord], version: str) -> str:
    imported = sum(run.origin == "imported" for run in runs)
    engines = sorted({run.engine_version for run in runs if run.engine_version and run.origin == "native"})
    with_engine = f" (engine version {_listed(engines)})" if engines else ""
    episodes = count(len(runs), "episode")
    program = f"GovSim Observatory {version}{with_engine}"
    if imported == len(runs):
        return f"{episodes} of GovSim (Piatti et al., 2024), imported from logs, measured with {program}."
    text = f"{episodes} of GovSim (Piatti et al., 2024), played with {program}"
    return f"{text}; {imported} of them were imported from logs." if imported else f"{text}."


def _rules(runs: Sequence[RunRecord]) -> list[str]:
    found = [
        f"Scenario: {_varied(runs, lambda run: _label(scenarios(), run.scenario))}; "
        f"condition: {_varied(runs, lambda run: _label(conditions(), run.condition))}."
    ]
    if all(run.view_only for run in runs):
        return found

    def game(run: RunRecord) -> str:
        rules, config = run.episode.game, run.episode
        return (
            f"{count(len(config.agents), 'agent')} for at most {count(rules.months, 'month')}, capacity "
            f"K = {rules.capacity} and initial stock {rules.initial_stock} units, growth by "
            f"g = {rules.growth:g} between harvests, collapse where fewer than C = {rules.collapse_threshold} "
            f"units are left, {rules.allocation} allocation where more is asked for than there is"
        )

    found.append(f"Rules: {_varied([run for run in runs if run.view_only is None], game)}.")
    if any(run.episode.fidelity for run in runs):
        found.append(
            f"Fidelity to the research code: {_varied(runs, lambda run: fidelity_text(run.episode.fidelity))}."
        )
    return found


def _label(known: Mapping[str, Any], name: str) -> str:
    return str(known[name].label) if name in known else name


def _minds(runs: Sequence[RunRecord], answered: Sequence[Answerer]) -> list[str]:
    revisions: dict[str, set[str]] = {}
    for one in answered:
        if one.revision and one.revision != one.model.rsplit("/", 1)[-1]:
            revisions.setdefault(one.model, set()).add(one.revision)

    def said(config: EpisodeConfig) -> str:
        counted = Counter(_mind(agent.mind, revisions) for agent in config.agents)
        return " and ".join(text if len(counted) == 1 else f"{text} ({n})" for text, n in sorted(counted.items()))

    found = [f"Agents were decided for by {_varied(runs, lambda run: said(run.episode))}."]
    if any(one.drafted for one in answered):
        found.append("Answers were decoded self-speculatively (LayerSkip; Elhoushi et al., 2024).")
    return found


def _mind(mind: ScriptedMind | GenerativeMind | RecordedMind, revisions: Mapping[str, set[str]]) -> str:
    if isinstance(mind, ScriptedMind):
        return f"the scripted policy {mind.policy}"
    if isinstance(mind, RecordedMind):
        return f"{mind.model or 'an unknown model'} (as its log names it)"
    told = sorted(revisions.get(mind.model, ()))
    name = mind.model.split("/", 1)[-1]
    return f"{name} ({f'revision {_listed(told)}' if told else 'no revision told'}; {_sampling(mind.sampling)})"


def _sampling(sampling: SamplingConfig) -> str:
    parts = ["temperature not sent" if sampling.temperature is None else f"temperature {sampling.temperature:g}"]
    parts += [] if sampling.top_p is None else [f"top-p {sampling.top_p:g}"]
    parts += [f"at most {sampling.max_tokens:,} tokens"]
    parts += [] if sampling.seed is None else [f"request seed {sampling.seed}"]
    return ", ".join(parts)


def _reading(runs: Sequence[RunRecord]) -> list[str]:
    readers = {
        f"{run.episode.framework.model.split('/', 1)[-1]} ({_sampling(run.episode.framework.sampling)})"
        for run in runs
        if isinstance(run.episode.framework, GenerativeFramework)
    }
    return [f"Agreed limits were read from the talk by {_listed(sorted(readers))}."] if readers else []


def _prompts(runs: Sequence[RunRecord]) -> list[str]:
    sets = sorted({(name, digest) for run in runs for name, digest in run.prompts.items()})
    return [f"Prompt sets: {_listed([f'{name} (SHA-256 {digest})' for name, digest in sets])}."] if sets else []


def _seeds(runs: Sequence[RunRecord]) -> str:
    seeds = sorted({run.seed for run in runs if run.seed is not None})
    if not seeds:
        return "Environment seeds are not known."
    if len(seeds) > MOST_NAMED:
        return f"{len(seeds)} environment seeds between {seeds[0]} and {seeds[-1]}."
    return f"Environment seed{'s' if len(seeds) > 1 else ''}: {', '.join(map(str, seeds))}."


def _period(runs: Sequence[RunRecord]) -> list[str]:
    days = sorted(
        f"{moment:%Y-%m-%d}"
        for run in runs
        if run.origin == "native"
        for moment in (run.started_at, run.ended_at)
        if moment is not None
    )
    if not days:
        return []
    return [f"Played on {days[0]} (UTC)." if days[0] == days[-1] else f"Played from {days[0]} to {days[-1]} (UTC)."]


def _plans(what: Cited) -> list[str]:
    return [f"A plan was frozen on {day} (SHA-256 {digest})." for digest, day in what.plans]


def _ends(runs: Sequence[RunRecord], unreadable: str) -> list[str]:
    found = []
    if early := sum(bool(run.censored) for run in runs):
        found.append(
            f"{count(early, 'episode')} stopped before the last month without a collapse and "
            f"{'counts' if early == 1 else 'count'} as censored."
        )
    if answers := sum(run.unreadable for run in runs):
        how = {
            "with": "count as 0, as they were played",
            "without": "leave their episodes out",
            "worst": "count as asking for everything",
        }[unreadable]
        hit = sum(bool(run.unreadable) for run in runs)
        found.append(f"{count(answers, 'harvest answer')} in {count(hit, 'episode')} could not be read and {how}.")
    return found


def _statistics(what: Cited) -> list[str]:
    if len(what.runs) < 2:
        return []
    means = "BCa bootstrap intervals from ten runs on, else Student's t" if what.intervals == "bca" else "Student's t"
    found = [
        "The run is the unit of analysis. Intervals are 95 %: Wilson's for survival rates, Kaplan and Meier's "
        f"restricted mean for months survived, {means} for means over runs."
    ]
    if what.groups:
        found.append(f"Runs are grouped by {_listed(what.groups)}.")
    if what.contrasts:
        tests = sorted({one.method for one in what.contrasts if one.test.p is not None})
        planned = sum(one.planned for one in what.contrasts)
        if tests:
            found.append(f"Differences are tested two-sided by {_listed(tests)}.")
        found.append(
            f"{count(planned, 'planned contrast')} adjusted by Holm's procedure; all others are exploratory."
            if planned
            else "All contrasts are exploratory; p values are not adjusted."
        )
    return found


def _hashes(runs: Sequence[RunRecord]) -> str:
    hashes = sorted({run.config_hash for run in runs})
    if len(hashes) > MOST_NAMED:
        return f"{len(hashes)} configurations, from {hashes[0][:12]} to {hashes[-1][:12]} (SHA-256)."
    return f"Configuration{'s' if len(hashes) > 1 else ''} (SHA-256): {', '.join(each[:12] for each in hashes)}."


def _varied(runs: Sequence[RunRecord], told: Callable[[RunRecord], str]) -> str:
    """Return what *told* says of all runs; where it differs, each with its number of runs."""
    counted: Counter[str] = Counter(line(told(run), LONGEST_SENTENCE) for run in runs)
    if len(counted) == 1:
        return next(iter(counted))
    kept = counted.most_common(MOST_NAMED)
    rest = [f"{len(counted) - MOST_NAMED} others"] if len(counted) > MOST_NAMED else []
    return "; ".join([f"{text} ({count(n, 'run')})" for text, n in kept] + rest)


def _listed(names: Iterable[Any]) -> str:
    found = [line(str(name)) for name in names]
    if len(found) > MOST_NAMED:
        found = [*found[:MOST_NAMED], f"{len(found) - MOST_NAMED} others"]
    return found[0] if len(found) == 1 else f"{', '.join(found[:-1])} and {found[-1]}"


def count(number: int, word: str) -> str:
    """Return a number with its word: "1 run", "12 runs"."""
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"


def line(text: str, longest: int = 200) -> str:
    """Return *text* on one line, at most *longest* characters: names are other people's."""
    return " ".join(text[: 2 * longest].split())[:longest]
