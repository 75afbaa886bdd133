import pytest

from app.models.base import Completion
from app.models.endpoints import KNOWN
from app.models.prices import PriceTag

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
