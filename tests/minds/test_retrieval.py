"""Retrieval: the arithmetic of the score, and what is chosen."""

import json
from datetime import datetime, timedelta

import pytest

from app.commons.events import Memory
from app.minds.memory import MemoryStream
from app.minds.relevance import Embedded, vectorise
from app.minds.retrieval import Retriever, score
from app.models.base import CallKey, Retrieval
from app.models.embeddings import read_embeddings
from tests.minds.samples import moment, talk_moment

NOW = moment(2).at
KEY = CallKey(month=2, phase="harvest", agent="Kate", purpose="embedding")


async def found(retriever: Retriever, focal_points: list[str], top: int, now: datetime = NOW) -> tuple[Memory, ...]:
    return tuple(item.memory for item in await retriever.retrieve(focal_points, top, now, KEY))


def remember(stream: MemoryStream, *texts: tuple[str, int]) -> list[Memory]:
    """Keep thoughts, a minute apart."""
    start = talk_moment(1)
    kept = []
    for minute, (text, importance) in enumerate(texts):
        when = start.model_copy(update={"at": start.at + timedelta(minutes=minute)})
        kept.append(stream.think("planning", text, when, importance, rated=True))
    return kept


@pytest.mark.parametrize(
    ("rank", "importance", "relevance", "expected"),
    [(0, 1, 0.0, 0.5), (0, 10, 0.0, 3.5), (0, 10, 1.0, 5.5), (1, 1, 0.0, 0.495), (10, 4, 0.5, 2.452191)],
)
def test_score_adds_recency_importance_and_relevance(rank: int, importance: int, relevance: float, expected: float):
    assert score(rank, importance, relevance) == pytest.approx(expected, abs=1e-6)


def test_equal_texts_are_most_relevant_and_unlike_ones_are_not():
    fish, fishing, sheep, empty = vectorise(["the fish", "fishing", "sheep", ""])
    assert fish.cosines([fish]) == pytest.approx([1.0])
    near, far = fish.cosines([fishing, sheep])
    assert near > far
    assert fish.cosines([empty]) == [0.0]


async def test_importance_outweighs_recency():
    stream = MemoryStream()
    old, *_ = remember(stream, ("aaa", 9), ("bbb", 2), ("ccc", 2))
    assert await found(Retriever(stream), ["zzz"], 1) == (old,)


async def test_of_equally_important_ones_the_relevant_one_comes_to_mind():
    stream = MemoryStream()
    _, wanted, _ = remember(
        stream, ("the weather was fine", 5), ("Luke catches too many fish", 5), ("my boat is old", 5)
    )
    assert await found(Retriever(stream), ["fish"], 1) == (wanted,)


async def test_of_equal_ones_the_newest_comes_to_mind():
    stream = MemoryStream()
    *_, newest = remember(stream, ("same", 5), ("same", 5), ("same", 5))
    assert await found(Retriever(stream), ["same"], 1) == (newest,)


async def test_the_always_included_come_first_and_count():
    stream = MemoryStream()
    remember(stream, *[(f"thought {n}", 9) for n in range(10)])
    stock = stream.observe("stock", "86 tons", moment(2))
    limit = stream.agree("at most 10", talk_moment(1))
    came = await found(Retriever(stream), ["lake"], 3)
    assert len(came) == 3
    assert {stock, limit} <= set(came)
    assert set(await found(Retriever(stream), ["lake"], 1)) == {stock, limit}


async def test_focal_points_are_united_without_duplicates_in_the_order_of_time():
    stream = MemoryStream()
    fish, _, boat = remember(stream, ("fish fish fish", 5), ("weather", 5), ("boat boat boat", 5))
    assert await found(Retriever(stream), ["boat", "fish", "boat"], 1) == (fish, boat)


async def test_retrieving_again_gives_the_same_after_more_was_remembered_and_forgotten():
    stream = MemoryStream()
    remember(stream, *[(f"thought {n} of the lake", n % 10 + 1) for n in range(30)])
    used, fresh = Retriever(stream), Retriever(stream)
    await found(used, ["lake"], 5)
    await found(used, ["Luke"], 5)
    assert await found(used, ["thought 7"], 5) == await found(fresh, ["thought 7"], 5)
    assert await found(used, ["lake"], 5, NOW + timedelta(days=90)) == ()


async def test_what_came_to_mind_tells_how():
    stream = MemoryStream()
    remember(stream, ("the lake", 10), ("boats", 1))
    stream.observe("stock", "86 tons", moment(2))
    lake, boats, stock = await Retriever(stream).retrieve(["the lake"], 10, NOW, KEY)
    assert stock.retrieval == Retrieval(always=True)
    assert (lake.retrieval.importance, lake.retrieval.relevance) == (1.0, 1.0)
    assert (boats.retrieval.recency, boats.retrieval.importance) == (0.99, 0.0)
    assert lake.retrieval.recency == 0.98


class Embedder:
    """Gives each text the vector of its first letter, and remembers what it was asked."""

    name = "lab/embedder"

    def __init__(self) -> None:
        self.requests: list[tuple[str, list[str]]] = []

    async def complete(self, messages, sampling, key):
        texts = [segment.text for message in messages for segment in message.segments]
        self.requests.append((str(key), texts))
        vectors = [[1.0 if letter == text[0] else 0.0 for letter in "ab"] for text in texts]
        rows = [{"index": place, "embedding": vector} for place, vector in enumerate(vectors)]
        return read_embeddings(json.dumps({"data": rows}).encode(), len(texts), 1)


async def test_relevance_can_come_from_a_model_which_is_asked_once_for_each_memory():
    stream, model = MemoryStream(), Embedder()
    about_b, *_ = remember(stream, ("b one", 5), ("a two", 5), ("a three", 5))
    retriever = Retriever(stream, Embedded(model))
    assert await found(retriever, ["b?"], 1) == (about_b,)
    remember(stream, ("b four", 1))
    await found(retriever, ["a?"], 2)
    assert model.requests == [
        ("2/harvest/Kate/embedding//1", ["b one", "a two", "a three", "b?"]),
        ("2/harvest/Kate/embedding//1", ["b four", "a?"]),
    ]


async def test_no_vectors_are_asked_for_when_nothing_can_be_chosen():
    stream, model = MemoryStream(), Embedder()
    retriever = Retriever(stream, Embedded(model))
    stream.observe("stock", "86 tons", moment(2))
    assert len(await found(retriever, ["b?"], 5)) == 1
    remember(stream, ("b one", 5))
    assert len(await found(retriever, ["b?"], 1)) == 1
    assert model.requests == []
