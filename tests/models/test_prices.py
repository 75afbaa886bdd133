import pytest

from app.models.base import Completion
from app.models.endpoints import KNOWN
from app.models.prices import Price, PriceTag, listed_context

USED = Completion(text="x", prompt_tokens=1_000_000, completion_tokens=1_000_000)


def test_a_listed_model_costs_its_list_price() -> None:
    assert PriceTag("https://api.openai.com/v1", "gpt-4o").cost(USED) == pytest.approx(12.5)


@pytest.mark.parametrize(
    ("base_url", "model"),
    [("http://localhost:8000/v1", "gpt-4o"), ("https://api.openai.com/v1", "no-such-model")],
)
def test_an_unknown_price_is_none_every_time(base_url: str, model: str) -> None:
    price = PriceTag(base_url, model)
    assert [price.cost(USED), price.cost(USED)] == [None, None]


def test_unknown_tokens_have_an_unknown_price() -> None:
    price = PriceTag("https://api.openai.com/v1", "gpt-4o")
    assert price.cost(USED.model_copy(update={"prompt_tokens": None})) is None
    assert price.cost(USED.model_copy(update={"completion_tokens": None})) is None


@pytest.mark.parametrize("name", KNOWN)
def test_the_endpoints_found_by_their_keys_have_prices(name: str) -> None:
    for model in KNOWN[name].models:
        cost = PriceTag(KNOWN[name].base_url, model).cost(USED)
        assert cost is not None and cost > 0, model


def test_a_declared_price_goes_before_the_list() -> None:
    price = PriceTag("https://api.openai.com/v1", "gpt-4o", Price(input_per_mtok=1, output_per_mtok=3))
    assert price.cost(USED) == pytest.approx(4.0)
    free = PriceTag("http://localhost:8000/v1", "llama", Price(input_per_mtok=0))
    assert (free.cost(USED), free.price) == (0.0, Price(input_per_mtok=0, output_per_mtok=0))


def test_a_price_is_told_before_anything_is_asked() -> None:
    assert PriceTag("https://api.openai.com/v1", "gpt-4o").price == Price(input_per_mtok=2.5, output_per_mtok=10)
    assert PriceTag("http://localhost:8000/v1", "gpt-4o").price is None


def test_the_context_is_listed_or_unknown() -> None:
    assert listed_context("https://api.openai.com/v1", "gpt-4o-mini") == 128_000
    assert listed_context("http://localhost:1/v1", "nobody/knows-this") is None
