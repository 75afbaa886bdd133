"""A stand-in for a language model: a server that answers at once, for nothing, and reproducibly.

It speaks OpenAI's protocol (`/v1/chat/completions`, `/v1/embeddings`) and Anthropic's (`/v1/messages`).

    python -m tests.fakes.model_server --port 8765 --seed 1 --latency-ms 50

It prints its address and an entry for `models.toml`. With `send_call_key = true` every answer is a pure function of
the server's seed, the model's name and the call's key; the unit it speaks of is the one it reads in the request.
Three models are offered: `villager` keeps to a sustainable share, `greedy` does not, `thinker` thinks aloud first.
Any other name is a villager.

Trouble comes on demand, from the command line or later by `POST /control` with the fields of `Behaviour` as JSON:
refusals, errors, dropped connections, rubbish. `GET /stats` counts what was asked; `DELETE /stats` starts anew.
"""

import argparse
import asyncio
import json
import re
import socket
from collections import Counter
from dataclasses import asdict, dataclass, fields, replace
from hashlib import sha256
from math import sqrt
from random import Random
from typing import Any, NamedTuple
from urllib.parse import unquote

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

MODELS = ("villager", "greedy", "thinker")
EMBEDDINGS = ("embedder",)
DIMENSIONS = 48
NAMES = ("John", "Kate", "Jack", "Emma", "Luke")


@dataclass(frozen=True)
class Behaviour:
    """What the server does. Rates are probabilities, decided by seed, key and, for faults, how often the key came."""

    latency_ms: float = 0.0
    down: bool = False  # every request fails with `status`
    fail_next: int = 0  # so many requests fail with `status`
    status: int = 503  # 0 drops the connection
    broken: str = ""  # instead, such requests get 200 with a body that is "empty", "truncated" or cut off ("half")
    retry_after: str = "0"  # the header of a 429: seconds or a date; "" sends none
    limit_rate: float = 0.0  # 429
    error_rate: float = 0.0  # 500
    drop_rate: float = 0.0  # the connection breaks before the answer
    rubbish_rate: float = 0.0  # an answer nobody can read
    thinking: str = "none"  # "field" or "inline": where thinking is put
    greedy_rate: float = 0.0  # harvests far above the share
    talk_ends_rate: float = 0.0  # utterances that end the talk
    no_limit_rate: float = 0.0  # talks without an agreed limit
    api_key: str = ""  # requests without it are refused
    one_of_both: bool = False  # temperature and top_p together are refused, as newer Anthropic models do


class Key(NamedTuple):
    """A call's key: month/phase/agent/purpose/item/attempt."""

    agent: str
    purpose: str
    item: str

    @classmethod
    def parse(cls, text: str) -> "Key | None":
        parts = text.split("/")
        return cls(parts[2], parts[3], "/".join(parts[4:-1])) if len(parts) >= 6 else None


# ---------------------------------------------------------------- answers: pure functions

IDEAS = (
    "If nobody takes more than {n} {unit} each, there will be as much next month as there was this month",
    "I would be glad if we all stayed at {n} {unit} each, it has served us well",
    "A bad month comes sooner than one thinks, so let us keep to {n} {unit} each",
    "What we leave now is what grows back, and {n} {unit} each leaves enough",
    "I kept an eye on what everybody got, and {n} {unit} each still seems fair to me",
    "My children will want to live from this too, so I say {n} {unit} each",
    "I agree with what was said before me: {n} {unit} each and not more",
)
GREEDY_IDEAS = (
    "There is plenty for everybody, I see no reason to stop at {n} {unit} each",
    "I have debts to pay, so {n} {unit} each is the least I can think of",
    "Whoever wants to earn little may do so, I find {n} {unit} each quite modest",
)
ENDINGS = ("What do the others think?", "Shall we hold each other to that?", "I will do my part.", "Let us be honest.")
PLANS = (
    "I should take no more than {n} {unit} next month and watch whether the others do the same.",
    "I want to remind the others of the {n} {unit} each that we spoke of.",
    "I should compare what everybody says with what everybody takes.",
)
REMARKS = (
    "It struck me how quickly everybody came round to {n} {unit} each.",
    "I found it interesting that nobody asked what happens when somebody takes more.",
    "It surprised me how openly the others spoke about their worries.",
)
INSIGHTS = (
    "The stock recovers when all of us hold back",
    "People here keep their word more often than not",
    "A clear number is easier to keep than a good intention",
    "Talking about the catches makes everybody more careful",
    "I earn steadily as long as the others do too",
    "Trust grows slowly and would be lost in a single month",
    "The limit we agreed on is close to what I would have chosen alone",
)
RUBBISH = ("", "???", "~~~ <<>> ~~~", "The moon, a kettle, several birds, and then the moon again", '{"null": [}{')


