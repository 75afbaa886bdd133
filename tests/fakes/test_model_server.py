"""What the rest of the tests rely on: the fake server's answers and counts."""

import re
from random import Random

import httpx
import pytest

from tests.fakes.model_server import Behaviour, Key, answer, embedding, messages_complaint
from tests.fakes.process import FakeModelServer


def said(purpose: str, n: int = 0, greedy: bool = False, **behaviour: float) -> str:
    return answer(Key("Kate", purpose, ""), Random(n), "tons", greedy, Behaviour(**behaviour))


def harvests(greedy: bool = False, **behaviour: float) -> list[int]:
    texts = [said("harvest", n, greedy, **behaviour) for n in range(200)]
    return [int(text.splitlines()[-1].removeprefix("Answer: ")) for text in texts]


def test_villagers_harvest_what_five_of_them_can_sustain_for_ever() -> None:
    assert set(harvests()) == {6, 7, 8, 9, 10}
    assert min(harvests(greedy=True)) > 10
    assert 20 < sum(catch > 10 for catch in harvests(greedy_rate=0.3)) < 100


def test_a_talk_goes_on_unless_it_is_told_to_end() -> None:
    for n in range(50):
        response, ends, follower = said("utterance", n).splitlines()
        assert re.fullmatch(r"Response: .+", response) and ends == "End of talk: no"
        assert re.fullmatch(r"Next speaker: (John|Jack|Emma|Luke)", follower)
    assert said("utterance", talk_ends_rate=1.0).endswith("End of talk: yes\nNext speaker: none")


@pytest.mark.parametrize(
    ("purpose", "form"),
    [
        ("limit", r".+\nAnswer: \d+"),
        ("rating", r"Answer: ([1-9]|10)"),
        ("summary", r"[^\n]+\."),
        ("planning", r"[^\n]+\."),
        ("interesting", r"[^\n]+\."),
        ("insight", r"(\d\. .+ \(because of [1-5](, [1-5])*\)\n?){5}"),
    ],
)
def test_answers_have_the_form_their_purpose_asks_for(purpose: str, form: str) -> None:
    for n in range(30):
        assert re.fullmatch(form, said(purpose, n))


def test_a_limit_can_be_missing() -> None:
    assert said("limit", no_limit_rate=1.0).endswith("Answer: none")


def test_the_server_speaks_the_protocol_to_anybody() -> None:
    with FakeModelServer(seed=3, latency_ms=1, api_key="k") as server, httpx.Client(base_url=server.base_url) as http:
        body = {"model": "m", "messages": [{"role": "user", "content": "Hello, how many hectares?"}]}
        assert http.post("/chat/completions", json=body).status_code == 401
        http.headers["Authorization"] = "Bearer k"
        first = http.post("/chat/completions", json=body).json()
        assert first == http.post("/chat/completions", json=body).json()
        assert "hectares" in first["choices"][0]["message"]["content"]
        assert [model["id"] for model in http.get("/models").json()["data"]] == ["villager", "greedy", "thinker"]
        assert server.stats()["by_status"] == {"401": 1, "200": 2}
        server.reset()
        assert server.stats()["requests"] == 0


def test_a_wrong_wish_is_refused_and_changes_nothing() -> None:
    with FakeModelServer() as server:
        before = server.control()
        for wish in ({"latency": 3}, {"down": 1}, {"fail_next": "2"}):
            with pytest.raises(httpx.HTTPStatusError, match="400"):
                server.control(**wish)
        assert server.control() == before


def test_a_batch_is_rated_line_by_line() -> None:
    text = answer(Key("Kate", "rating", "batch"), Random(1), "tons", False, Behaviour(), statements=3)
    assert re.fullmatch(r"1\. ([1-9]|10)\n2\. ([1-9]|10)\n3\. ([1-9]|10)", text)


def test_texts_that_share_words_have_vectors_near_each_other() -> None:
    fish, fishing, boat = (embedding(text) for text in ("the fish swim", "the fish sleep", "a boat"))

    def cosine(one: list[float], other: list[float]) -> float:
        return sum(a * b for a, b in zip(one, other, strict=True))

    assert cosine(fish, fish) == pytest.approx(1)
    assert cosine(fish, fishing) > 0.5 > cosine(fish, boat)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"max_tokens": None}, "max_tokens: Field required"),
        ({"seed": 1}, "seed: Extra inputs"),
        ({"messages": [{"role": "system", "content": "x"}]}, 'Unexpected role "system"'),
        ({"messages": [{"role": "user", "content": ""}]}, "non-empty"),
        ({"temperature": 1.5}, "temperature: range"),
    ],
)
def test_the_messages_protocol_is_kept_to(change: dict[str, object], says: str) -> None:
    asked = {"model": "m", "max_tokens": 10, "messages": [{"role": "user", "content": "Hello"}]}
    assert messages_complaint(asked, {"anthropic-version": "2023-06-01"}, Behaviour()) is None
    assert says in str(messages_complaint(asked | change, {"anthropic-version": "2023-06-01"}, Behaviour()))
    assert "anthropic-version" in str(messages_complaint(asked, {}, Behaviour()))
