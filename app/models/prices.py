"""What a call costs, and how long it may be: as the operator declares, else by the lists of the genai-prices package.

Nothing is fetched, and unknown is never 0: a model that costs nothing has a declared price of 0.
"""

from genai_prices import Usage, calc_price
from pydantic import Field

from app.commons.frozen import Frozen
from app.models.base import Completion

PER = 1_000_000


class Price(Frozen):
    """US dollars for a million tokens; discounts (cached prompts, batches) are not known here."""

    input_per_mtok: float = Field(ge=0, le=1e6, allow_inf_nan=False)
    output_per_mtok: float = Field(default=0.0, ge=0, le=1e6, allow_inf_nan=False)

    def of(self, tokens_in: float, tokens_out: float) -> float:
        """Return what so many tokens cost."""
        return (tokens_in * self.input_per_mtok + tokens_out * self.output_per_mtok) / PER


def listed_context(base_url: str, model: str) -> int | None:
    """Return how many tokens a prompt and its answer may have together, None for a model that is not listed."""
    try:
        return calc_price(Usage(input_tokens=1), model, provider_api_url=base_url).model.context_window
    except LookupError:
        return None


class PriceTag:
    """The price of one model at one address: the *declared* one, else that of the list."""

    def __init__(self, base_url: str, model: str, declared: Price | None = None) -> None:
        self._base_url = base_url
        self._model = model
        self._declared = declared
        self._listed = True

    def cost(self, completion: Completion) -> float | None:
        """Return US dollars, or None where the price or the number of tokens is unknown."""
        if completion.prompt_tokens is None or completion.completion_tokens is None:
            return None
        if self._declared is not None:
            return self._declared.of(completion.prompt_tokens, completion.completion_tokens)
        return self._by_list(completion.prompt_tokens, completion.completion_tokens)

    @property
    def price(self) -> Price | None:
        """The price, for what a month's calls may cost; None where it is unknown."""
        if self._declared is not None:
            return self._declared
        # Of a thousand tokens, and not of a million: some models charge more for very long prompts.
        inward, outward = self._by_list(PER // 1000, 0), self._by_list(0, PER // 1000)
        if inward is None or outward is None:
            return None
        return Price(input_per_mtok=inward * 1000, output_per_mtok=outward * 1000)

    def _by_list(self, tokens_in: int, tokens_out: int) -> float | None:
        if not self._listed:
            return None
        usage = Usage(input_tokens=tokens_in, output_tokens=tokens_out)
        try:
            price = calc_price(usage, self._model, provider_api_url=self._base_url)
        except LookupError:
            self._listed = False  # the search for an unlisted model is not repeated for every call
            return None
        return float(price.total_price)