def answer(
    key: Key, chance: Random, unit: str, greedy: bool, behaviour: Behaviour, content: str = "", statements: int = 1
) -> str:
    """Return the text for a call, in the form its purpose asks for; a batch rates so many *statements*."""
    share = chance.randint(6, 10)
    wanted = chance.randint(18, 30) if greedy or chance.random() < behaviour.greedy_rate else share

    def pick(sentences: tuple[str, ...]) -> str:
        return chance.choice(sentences).format(n=wanted, unit=unit)

    match key.purpose:
        case "harvest":
            why = "I need the money now." if wanted > share else "That leaves enough to grow back."
            return f"I think about what is left and what the others may do. {why}\n\nAnswer: {wanted}"
        case "utterance":
            idea = pick(GREEDY_IDEAS if wanted > share else IDEAS)
            ends = "yes" if chance.random() < behaviour.talk_ends_rate else "no"
            others = [name for name in NAMES if name != key.agent]
            follower = "none" if ends == "yes" else chance.choice(others)
            return f"Response: {idea}. {chance.choice(ENDINGS)}\nEnd of talk: {ends}\nNext speaker: {follower}"
        case "summary":
            return f"They spoke about the coming month and most of them favoured {share} {unit} each."
        case "limit":
            agreed = "none" if chance.random() < behaviour.no_limit_rate else str(share)
            return f"Several speakers name a number and nobody objects for long.\nAnswer: {agreed}"
        case "planning":
            return pick(PLANS)
        case "interesting":
            return pick(REMARKS)
        case "rating" if key.item == "batch":
            return "\n".join(f"{number}. {chance.randint(1, 10)}" for number in range(1, statements + 1))
        case "rating":
            return f"Answer: {chance.randint(1, 10)}"
        case "insight":
            insights = chance.sample(INSIGHTS, 5)
            grounds = (sorted(chance.sample(range(1, 6), chance.randint(1, 3))) for _ in insights)
            return "\n".join(
                f"{number}. {insight} (because of {', '.join(map(str, ground))})"
                for number, (insight, ground) in enumerate(zip(insights, grounds, strict=True), start=1)
            )
        case purpose if purpose.startswith(("bare_", "role_")):
            return subskill(purpose, chance, content, greedy)
        case _:
            return f"{pick(IDEAS)}.\nAnswer: {wanted}"


def subskill(test: str, chance: Random, content: str, greedy: bool) -> str:
    """Answer a subskill test from the numbers in the question: mostly right, a greedy model less often."""
    stock = int(re.findall(r"The month begins with (\d+)", content)[-1])
    taken = re.search(r"decides to \w+ (\d+)", content)
    right = chance.random() < (0.55 if greedy else 0.85)
    if taken and test.endswith("next_stock"):
        left = max(0, stock - 5 * int(taken[1]))
        number = min(100, 2 * left) if right else left
        return f"After the month {left} are left, and what is left grows.\n\nAnswer: {number}"
    share = stock // 2 // 5
    number = share if right else stock // 5
    return f"Half of {stock} may be taken, and five share it.\n\nAnswer: {number}"


def message(text: str, thinking: str) -> dict[str, Any]:
    """Return the assistant's message, with its thinking where *thinking* says."""
    thought = "Let me see what the others did, and what I would regret."
    match thinking:
        case "field":
            return {"role": "assistant", "content": text, "reasoning_content": thought}
        case "inline":
            return {"role": "assistant", "content": f"<think>\n{thought}\n</think>\n\n{text}"}
        case _:
            return {"role": "assistant", "content": text}


