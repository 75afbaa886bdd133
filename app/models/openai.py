"""The OpenAI chat-completions protocol on httpx: one request, one completion, or an error that says what happened."""

from app.commons.config import SamplingConfig
from app.models.base import CallKey, Completion, Message, Transient
from app.models.connections import Connections
from app.models.endpoints import Endpoint
from app.models.exchange import Exchange
from app.models.openai_reply import NotACompletion, read_completion


def bearer(endpoint: Endpoint) -> dict[str, str]:
    """Return the header that carries the endpoint's key, if it has one."""
    return {"Authorization": f"Bearer {endpoint.key.get_secret_value()}"} if endpoint.key else {}


class OpenAIModel:
    """One model of an OpenAI-compatible endpoint, for one run. *connections* belong to the caller."""

    def __init__(self, endpoint: Endpoint, model: str, connections: Connections, run: str) -> None:
        self.name = f"{endpoint.name}/{model}"
        self._model = model
        self._max_tokens_field = endpoint.max_tokens_field
        self._exchange = Exchange(endpoint, model, "/chat/completions", connections, run, bearer(endpoint))

    async def complete(self, messages: tuple[Message, ...], sampling: SamplingConfig, key: CallKey) -> Completion:
        """Make one request.

        Raises:
            Transient: no answer, or one that another try may mend (408, 409, 429, 5xx, a body that is no completion).
            EndpointDown: an answer that no retry can mend; the message says what to do.
        """
        asked = {
            "model": self._model,
            "messages": [{"role": message.role, "content": message.content} for message in messages],
            self._max_tokens_field: sampling.max_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "seed": sampling.seed,
        }
        body, latency_ms = await self._exchange.post(asked, key)
        try:
            return read_completion(body, latency_ms, self._exchange.secret)
        except NotACompletion as error:
            raise Transient("sent no chat completion", f"it sent {error}") from error
