import base64
import hashlib
import re
from pathlib import Path

from app.interop.export import write_export
from app.interop.report import report_html
from app.store.connect import Database
from app.store.whole import read_whole
from tests.fakes.villagers import record
from tests.jobs.test_rerun import generative
from tests.support import ROOT
from tests.web.page import parse

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)> \u202e --> ]]>"


async def test_a_report_holds_the_episode_and_nothing_from_elsewhere(database: Database) -> None:
    run = await record(database, generative(months=12))
    whole = await read_whole(database, run.id)
    made = report_html(whole, ROOT)
    text = made.decode()
    page = parse(text)
    assert len(made) < 400_000
    assert made == report_html(whole, ROOT)
    assert len(page.classed("month")) == run.months_played
    assert "Configuration hash" in text and run.config_hash in text
    said = [event.text for event in whole.parsed() if event.kind == "said"]
    assert said and all(line.classed("said") for line in page.classed("talk"))
    assert len(page.classed("said")) == len(said)
    for element in ("link", "iframe", "img", "object", "embed"):
        assert not page.all(element), element
    assert not re.search(r"<script[^>]+src|@import|url\((?!#)", text)
    assert not re.search(r'(?:src|href)="(?!#)', text.replace('xmlns="http://www.w3.org/2000/svg"', ""))


async def test_the_policy_names_the_one_style_and_script_and_forbids_the_rest(database: Database) -> None:
    run = await record(database, generative())
    text = report_html(await read_whole(database, run.id), ROOT).decode()
    policy = parse(text).one("meta", **{"http-equiv": "Content-Security-Policy"}).attributes["content"] or ""
    assert policy.startswith("default-src 'none';")
    for name, kind in (("script", "script-src"), ("style", "style-src")):
        [content] = re.findall(f"<{name}>(.*?)</{name}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{kind} 'sha256-{digest}'" in policy


async def test_prompts_are_left_out_unless_asked_for(database: Database) -> None:
    run = await record(database, generative())
    whole = await read_whole(database, run.id)
    prompt = whole.calls()[0].messages[0].content.split("\n")[0][:40]
    assert "Prompts and answers" not in report_html(whole, ROOT).decode()
    assert "Prompts and answers" in (full := report_html(whole, ROOT, prompts=True).decode())
    assert prompt.replace("'", "&#39;") in full


async def test_what_agents_say_stays_text(database: Database, tmp_path: Path) -> None:
    run = await record(database, generative())
    whole = await read_whole(database, run.id)
    said = next(index for index, text in enumerate(whole.events) if '"kind":"said"' in text)
    events = list(whole.events)
    events[said] = re.sub(r'"text":"(?:[^"\\]|\\.)*"', lambda _: f'"text":"{HOSTILE}"', events[said])
    hostile = type(whole)(whole.run.model_copy(update={"name": HOSTILE}), events, whole.rows, whole.segments)
    text = report_html(hostile, ROOT).decode()
    assert "<script>alert" not in text and "<img" not in text and text.count("<script>") == 1
    assert write_export(whole, "html", tmp_path / "run.html", ROOT).read_bytes() == report_html(whole, ROOT)