def blocks(text: str, thinking: str) -> list[dict[str, Any]]:
    """Return a message's content as Anthropic's protocol has it, with a thinking block where there is thinking."""
    thought = {"type": "thinking", "thinking": "Let me see what the others did.", "signature": "c2lnbmF0dXJl"}
    return [*([] if thinking == "none" else [thought]), {"type": "text", "text": text}]


def embedding(text: str) -> list[float]:
    """Return a vector of length 1: texts that share words are near each other."""
    total = [0.0] * DIMENSIONS
    for word in re.findall(r"\w+", text.casefold()):
        chance = Random(word)
        total = [value + chance.gauss(0, 1) for value in total]
    length = sqrt(sum(value * value for value in total)) or 1.0
    return [value / length for value in total]


def messages_complaint(asked: dict[str, Any], headers: Any, behaviour: Behaviour) -> str | None:
    """Return what Anthropic's protocol would say against a request, or None."""
    if "anthropic-version" not in headers:
        return "anthropic-version: header is required"
    if not isinstance(asked.get("max_tokens"), int):
        return "max_tokens: Field required"
    if unknown := set(asked) - {"model", "max_tokens", "system", "messages", "temperature", "top_p", "stream"}:
        return f"{min(unknown)}: Extra inputs are not permitted"
    if any(said["role"] not in ("user", "assistant") for said in asked["messages"]):
        return 'messages: Unexpected role "system". The Messages API accepts a top-level `system` parameter'
    if any(not said["content"] for said in asked["messages"]):
        return "messages: text content blocks must be non-empty"
    if asked.get("temperature") is not None and asked["temperature"] > 1:
        return "temperature: range: 0..1"
    if behaviour.one_of_both and {"temperature", "top_p"} <= set(asked):
        return "`temperature` and `top_p` cannot both be specified for this model. Please use only one."
    return None


ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    429: "rate_limit_error",
    500: "api_error",
    529: "overloaded_error",
}


# ---------------------------------------------------------------- the server


class Dropped(Response):
    """Announces a body, then breaks the connection."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1000")]})


COMPLETION = b'{"id": "chatcmpl-1", "object": "chat.completion", "choices": [{"index": 0, "message": {"role": "assi'


class CutOff(Response):
    """Announces a body, sends half of it, then breaks the connection."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1000")]})
        await send({"type": "http.response.body", "body": COMPLETION, "more_body": True})


