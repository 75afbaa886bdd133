"""What runs will use before they are played: calls, tokens, US dollars and time, each as a range.

Calls are counted (`calls.py`). Tokens come from runs of the same model that are stored; without any, from what was
measured: prompts of the base set, and answers of 13 models in the published logs of the research code.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from pydantic import field_serializer

from app.commons.config import EpisodeConfig, GenerativeMind
from app.commons.frozen import Frozen
from app.jobs.calls import calls_of_month, critical_path
from app.models.hub import EndpointView
from app.models.prices import Price
from app.store.connect import Database
from app.store.evidence import finished_runs_of
from app.store.money import rounded_cost
from app.store.purse import PriceOf, models_of
from app.store.records import RunRecord

SECONDS_A_CALL = (1.0, 6.0)
"""What a call takes where no run of the model is stored."""
SPREAD = 0.15
"""By how much a run may differ from the only one that is stored."""


class Range(Frozen):
    """From *low* to *high*."""

    low: float
    high: float

    def times(self, factor: float) -> "Range":
        """Return the range of *factor* times as much."""
        return Range(low=self.low * factor, high=self.high * factor)

    def plus(self, other: "Range") -> "Range":
        """Return the range of the sum."""
        return Range(low=self.low + other.low, high=self.high + other.high)


NOTHING = Range(low=0, high=0)


class Use(Frozen):
    """What is used if every month is played. `cost` is in US dollars, None where a price is unknown; times in s."""

    calls: int
    tokens_in: Range
    tokens_out: Range
    cost: Range | None
    seconds: Range

    @field_serializer("tokens_in", "tokens_out", when_used="json")
    def _whole(self, tokens: Range) -> dict[str, int]:
        return {"low": round(tokens.low), "high": round(tokens.high)}

    @field_serializer("cost", when_used="json")
    def _rounded(self, cost: Range | None) -> dict[str, float] | None:
        return None if cost is None else {"low": rounded_cost(cost.low), "high": rounded_cost(cost.high)}

    @property
    def tokens(self) -> Range:
        """Tokens in and out together."""
        return self.tokens_in.plus(self.tokens_out)


class Estimate(Frozen):
    """What a launch will use: one of its runs, and all of them.

    Attributes:
        runs: how many.
        each: one run; of different ones, the one that makes the most calls.
        total: all of them.
        unpriced: models of unknown price; where there are any, costs are unknown.
        stored: how many stored runs the numbers rest on; 0: on what was measured elsewhere.
        source: where the numbers come from, a sentence.
        mixed: whether the runs differ in more than their seeds.
    """

    runs: int
    each: Use
    total: Use
    unpriced: tuple[str, ...]
    stored: int
    source: str
    mixed: bool = False


@dataclass(frozen=True)
class _Tokens:
    """Tokens of a call: in, in the first month and later; and out, short answers and long ones."""

    first: int
    low: int
    high: int
    out_low: int
    out_high: int


# In, low: the base set in the fishery with short talks; high: the same purpose in the research code's logs, where talks
# are longer. Out: a tenth and nine tenths of the answers in those logs; what they do not hold is as short as a summary.
MEASURED: Mapping[str, _Tokens] = MappingProxyType(
    {
        "harvest": _Tokens(390, 560, 880, 55, 530),
        "utterance": _Tokens(590, 650, 960, 45, 150),
        "summary": _Tokens(360, 360, 830, 15, 80),
        "limit": _Tokens(440, 440, 940, 5, 430),
        "planning": _Tokens(630, 620, 1130, 15, 80),
        "interesting": _Tokens(630, 620, 1130, 15, 80),
        "rating": _Tokens(380, 380, 450, 2, 20),
        "ratings": _Tokens(450, 450, 560, 3, 40),
        "insight": _Tokens(490, 580, 900, 90, 250),
        "embedding": _Tokens(40, 70, 150, 0, 0),
    }
)


LONGEST_PROMPT = max(tokens.high for tokens in MEASURED.values())
"""Tokens of a long prompt, as far as was measured."""


@dataclass(frozen=True)
class _Evidence:
    """How stored runs of a model compare with the low end of what was measured: factors, and seconds a call."""

    tokens_in: Range
    tokens_out: Range
    seconds: Range
    runs: int


async def estimate(
    database: Database, config: EpisodeConfig, runs: int, *, price_of: PriceOf, endpoints: Sequence[EndpointView]
) -> Estimate:
    """Return what *runs* runs of *config*, each with a seed of its own, will use."""
    return await estimate_all(database, [(config, runs)], price_of=price_of, endpoints=endpoints)


async def estimate_all(
    database: Database,
    launched: Sequence[tuple[EpisodeConfig, int]],
    *,
    price_of: PriceOf,
    endpoints: Sequence[EndpointView],
) -> Estimate:
    """Return what runs that are launched together will use: configurations, and how many runs of each there are."""
    names = sorted(frozenset[str]().union(*(models_of(config) for config, _ in launched)))
    evidence = {name: _evidence(name, await finished_runs_of(database, name)) for name in names}
    prices = {name: price_of(name) for name in names}
    at_once = {endpoint.name: endpoint.max_concurrency for endpoint in endpoints}
    single = [_use([(config, 1)], evidence, prices, at_once) for config, _ in launched]
    stored = sum(found.runs for found in evidence.values() if found)
    return Estimate(
        runs=sum(runs for _, runs in launched),
        each=max(single, key=lambda use: (use.calls, use.tokens.high)),
        total=_use(launched, evidence, prices, at_once),
        unpriced=tuple(name for name in names if prices[name] is None),
        stored=stored,
        source=_source(stored, all(evidence.values())) if names else "",
        mixed=any(use != single[0] for use in single),
    )


def _use(
    launched: Sequence[tuple[EpisodeConfig, int]],
    evidence: Mapping[str, _Evidence | None],
    prices: Mapping[str, Price | None],
    at_once: Mapping[str, int],
) -> Use:
    calls: defaultdict[str, float] = defaultdict(float)
    inward: defaultdict[str, Range] = defaultdict(lambda: NOTHING)
    outward: defaultdict[str, Range] = defaultdict(lambda: NOTHING)
    for runs, (model, number, tokens_in, tokens_out) in (
        (runs, part) for config, runs in launched for part in _parts(config, config.game.months)
    ):
        known = evidence[model]
        calls[model] += runs * number
        inward[model] = inward[model].plus(_scaled(tokens_in, None if known is None else known.tokens_in).times(runs))
        outward[model] = outward[model].plus(
            _scaled(tokens_out, None if known is None else known.tokens_out).times(runs)
        )
    cost: Range | None = NOTHING
    for model in calls:
        price = prices[model]
        if price is None or cost is None:
            cost = None
        else:
            low = price.of(inward[model].low, outward[model].low)
            cost = cost.plus(Range(low=low, high=price.of(inward[model].high, outward[model].high)))
    return Use(
        calls=round(sum(calls.values())),
        tokens_in=_sum(inward),
        tokens_out=_sum(outward),
        cost=cost,
        seconds=_seconds(max(critical_path(config) for config, _ in launched), calls, evidence, at_once),
    )


def _parts(config: EpisodeConfig, months: int) -> Iterator[tuple[str, float, Range, Range]]:
    """Give model, calls, tokens in and out as they were measured, for each purpose of each of the first *months*."""
    for month in range(1, months + 1):
        for (model, purpose), number in calls_of_month(config, month).items():
            known = MEASURED[purpose]
            first = month == 1
            tokens_in = Range(low=known.first if first else known.low, high=known.low if first else known.high)
            tokens_out = Range(low=known.out_low, high=known.out_high)
            yield model, number, tokens_in.times(number), tokens_out.times(number)


def _scaled(measured: Range, factor: Range | None) -> Range:
    if factor is None:
        return measured
    return Range(low=measured.low * factor.low, high=measured.low * factor.high)


def _evidence(model: str, runs: Sequence[RunRecord]) -> _Evidence | None:
    """Return what stored runs say of *model*; runs in which others were asked too say nothing."""
    factors_in, factors_out, seconds = [], [], []
    for run in runs:
        if _deciding(run.episode) != {model}:
            continue
        parts = list(_parts(run.episode, run.months_played))
        factors_in.append(run.prompt_tokens / sum(part[2].low for part in parts))
        factors_out.append(run.completion_tokens / sum(part[3].low for part in parts))
        if run.started_at and run.ended_at:
            path = critical_path(run.episode) * run.months_played / run.months
            seconds.append((run.ended_at - run.started_at).total_seconds() / path)
    if not factors_in:
        return None
    return _Evidence(
        tokens_in=_span(factors_in),
        tokens_out=_span(factors_out),
        # A run that was paused took longer than it had to.
        seconds=_span(sorted(seconds)[: max(1, len(seconds) // 2)])
        if seconds
        else Range(low=SECONDS_A_CALL[0], high=SECONDS_A_CALL[1]),
        runs=len(factors_in),
    )


def _deciding(config: EpisodeConfig) -> set[str]:
    """Return the models whose answers are texts."""
    embeddings = {agent.mind.embedding for agent in config.agents if isinstance(agent.mind, GenerativeMind)}
    return set(models_of(config)) - {name for name in embeddings if name}


def _span(values: Sequence[float]) -> Range:
    room = SPREAD if len(values) == 1 else 0
    return Range(low=min(values) * (1 - room), high=max(values) * (1 + room))


def _seconds(
    path: int, calls: Mapping[str, float], evidence: Mapping[str, _Evidence | None], at_once: Mapping[str, int]
) -> Range:
    """Return how long it takes: *path* calls after one another, or longer where an endpoint's calls at once are few."""
    low, high = [0.0], [0.0]
    for model, number in calls.items():
        known = evidence[model]
        span = known.seconds if known else Range(low=SECONDS_A_CALL[0], high=SECONDS_A_CALL[1])
        steps = max(path, number / at_once.get(model.partition("/")[0], 1))
        low.append(span.low * steps)
        high.append(span.high * steps)
    return Range(low=max(low), high=max(high))


def _sum(parts: Mapping[str, Range]) -> Range:
    total = NOTHING
    for part in parts.values():
        total = total.plus(part)
    return total


def _source(stored: int, every: bool) -> str:
    measured = "the lengths of prompts of the base set and of answers in the published logs"
    if not stored:
        return f"From {measured}; reasoning models use more."
    runs = f"From {stored} stored run{'' if stored == 1 else 's'} of the same model{'' if every else 's'}"
    return f"{runs}." if every else f"{runs}, and from {measured}."
