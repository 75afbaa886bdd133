"""A run's answered prompts, taken along for training a model."""

import json
from pathlib import Path
from typing import Any

import pytest

from app.commons.events import Decided, Unreadable
from app.interop.chats import NoChats, chat_lines
from app.interop.export import write_export
from app.interop.library import import_logs
from app.store.connect import Database
from app.store.whole import WholeRun, read_whole
from tests.fakes.villagers import record
from tests.interop.logs import two_months, write_run
from tests.interop.test_export import mixed
from tests.support import fresh_database, scripted_config


@pytest.fixture
async def database(tmp_path: Path) -> Any:
    opened, _ = fresh_database(tmp_path)
    yield opened
    await opened.close()


def lines(whole: WholeRun) -> list[dict[str, Any]]:
    return [json.loads(line) for line in chat_lines(whole).decode("ascii").splitlines()]


async def test_each_answer_is_a_chat_that_ends_with_it(database: Database, tmp_path: Path) -> None:
    whole = await read_whole(database, (await record(database, mixed())).id)
    chats = lines(whole)
    answered = {str(call.key).rpartition("/")[0]: call for call in whole.calls()}
    calls = [call for call in answered.values() if call.completion and call.completion.finish_reason in ("stop", None)]
    assert len(chats) == len(calls) > 50
    for chat, call in zip(chats, calls, strict=True):
        assert [message["content"] for message in chat["messages"][:-1]] == [one.content for one in call.messages]
        assert call.completion is not None
        assert chat["messages"][-1] == {"role": "assistant", "content": call.completion.text}
        assert (chat["run"], chat["month"], chat["agent"]) == (whole.run.id, call.key.month, call.key.agent)
        assert (chat["purpose"], chat["model"]) == (call.key.purpose, call.model)
    written = write_export(whole, "chats", tmp_path / "chats.jsonl")
    assert written.read_bytes() == chat_lines(whole)


async def test_what_was_not_read_is_not_taught(database: Database) -> None:
    whole = await read_whole(database, (await record(database, mixed(), rubbish=0.4)).id)
    events = whole.parsed()
    stayed = [one for one in events if isinstance(one, Unreadable) or (isinstance(one, Decided) and not one.readable)]
    again = [call for call in whole.calls() if call.key.attempt > 1]
    assert stayed and again
    asked = {str(call.key).rpartition("/")[0]: call for call in whole.calls()}
    for event in stayed:
        what = (event.purpose, event.item) if isinstance(event, Unreadable) else ("harvest", "")
        del asked[f"{event.month}/{event.phase}/{event.agent or 'framework'}/{'/'.join(what)}"]
    assert [line["messages"][-1]["content"] for line in lines(whole)] == [
        completion.text
        for call in asked.values()
        if (completion := call.completion) and completion.text and completion.finish_reason in ("stop", None)
    ]


async def test_a_month_that_was_not_played_to_its_end_teaches_nothing(database: Database) -> None:
    run = await record(database, mixed(), breaks_after=11)
    whole = await read_whole(database, run.id)
    assert run.state == "paused" and run.months_played == 1
    assert {call.key.month for call in whole.calls()} == {1, 2}
    assert {chat["month"] for chat in lines(whole)} == {1}


async def test_imported_logs_have_chats_too(database: Database, tmp_path: Path) -> None:
    (outcome,) = await import_logs(database, [write_run(tmp_path / "log", two_months())])
    chats = lines(await read_whole(database, str(outcome.run_id)))
    assert {chat["purpose"] for chat in chats} >= {"harvest", "utterance"}
    assert all(chat["messages"][-1]["content"] for chat in chats)


async def test_where_nobody_asked_a_model_there_is_nothing_to_learn(database: Database) -> None:
    whole = await read_whole(database, (await record(database, scripted_config())).id)
    with pytest.raises(NoChats, match="no answer"):
        chat_lines(whole)
