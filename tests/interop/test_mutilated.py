"""Whatever is done to a log, it is read whole or refused with one sentence."""

import copy
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.interop.research import ImportedRun, UnreadableLog, read_log
from app.interop.summary import summary
from tests.interop.logs import config, month_nodes, two_months, write_run

ODD = st.sampled_from(
    [
        None,
        True,
        -1,
        0,
        3,
        1e300,
        10**30,
        0.5,
        "",
        "x" * 500,
        "persona_9",
        "\ud800",
        [],
        {},
        [None],
        {"path": 3},
        "${a}",
    ]
)


def places(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [way, *(place for key, item in inner for place in places(item, (*way, key)))]


def changed(value: Any, way: tuple[Any, ...], odd: Any, how: str) -> Any:
    """A copy of *value* with something done to the place at *way*."""
    if not way:
        return odd
    value = copy.deepcopy(value)
    holder = value
    for key in way[:-1]:
        holder = holder[key]
    if how == "drop":
        del holder[way[-1]]
    elif how == "double" and isinstance(holder, list):
        holder.insert(way[-1], holder[way[-1]])
    else:
        holder[way[-1]] = odd
    return value


LOG, SETTINGS, NODES = two_months(), config(), month_nodes(1)
HOW = st.sampled_from(["drop", "double", "set"])


def read_or_refuse(folder: Path) -> ImportedRun | None:
    try:
        run = read_log(folder)
    except UnreadableLog as error:
        assert str(error).startswith(folder.name)
        assert "\n" not in str(error)
        return None
    assert json.loads(json.dumps(summary(run), allow_nan=False))["months_played"] >= 1
    for event in run.events:
        event.model_dump_json().encode()
    return run


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.sampled_from(places(LOG)), ODD, HOW), min_size=1, max_size=3))
def test_a_log_with_wrong_values(changes: list[tuple[tuple[Any, ...], Any, str]]) -> None:
    rows: Any = LOG
    for way, odd, how in changes:
        if way in places(rows):
            rows = changed(rows, way, odd, how)
    with tempfile.TemporaryDirectory() as place:
        read_or_refuse(write_run(Path(place) / "run", rows, settings=SETTINGS, nodes=False))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_log_that_is_cut_off_or_has_wrong_bytes(data: st.DataObject) -> None:
    text = json.dumps(LOG[:7]).encode()
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 40)))
    broken = text[:start] + data.draw(st.binary(max_size=3)) + text[end:]
    if data.draw(st.booleans()):
        broken = text[:start]
    with tempfile.TemporaryDirectory() as place:
        (Path(place) / "log_env.json").write_bytes(broken)
        read_or_refuse(Path(place))


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(places(SETTINGS)), ODD, HOW)
def test_a_configuration_with_wrong_values(way: tuple[Any, ...], odd: Any, how: str) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = write_run(Path(place) / "run", LOG, nodes=False)
        (folder / "config.yaml").write_text(json.dumps(changed(SETTINGS, way, odd, how)))
        read_or_refuse(folder)


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(places(NODES)), ODD, HOW)
def test_memories_with_wrong_values_never_cost_the_run(way: tuple[Any, ...], odd: Any, how: str) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = write_run(Path(place) / "run", LOG, settings=SETTINGS)
        (folder / "persona_1" / "nodes.json").write_text(json.dumps(changed(NODES, way, odd, how)))
        assert read_or_refuse(folder) is not None


def test_files_where_folders_should_be_and_the_other_way_round(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", LOG, settings=SETTINGS)
    shutil.rmtree(folder / "persona_0")
    (folder / "persona_0").write_text("a file")
    (folder / "config.yaml").unlink()
    (folder / "config.yaml").mkdir()
    run = read_or_refuse(folder)
    assert run is not None
    assert run.model is None
