"""How to cite runs: BibTeX entries, and the methods paragraph that goes with them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from app.analysis.ask import ComparisonAsk
from app.interop.compared import Summaries, lay_out
from app.interop.comparison_files import tex
from app.interop.methods_words import MOST_NAMED, Cited, count, line, methods
from app.store.answered import answerers
from app.store.connect import Database
from app.store.plans import plans_of
from app.store.queries import get_experiment
from app.store.records import RunRecord

PAPER = """@inproceedings{piatti2024cooperate,
  title     = {Cooperate or Collapse: Emergence of Sustainable Cooperation in a Society of {LLM} Agents},
  author    = {Piatti, Giorgio and Jin, Zhijing and Kleiman-Weiner, Max and Sch{\\"o}lkopf, Bernhard
               and Sachan, Mrinmaya and Mihalcea, Rada},
  booktitle = {Advances in Neural Information Processing Systems},
  year      = {2024},
  eprint    = {2404.16698},
  archiveprefix = {arXiv}
}"""
LAYERSKIP = """@inproceedings{elhoushi2024layerskip,
  title     = {{LayerSkip}: Enabling Early Exit Inference and Self-Speculative Decoding},
  author    = {Elhoushi, Mostafa and others},
  booktitle = {Proceedings of the 62nd Annual Meeting of the Association for Computational Linguistics},
  year      = {2024},
  eprint    = {2404.16710},
  archiveprefix = {arXiv}
}"""


@dataclass(frozen=True)
class Citation:
    """BibTeX entries, title and text each, and the methods paragraph."""

    entries: tuple[tuple[str, str], ...]
    methods: str

    @property
    def text(self) -> str:
        """All of it as plain text."""
        return "\n\n".join([self.methods, *(entry for _, entry in self.entries)]) + "\n"


def cite(what: Cited, version: str) -> Citation:
    """Return how to cite *what*, measured with this program's *version*."""
    entries = [("These data", _data(what)), ("This program", _program(what.runs, version))]
    entries.append(("The game", PAPER))
    if any(one.drafted for one in what.answerers):
        entries.append(("Self-speculative decoding", LAYERSKIP))
    return Citation(tuple(entries), methods(what, version))


def _data(what: Cited) -> str:
    runs = what.runs
    year = max((run.ended_at or run.created_at).year for run in runs)
    hashes = sorted({run.config_hash[:12] for run in runs})
    named = ", ".join(hashes[:MOST_NAMED]) + (", ..." if len(hashes) > MOST_NAMED else "")
    return _entry(
        "misc",
        what.key,
        {
            "title": f"{{GovSim}} episodes: {tex(line(what.name))}",
            "year": str(year),
            "note": f"{count(len(runs), 'run')}; configurations {named}",
        },
    )


def _program(runs: Sequence[RunRecord], version: str) -> str:
    engines = sorted({run.engine_version for run in runs if run.engine_version})
    sets = sorted({f"{name} {digest[:12]}" for run in runs for name, digest in run.prompts.items()})
    notes = [f"engine version {tex(', '.join(engines))}"] if engines else []
    notes += [f"prompt sets {tex(', '.join(sets))}"] if sets else []
    fields = {
        "title": "{GovSim Observatory}",
        "author": "{GovSim Observatory contributors}",
        "version": tex(version),
        "note": "; ".join(notes),
    }
    return _entry("software", "govsim_observatory", {name: value for name, value in fields.items() if value})


def _entry(kind: str, key: str, fields: Mapping[str, str]) -> str:
    wide = max(map(len, fields))
    lines = ",\n".join(f"  {name:<{wide}} = {{{value}}}" for name, value in fields.items())
    return f"@{kind}{{{key},\n{lines}\n}}"


async def gather(database: Database, ask: ComparisonAsk, runs: Sequence[RunRecord], known: Summaries) -> Cited:
    """Return what there is to say of *runs*, which *ask* chose; they are compared as it wants where there are several.

    Args:
        database: where.
        ask: which runs, and how they are grouped and counted.
        runs: at least one.
        known: what is remembered of earlier comparisons.
    """
    ids = "-".join((*ask.experiments, *ask.runs)) or "comparison"
    title = f"{count(len(runs), 'run')}"
    experiment = await get_experiment(database, ask.experiments[0]) if len(ask.experiments) == 1 else None
    if experiment is not None and not ask.runs:
        title = experiment.name
    elif len(runs) == 1:
        title = runs[0].name or f"{runs[0].scenario}, {runs[0].condition}, run {runs[0].id}"
    found = Cited(
        runs=runs,
        answerers=await answerers(database, runs),
        name=title,
        key=f"govsim_{ids}"[:60],
        groups=ask.group,
        intervals=ask.intervals,
        unreadable=ask.answers,
        plans=await _plans_before(database, runs),
    )
    if len(runs) < 2:
        return found
    return replace(found, contrasts=(await lay_out(database, ask, runs, known)).comparison.contrasts)


async def _plans_before(database: Database, runs: Sequence[RunRecord]) -> list[tuple[str, str]]:
    """Return hash and day of the plans of the runs' experiments that were frozen before a run had begun."""
    names = sorted({run.experiment_id for run in runs if run.experiment_id})
    versions = [one for found in (await plans_of(database, names)).values() for one in found if one.before_data]
    return [(one.hash, f"{one.frozen_at:%Y-%m-%d}") for one in versions]
