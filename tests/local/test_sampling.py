"""Drawing with drafts gives the full model's distribution, and depends on the seed alone."""

from collections import Counter
from dataclasses import replace
from itertools import product

import pytest
from scipy.stats import chi2_contingency

torch = pytest.importorskip("torch", reason="the extra [local] is not installed")

from app.local.engine import Engine  # noqa: E402
from app.local.llama import Llama  # noqa: E402
from app.local.requests import Decoding, Sampling  # noqa: E402
from app.local.sampling import Chooser, check_greedy  # noqa: E402
from tests.local.models import SMALL, guessable, letters  # noqa: E402

TOY = replace(SMALL, vocabulary=5, layers=3)


def drawn(model: Llama, decoding: Decoding, sampling: Sampling, count: int) -> Counter[tuple[int, ...]]:
    engine = Engine(model, letters, decoding=decoding, ends=(), rows=16)
    try:
        asked = [engine.submit([1, 2, 3], replace(sampling, seed=seed)) for seed in range(count)]
        return Counter(one.result(300).tokens for one in asked)
    finally:
        engine.close()


@pytest.mark.parametrize("sampling", [Sampling(3, 1.0), Sampling(3, 0.7, 0.8)], ids=["all of it", "top-p"])
def test_drafts_leave_the_distribution_as_it_is(sampling: Sampling) -> None:
    model = guessable(TOY, later=0.8)
    count = 3000
    plain = drawn(model, Decoding(3, 0), sampling, count)
    drafted = drawn(model, Decoding(1, 2), sampling, count)
    kinds = [kind for kind in product(range(5), repeat=3) if plain[kind] + drafted[kind] >= 10]
    rest = [count - sum(one[kind] for kind in kinds) for one in (plain, drafted)]
    table = [[*(one[kind] for kind in kinds), left] for one, left in zip((plain, drafted), rest, strict=True)]
    if not sum(rest):
        table = [row[:-1] for row in table]
    assert len(kinds) > 5
    assert chi2_contingency(table).pvalue > 0.001
    if sampling.top_p < 1:
        assert {kind for kind in drafted if drafted[kind] > 30} <= set(plain)


def test_a_wrong_acceptance_rule_would_be_seen() -> None:
    """The same test finds the early layers' own distribution different: it has the power to."""
    model = guessable(TOY, later=0.8)
    full = drawn(model, Decoding(3, 0), Sampling(1, 1.0), 3000)
    early = drawn(model, Decoding(1, 0), Sampling(1, 1.0), 3000)
    kinds = sorted(set(full) | set(early))
    assert chi2_contingency([[one[kind] for kind in kinds] for one in (full, early)]).pvalue < 1e-6


def test_the_same_seed_gives_the_same_text_and_another_another() -> None:
    engine = Engine(guessable(), letters, decoding=Decoding(2, 4), ends=())
    try:
        ask = [engine.submit([4, 5, 6], Sampling(30, 1.0, seed=seed)).result(60).tokens for seed in (1, 1, 2)]
        free = {engine.submit([4, 5, 6], Sampling(30, 1.0)).result(60).tokens for _ in range(3)}
    finally:
        engine.close()
    assert ask[0] == ask[1] != ask[2]
    assert len(free) == 3


def test_top_p_keeps_the_token_that_reaches_the_sum() -> None:
    logits = torch.tensor([0.5, 0.3, 0.15, 0.05]).log()
    for top_p, kept in ((0.05, {0}), (0.5, {0}), (0.6, {0, 1}), (0.81, {0, 1, 2}), (1.0, {0, 1, 2, 3})):
        chooser = Chooser(Sampling(1, 1.0, top_p, seed=3))
        assert {chooser.draw(logits)[0] for _ in range(400)} == kept, top_p
        assert float(chooser.draw(logits)[1].sum()) == pytest.approx(1)


def test_greedy_drafts_are_kept_up_to_the_first_wrong_one() -> None:
    assert check_greedy([3, 4, 5], [3, 4, 5, 6]) == [3, 4, 5, 6]
    assert check_greedy([3, 4, 5], [3, 9, 5, 6]) == [3, 9]
    assert check_greedy([3], [2, 7]) == [2]
