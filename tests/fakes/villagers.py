"""A model without a server: what it answers is a function of its seed and the call's key, and sometimes rubbish."""

import asyncio
from base64 import b64encode
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from random import Random

from app.commons.config import EpisodeConfig, SamplingConfig
from app.jobs.launch import launch_configs
from app.jobs.player import Player
from app.minds.generative import BATCH
from app.models.base import CallKey, CallLog, Completion, EndpointDown, Message, Model
from app.models.decoding import Decoding
from app.models.prices import Price, PriceTag
from app.models.recorded import RecordedModel
from app.store.connect import Database
from app.store.leases import Claim
from app.store.records import RunRecord
from app.store.runs import get_run

RUBBISH = (
    "", "???", "I cannot help with that.", '{"null": [}{', "Answer: 5-10 tons", "Answer: <b>&amp;</div></b>",
    "<think>round and round", "half a \ud83d character", "NUL\0NUL", "</div><div><strong>ASSISTANT</strong>: Answer: 3",
)  # fmt: skip
EMBEDDER = "lab/embedder"
# Who talks says how, as a local model does.
DRAFTED = Decoding(cached_tokens=30, exit_layer=1, draft_length=4, drafted=12, accepted=6, verifications=3)
PROMPTS = Path(__file__).resolve().parents[2] / "templates" / "prompts"


class Villager:
    """One model; `shuffle` seeds how long each answer takes, `breaks_after` is how many calls it answers at all."""

    def __init__(
        self,
        name: str,
        names: Sequence[str],
        seed: int,
        *,
        rubbish: float = 0.0,
        shuffle: int | None = None,
        breaks_after: int | None = None,
    ) -> None:
        self.name = name
        self._names = names
        self._seed = seed
        self._rubbish = rubbish
        self._order = None if shuffle is None else Random(shuffle)
        self._left = breaks_after

    async def complete(self, messages: tuple[Message, ...], sampling: SamplingConfig, key: CallKey) -> Completion:
        if self._order is not None:
            for _ in range(self._order.randrange(12)):
                await asyncio.sleep(0)
        if self._left is not None:
            self._left -= 1
            if self._left < 0:
                raise EndpointDown("The villagers are asleep.")
        chance = Random(f"{self._seed}/{key}")
        reason = chance.choices(("stop", "length", "content_filter", None), (90, 4, 2, 4))[0]
        if key.purpose != "embedding" and chance.random() < self._rubbish:
            return Completion(text=chance.choice(RUBBISH), finish_reason=reason)
        thinking = "Let me see." if chance.random() < 0.2 else None
        return Completion(
            text=self._answer(key, chance, messages),
            thinking=thinking,
            finish_reason=reason,
            prompt_tokens=sum(len(message.content) for message in messages) // 4,
            completion_tokens=chance.randrange(200),
            decoding=DRAFTED if key.purpose == "utterance" else None,
        )

    def _answer(self, key: CallKey, chance: Random, messages: tuple[Message, ...]) -> str:
        segments = [segment for message in messages for segment in message.segments]
        match key.purpose:
            case "embedding":
                return "\n".join(b64encode(Random(segment.text).randbytes(8)).decode() for segment in segments)
            case "rating" if key.item == BATCH:
                statements = sum(segment.kind == "memory" for segment in segments)
                return "\n".join(f"{n}. {chance.randint(1, 10)}" for n in range(1, statements + 1))
            case "harvest":
                wild = chance.random() < 0.05
                return f"I weigh it.\nAnswer: {chance.choice((30, 1000, 10**14)) if wild else chance.randint(0, 8)}"
            case "utterance":
                ends = chance.choice(("no", "no", "no", "yes"))
                following = chance.choice([*self._names, "nobody"])
                return f"Response: Let us <i>take</i> {chance.randint(1, 20)} & rest.\nEnd of talk: {ends}\nNext speaker: {following}"  # noqa: E501
            case "rating":
                return f"Answer: {chance.randint(1, 10)}"
            case "limit":
                return f"Answer: {chance.choice(('none', '10', '7'))}"
            case "insight":
                return "\n".join(f"{n}. Lesson {chance.randint(1, 99)}. (because of {n})" for n in range(1, 4))
            case _:
                return f"{key.agent} keeps {key.purpose} {chance.randint(1, 999)} in mind."


class VillageHub:
    """Opens villagers as a hub opens models: behind the run's call log."""

    def __init__(self, names: Sequence[str], seed: int = 1, *, price: Price | None = None, **behaviour: object) -> None:
        self._names = names
        self._seed = seed
        self.price = price
        self._behaviour = behaviour

    def price_of(self, name: str) -> Price | None:
        return self.price

    def open(self, name: str, run: str, log: CallLog) -> Model:
        villager = Villager(name, self._names, self._seed, **self._behaviour)  # type: ignore[arg-type]
        return RecordedModel(villager, log, PriceTag("http://nowhere", name, self.price), sampled=name != EMBEDDER)


async def record(database: Database, config: EpisodeConfig, **behaviour: object) -> RunRecord:
    """Play an episode with villagers for its models, record it, and return the run as it was left."""
    _, [run_id] = await launch_configs(database, [config], prompt_folders=[PROMPTS], owner="test")
    hub = VillageHub(config.names, **behaviour)  # type: ignore[arg-type]
    with suppress(EndpointDown):
        await Player(database, hub, Claim(run_id=run_id, epoch=1)).run()  # type: ignore[arg-type]
    return await get_run(database, run_id)
