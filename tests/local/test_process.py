"""`govsim local serve` as a process, and `govsim` beside it. They need the extra [local]; the weights are random."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from app.jobs.local_server import LocalServer, find_server
from app.models.local_folder import missing_extra
from tests.local.tiny import make_tiny
from tests.support import ROOT, Instance

pytestmark = pytest.mark.skipif(
    missing_extra() is not None, reason=f"the package {missing_extra()} of the extra [local] is not installed"
)

PROMPTS = [f"There are {number} tons of fish in the lake. How many do you catch?" for number in range(10, 22)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of models: one, `random`."""
    found = tmp_path_factory.mktemp("local")
    make_tiny(found / "random", label="random weights")
    return found


def asked(text: str, **fields: Any) -> dict[str, Any]:
    message = {"role": "user", "content": text}
    return {"model": "random", "messages": [message], "temperature": 0, "max_tokens": 40, **fields}


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[str]:
    """The address of a server of the folder, as somebody started it by hand."""
    process = subprocess.Popen(
        [sys.executable, "-m", "app.cli", "local", "serve", str(folder), "--port", "0", "--threads", "1"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("Local models are ready: http://127.0.0.1:"), line
    yield line.split()[-1].removesuffix("/v1")
    process.send_signal(signal.SIGTERM)
    # It ends its requests first, and then as whoever started it expects: by the signal.
    assert process.wait(20) in (0, -signal.SIGTERM)


@pytest.fixture
async def client(served: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=served, trust_env=False, timeout=120) as http:
        yield http


async def answer(client: httpx.AsyncClient, text: str, **fields: Any) -> dict[str, Any]:
    response = await client.post("/v1/chat/completions", json=asked(text, **fields))
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


async def test_concurrent_requests_get_what_serial_ones_get(client: httpx.AsyncClient) -> None:
    for fields in ({}, {"temperature": 0.8, "top_p": 0.9, "seed": 5}):
        serial = [await answer(client, text, **fields) for text in PROMPTS]
        together = await asyncio.gather(*(answer(client, text, **fields) for text in PROMPTS))
        assert [found["choices"] for found in together] == [found["choices"] for found in serial]
        assert len({found["choices"][0]["message"]["content"] for found in serial}) > 1


async def test_usage_tells_of_tokens_cache_and_drafts(client: httpx.AsyncClient) -> None:
    await answer(client, PROMPTS[0])
    found = await answer(client, PROMPTS[0])
    assert found["model"].startswith("random@") and len(found["model"]) == len("random@") + 12
    usage = found["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert 0 < usage["prompt_tokens_details"]["cached_tokens"] < usage["prompt_tokens"]
    assert set(usage["layerskip"]) == {
        *("exit_layer", "draft_length", "drafted", "accepted", "verifications", "tokens_per_verification")
    }
    assert usage["layerskip"]["accepted"] <= usage["layerskip"]["drafted"]


async def test_limits_stops_and_streams(client: httpx.AsyncClient) -> None:
    whole = (await answer(client, PROMPTS[1]))["choices"][0]["message"]["content"]
    short = (await answer(client, PROMPTS[1], max_tokens=1))["choices"][0]
    assert short["finish_reason"] in ("length", "stop") and whole.startswith(short["message"]["content"])
    if len(whole) > 3:
        stopped = (await answer(client, PROMPTS[1], stop=[whole[2]]))["choices"][0]
        assert stopped["message"]["content"] == whole.partition(whole[2])[0] and stopped["finish_reason"] == "stop"
    response = await client.post("/v1/chat/completions", json=asked(PROMPTS[1], stream=True))
    events = [json.loads(line[6:]) for line in response.text.split("\n\n") if line and not line.endswith("[DONE]")]
    assert "".join(event["choices"][0]["delta"].get("content", "") for event in events) == whole


async def test_a_prompt_that_is_too_long_is_a_clear_400(client: httpx.AsyncClient) -> None:
    response = await client.post("/v1/chat/completions", json=asked("word " * 2000))
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "context_length_exceeded"
    assert "8192" in response.json()["error"]["message"]


async def test_clients_that_go_away_leave_the_others_alone(client: httpx.AsyncClient) -> None:
    expected = (await answer(client, PROMPTS[2]))["choices"]
    leaving = [asyncio.create_task(answer(client, f"{text} Tell me all.", max_tokens=4000)) for text in PROMPTS]
    staying = [asyncio.create_task(answer(client, PROMPTS[2])) for _ in range(3)]
    await asyncio.sleep(0.05)
    for task in leaving:
        task.cancel()
    assert [found["choices"] for found in await asyncio.gather(*staying)] == [expected] * 3
    assert (await answer(client, PROMPTS[2]))["choices"] == expected


@pytest.mark.long
async def test_a_thousand_requests_leave_memory_where_it_was(client: httpx.AsyncClient, served: str) -> None:
    port = int(served.rpartition(":")[2])
    process = next(
        psutil.Process(one.pid)
        for one in psutil.net_connections("tcp")
        if one.status == psutil.CONN_LISTEN and one.laddr.port == port and one.pid
    )

    async def some(number: int) -> None:
        for start in range(0, number, 8):
            asking = (answer(client, f"{start % 20}: {PROMPTS[n]}", max_tokens=8) for n in range(8))
            await asyncio.gather(*asking)

    await some(400)  # the cache of prompts fills, allocators keep what they may need again
    before = process.memory_info().rss
    await some(1000)
    grown = process.memory_info().rss - before
    print(f"{before / 2**20:.0f} MiB before, {grown / 2**20:+.1f} MiB after 1,000 requests")
    assert grown < 20 * 2**20


def kept() -> list[psutil.Process]:
    """The servers that this process keeps."""
    return [one for one in psutil.Process().children() if "--descriptor" in one.cmdline()]


async def test_a_server_that_is_killed_answers_again_at_the_same_address(folder: Path) -> None:
    server = LocalServer(folder)
    assert find_server(folder) is None
    async with server.kept(), httpx.AsyncClient(base_url=server.address, trust_env=False, timeout=60) as client:
        first = await answer(client, PROMPTS[0])
        assert find_server(folder) == server.address
        (child,) = kept()
        child.kill()
        await asyncio.to_thread(child.wait, 10)
        assert (await answer(client, PROMPTS[0]))["choices"] == first["choices"]
    assert find_server(folder) is None and not (folder / ".server.json").exists()
    assert kept() == []


async def test_a_run_on_the_command_line_starts_its_own_server(tmp_path: Path, folder: Path) -> None:
    instance = Instance(tmp_path, "")
    instance.settings = {"GOVSIM_LOCAL_MODELS": str(folder)}
    try:
        done = await asyncio.to_thread(
            instance.govsim,
            *("run", "--mind", "generative:local/random", "--condition", "no_communication", "--months", "1", "--json"),
        )
        run = json.loads(done.stdout)
        assert run["state"] == "finished", done.stderr
        # Answers of random weights are data: asked again, then counted.
        assert run["metrics"]["unreadable"] + run["answers"]["total"]["calls"] > 0
        assert run["cost_usd"] == 0
        listed = await asyncio.to_thread(instance.govsim, "models")
        assert "local/random (random weights)" in " ".join(listed.stdout.split())
    finally:
        await instance.close()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--host", "0.0.0.0"], "Others can reach 0.0.0.0, and this server has no password"),
        (["--name", "x"], "--name is for one model"),
        (["--dtype", "int4"], "--dtype takes auto, float32 or bfloat16, not 'int4'."),
        (["--draft", "3"], "Give both --exit-layer and --draft, or neither."),
    ],
)
def test_a_wrong_call_is_one_sentence(folder: Path, arguments: list[str], said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", "local", "serve", str(folder), *arguments],
        cwd=ROOT,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2 and said in done.stderr


def test_a_folder_without_a_model_is_one_sentence(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "app.cli", "local", "serve", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and f"There is no model at {tmp_path}" in done.stderr