class ModelServer:
    """The routes and what they count."""

    def __init__(self, seed: int, behaviour: Behaviour) -> None:
        self.seed = seed
        self.initial = self.behaviour = behaviour
        self.forget()
        self.app = Starlette(
            routes=[
                Route("/v1/chat/completions", self.complete, methods=["POST"]),
                Route("/v1/messages", self.complete, methods=["POST"]),
                Route("/v1/embeddings", self.complete, methods=["POST"]),
                Route("/v1/models", self.models),
                Route("/control", self.control, methods=["POST"]),
                Route("/stats", self.stats, methods=["GET", "DELETE"]),
            ]
        )

    def forget(self) -> None:
        """Start counting anew."""
        self.calls: dict[str, Counter[str]] = {}
        self.by_purpose: Counter[str] = Counter()
        self.by_status: Counter[str] = Counter()
        self.in_flight = self.max_in_flight = 0

    async def complete(self, request: Request) -> Response:
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)
        try:
            response = await self._respond(request)
        finally:
            self.in_flight -= 1
        self.by_status["dropped" if isinstance(response, Dropped | CutOff) else str(response.status_code)] += 1
        return response

    async def _respond(self, request: Request) -> Response:
        asked = json.loads(await request.body())
        content = "\n".join(
            [*([asked["system"]] if asked.get("system") else []), *(str(said["content"]) for said in asked["messages"])]
            if "messages" in asked
            else asked["input"]
        )
        run = unquote(request.headers.get("x-run", ""))
        name = unquote(request.headers.get("x-call-key", "")) or "-/" + sha256(content.encode()).hexdigest()[:16]
        arrivals = self.calls.setdefault(run, Counter())
        arrivals[name] += 1

        await asyncio.sleep(self.behaviour.latency_ms / 1000)
        behaviour = self.behaviour
        if fault := self._fault(request, name, arrivals[name]):
            return fault

        model = str(asked["model"])
        key = Key.parse(name) or Key("", "", "")
        self.by_purpose[key.purpose] += 1
        if "input" in asked:
            return self._embeddings(model, asked["input"])
        chance = Random(f"{self.seed}|{model}|{name}")
        unit = next((unit for unit in ("hectares", "percent", "tons") if unit in content), "units")
        rubbish = chance.random() < behaviour.rubbish_rate
        statements = max(map(int, re.findall(r"^(\d+)\. ", content, re.MULTILINE)), default=1)
        text = (
            chance.choice(RUBBISH)
            if rubbish
            else answer(key, chance, unit, "greedy" in model, behaviour, content, statements)
        )
        thinking = "field" if behaviour.thinking == "none" and "thinker" in model else behaviour.thinking
        tokens = {"prompt": len(content) // 4, "completion": len(text) // 4}
        digest = sha256(name.encode()).hexdigest()[:24]
        if request.url.path == "/v1/messages":
            return self._message(asked, request, text, thinking, tokens, digest)
        return JSONResponse(
            {
                "id": f"chatcmpl-{digest}",
                "object": "chat.completion",
                "created": 0,
                "model": f"{model}-fake-1",
                "system_fingerprint": f"fp_{self.seed}",
                "provider": "village",
                "choices": [{"index": 0, "message": message(text, thinking), "finish_reason": "stop"}],
                "usage": {"prompt_tokens": tokens["prompt"], "completion_tokens": tokens["completion"]},
            }
        )

    def _message(
        self, asked: dict[str, Any], request: Request, text: str, thinking: str, tokens: dict[str, int], digest: str
    ) -> Response:
        """Answer as Anthropic's Messages API does."""
        if complaint := messages_complaint(asked, request.headers, self.behaviour):
            return self._refusal(400, complaint, anthropic=True)
        cut = tokens["completion"] > asked["max_tokens"]
        return JSONResponse(
            {
                "id": f"msg_{digest}",
                "type": "message",
                "role": "assistant",
                "model": f"{asked['model']}-fake-1",
                "content": blocks(text[: asked["max_tokens"] * 4] if cut else text, thinking),
                "stop_reason": "max_tokens" if cut else "end_turn",
                "stop_sequence": None,
                "usage": {
                    "input_tokens": tokens["prompt"] - tokens["prompt"] // 2,
                    "cache_creation_input_tokens": 0,
                    "cache_read_input_tokens": tokens["prompt"] // 2,
                    "output_tokens": min(tokens["completion"], asked["max_tokens"]),
                },
            }
        )

    def _embeddings(self, model: str, texts: list[str]) -> Response:
        """Answer as an OpenAI-compatible `/v1/embeddings` does."""
        tokens = sum(len(text) // 4 for text in texts)
        rows = [
            {"object": "embedding", "index": place, "embedding": embedding(text)} for place, text in enumerate(texts)
        ]
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return JSONResponse({"object": "list", "data": rows, "model": f"{model}-fake-1", "usage": usage})

    def _fault(self, request: Request, name: str, arrival: int) -> Response | None:
        """Return the trouble this request meets, or None."""
        behaviour = self.behaviour
        anthropic = request.url.path == "/v1/messages"
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        given = request.headers.get("x-api-key", "") if anthropic else given
        if behaviour.api_key and given != behaviour.api_key:
            return self._refusal(401, f"Incorrect API key provided: {given}", anthropic)
        if behaviour.fail_next > 0:
            self.behaviour = replace(behaviour, fail_next=behaviour.fail_next - 1)
        if behaviour.down or behaviour.fail_next > 0:
            return self._failure(anthropic)
        luck = Random(f"fault|{self.seed}|{name}|{arrival}").random()
        for rate, status in (
            (behaviour.limit_rate, 429),
            (behaviour.error_rate, 500),
            (behaviour.drop_rate, 0),
        ):
            if luck < rate:
                return self._refusal(status, "by chance", anthropic) if status else Dropped()
            luck -= rate
        return None

    def _failure(self, anthropic: bool) -> Response:
        """Return how a request fails that was told to."""
        match self.behaviour.broken:
            case "empty":
                return Response(b"", media_type="application/json")
            case "truncated":
                return Response(COMPLETION, media_type="application/json")
            case "half":
                return CutOff()
        status, text = self.behaviour.status, "told to fail"
        if status == 402:
            text = "You exceeded your current quota (insufficient_quota)"
        return self._refusal(status, text, anthropic) if status else Dropped()

    def _refusal(self, status: int, text: str, anthropic: bool = False) -> Response:
        headers = {"Retry-After": self.behaviour.retry_after} if status == 429 and self.behaviour.retry_after else None
        if anthropic:
            error = {"type": ERROR_TYPES.get(status, "api_error"), "message": text}
            return JSONResponse({"type": "error", "error": error, "request_id": "req_fake"}, status, headers)
        return JSONResponse({"error": {"message": text, "type": "fake", "code": status}}, status, headers)

    async def models(self, request: Request) -> Response:
        return JSONResponse({"object": "list", "data": [{"id": model, "object": "model"} for model in MODELS]})

    async def control(self, request: Request) -> Response:
        """Change the behaviour; `{"reset": true}` goes back to how the server was started."""
        asked = await request.json()
        base = self.initial if asked.pop("reset", False) else self.behaviour
        known = {field.name: type(getattr(base, field.name)) for field in fields(Behaviour)}
        wrong = [name for name, value in asked.items() if name not in known or not _is(value, known[name])]
        if wrong:
            return JSONResponse({"error": f"unknown or of the wrong type: {', '.join(wrong)}"}, 400)
        self.behaviour = replace(base, **asked)
        return JSONResponse(asdict(self.behaviour))

    async def stats(self, request: Request) -> Response:
        if request.method == "DELETE":
            self.forget()
        return JSONResponse(
            {
                "requests": sum(counter.total() for counter in self.calls.values()),
                "answered": self.by_status["200"],
                "by_status": self.by_status,
                "by_purpose": self.by_purpose,
                "calls": self.calls,
                "max_in_flight": self.max_in_flight,
            }
        )


def _is(value: object, kind: type) -> bool:
    if isinstance(value, bool) or kind is bool:
        return kind is bool and isinstance(value, bool)
    return isinstance(value, (int, float)) if kind is float else isinstance(value, kind)


def main() -> None:
    """Serve until stopped. The first line printed ends with the address, and is printed when it takes connections."""
    parser = argparse.ArgumentParser(prog="python -m tests.fakes.model_server", description=__doc__.splitlines()[0])
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--seed", type=int, default=1)
    for field in fields(Behaviour):
        option = "--" + field.name.replace("_", "-")
        if field.type is bool:
            parser.add_argument(option, action="store_true")
        else:
            parser.add_argument(option, type=field.type, default=field.default)
    options = vars(parser.parse_args())
    host, port, seed = options.pop("host"), options.pop("port"), options.pop("seed")

    # The protocol is named because asyncio sends without delay only where it is: answers would take 40 ms more.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(1024)
    base_url = f"http://{host}:{listener.getsockname()[1]}/v1"
    print(f"Fake model server at {base_url}", flush=True)
    print(
        f'\n[endpoints.fake]\nbase_url = "{base_url}"\nmodels = {json.dumps(MODELS)}\n'
        f"embeddings = {json.dumps(EMBEDDINGS)}\nsend_call_key = true\n",
        flush=True,
    )
    server = ModelServer(seed, Behaviour(**options))
    config = uvicorn.Config(
        server.app, log_level="critical", lifespan="off", timeout_keep_alive=75, timeout_graceful_shutdown=1
    )
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
