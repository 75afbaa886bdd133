"""What a call costs, by the list prices that the genai-prices package carries. Nothing is fetched."""

from genai_prices import Usage, calc_price

from app.models.base import Completion


class PriceTag:
    """The list price of one model at one address; discounts (cached prompts, batches) are not known here."""

    def __init__(self, base_url: str, model: str) -> None:
        self._base_url = base_url
        self._model = model
        self._listed = True

    def cost(self, completion: Completion) -> float | None:
        """Return US dollars, or None where the price or the number of tokens is unknown: unknown is never 0."""
        if not self._listed or completion.prompt_tokens is None or completion.completion_tokens is None:
            return None
        usage = Usage(input_tokens=completion.prompt_tokens, output_tokens=completion.completion_tokens)
        try:
            price = calc_price(usage, self._model, provider_api_url=self._base_url)
        except LookupError:
            self._listed = False  # the search for an unlisted model is not repeated for every call
            return None
        return float(price.total_price)
