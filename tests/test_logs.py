"""One form for all lines, and nothing in them that must not be there."""

import json
import logging
from collections.abc import Iterator

import psycopg
import pytest
import structlog
from procrastinate.exceptions import ConnectorException

from app.logs import secrets_in, set_up_logs

KEY = 'sk-live-"quoted"-0123456789'


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    logging.captureWarnings(False)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    captured = capsys.readouterr()
    assert captured.out == ""
    return [json.loads(line) for line in captured.err.splitlines()]


def test_our_lines_and_those_of_libraries_have_one_form(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("json", "info")
    with structlog.contextvars.bound_contextvars(run="r1", epoch=2):
        structlog.get_logger("app.jobs").info("run claimed", months=12)
        logging.getLogger("procrastinate.worker").warning("job %s is late", 7)
    ours, theirs = lines(capsys)
    assert (ours["event"], ours["level"], ours["run"], ours["epoch"], ours["months"]) == (
        "run claimed",
        "info",
        "r1",
        2,
        12,
    )
    assert (theirs["event"], theirs["level"], theirs["logger"]) == ("job 7 is late", "warning", "procrastinate.worker")
    assert theirs["run"] == "r1"
    assert str(ours["timestamp"]).endswith("Z")


@pytest.mark.parametrize("library", ["httpx", "sqlalchemy.engine", "alembic.runtime.migration", "uvicorn.error"])
def test_what_libraries_tell_is_for_debugging(library: str, capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("json", "info")
    logging.getLogger(library).info("chatter")
    assert lines(capsys) == []
    set_up_logs("json", "debug")
    logging.getLogger(library).info("chatter")
    assert len(lines(capsys)) == 1


@pytest.mark.parametrize("level", ["warning", "error"])
def test_the_level_holds(level: str, capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("json", level)  # type: ignore[arg-type]
    structlog.get_logger().info("no")
    structlog.get_logger().error("yes")
    assert [line["event"] for line in lines(capsys)] == ["yes"]


@pytest.mark.parametrize("form", ["console", "json"])
def test_a_key_in_an_error_is_struck_out(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs(form, "info", secrets_in({"LAB_API_KEY": KEY, "HOME": "/home/kate"}))  # type: ignore[arg-type]
    try:
        raise ValueError(f"refused the key {KEY}")
    except ValueError:
        structlog.get_logger().exception("it failed", header=f"Bearer {KEY}")
        logging.getLogger("httpx").exception("request with %s failed", KEY)
    told = capsys.readouterr().err
    assert "0123456789" not in told and "***" in told
    assert told.count("ValueError: refused the key") == 2


def test_lines_for_people_are_plain_where_nobody_looks_at_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("console", "info")
    structlog.get_logger("app").warning("the worker went", run="r1")
    told = capsys.readouterr().err
    assert "the worker went" in told and "run=r1" in told and "\x1b" not in told


def test_secrets_are_known_by_the_names_of_their_variables() -> None:
    assert secrets_in({"GOVSIM_PASSWORD": "correct horse", "PATH": "/bin", "HF_TOKEN": "x"}) == {"correct horse", "x"}


def wrapped(cause: Exception) -> ConnectorException:
    error = ConnectorException()
    error.__cause__ = cause
    return error


LOST = psycopg.errors.AdminShutdown("terminating connection due to administrator command\nand more")
TAKEN_AWAY = psycopg.errors.RaiseException(
    'Job was not found or not in "doing" or "todo" status (job id: 3)\nCONTEXT: x'
)


@pytest.mark.parametrize(
    ("logger", "said", "error", "told"),
    [
        (
            "procrastinate.utils",
            f"update_heartbeats error: {wrapped(LOST)!r}",
            wrapped(LOST),
            "update_heartbeats error: terminating connection due to administrator command",
        ),
        (
            "procrastinate.worker.w1",
            f"Side task x failed with exception: {wrapped(LOST)}, stopping worker",
            wrapped(LOST),
            "Side task x failed with exception: terminating connection due to administrator command, stopping worker",
        ),
        (
            "procrastinate.worker",
            "poll_jobs_to_abort error",
            psycopg.OperationalError("the connection is closed"),
            "poll_jobs_to_abort error: the connection is closed",
        ),
        (
            "asyncio",
            "Task exception was never retrieved\nfuture: <Task finished>",
            wrapped(TAKEN_AWAY),
            'Task exception was never retrieved: Job was not found or not in "doing" or "todo" status (job id: 3)',
        ),
    ],
)
def test_what_the_queue_expects_is_one_warning(
    logger: str, said: str, error: Exception, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up_logs("json", "info")
    logging.getLogger(logger).error(said, exc_info=error)
    [line] = lines(capsys)
    assert (line["event"], line["level"]) == (told, "warning")
    assert "exception" not in line
    set_up_logs("json", "error")
    logging.getLogger(logger).error(said, exc_info=error)
    assert lines(capsys) == []


@pytest.mark.parametrize("error", [ValueError("a mistake"), wrapped(psycopg.errors.SyntaxError("at SELEKT"))])
def test_other_errors_of_the_queue_stay_errors(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("json", "info")
    logging.getLogger("procrastinate.worker").error("it failed", exc_info=error)
    [line] = lines(capsys)
    assert line["level"] == "error" and type(error).__name__ in str(line["exception"])
