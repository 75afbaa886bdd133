"""Logs: every line, ours and the libraries', goes to standard error in one form, as text or as JSON.

Fields say what a line is about: `run`, `experiment`, `epoch`, `worker`, `endpoint`, `call`, `request_id`. No line holds
a prompt, a completion or a key: nobody logs them, and the values of all keys are struck out of whatever is written.
"""

import json
import logging
import re
import sys
from collections.abc import Iterable, Mapping
from typing import Literal

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from app.jobs.queue_lines import ExpectedTrouble

Form = Literal["console", "json"]
Level = Literal["debug", "info", "warning", "error"]

# What libraries tell is for debugging: each request, each statement, each job.
LIBRARIES = ("alembic", "asyncio", "httpcore", "httpx", "procrastinate", "psycopg", "sqlalchemy", "uvicorn")
SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL", re.IGNORECASE)
SHORTEST_SECRET = 6


def set_up_logs(form: Form, level: Level, secrets: Iterable[str] = ()) -> None:
    """Send the lines of *level* and worse to standard error; *secrets* are struck out wherever they appear."""
    least = logging.getLevelNamesMapping()[level.upper()]
    # The time is UTC: the hosts of one instance are in one order.
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_rendering(form),
                _StrikeOut(secrets),
            ],
        )
    )
    handler.addFilter(ExpectedTrouble(least))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(least)
    for name in LIBRARIES:
        logging.getLogger(name).setLevel(logging.INFO if level == "debug" else max(least, logging.WARNING))
    logging.captureWarnings(True)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def secrets_in(environment: Mapping[str, str]) -> set[str]:
    """Return the values of the variables that are named like a key, a token or a password."""
    return {value for name, value in environment.items() if SECRET_NAME.search(name)}


def _rendering(form: Form) -> list[Processor]:
    if form == "json":
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
    # Tracebacks stay plain: drawing their frames takes seconds and prints the values of variables.
    return [
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
    ]


class _StrikeOut:
    """Replaces secrets in a finished line, also where JSON wrote them with escapes."""

    def __init__(self, secrets: Iterable[str]) -> None:
        found = {secret for secret in secrets if len(secret) >= SHORTEST_SECRET}
        found |= {json.dumps(secret, ensure_ascii=False)[1:-1] for secret in found}
        # The longest first: one may begin like another.
        spelled = "|".join(re.escape(secret) for secret in sorted(found, key=len, reverse=True))
        self._pattern = re.compile(spelled) if spelled else None

    def __call__(self, logger: WrappedLogger, name: str, line: EventDict | str) -> str:
        text = str(line)
        return self._pattern.sub("***", text) if self._pattern else text
