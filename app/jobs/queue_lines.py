"""What Procrastinate and its tasks log when the connection was lost, told as what it is: a warning of one line."""

import logging

LOGGERS = ("asyncio", "procrastinate")
# A worker that was frozen for long finds that others have taken its jobs off the table.
_TAKEN_AWAY = "Job was not found or not in"


class ExpectedTrouble(logging.Filter):
    """Makes one warning without a traceback of each error that is expected, and drops it if *least* is above that."""

    def __init__(self, least: int) -> None:
        super().__init__()
        self._least = least

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the line is written."""
        error = record.exc_info[1] if record.exc_info else None
        if error is None or record.name.partition(".")[0] not in LOGGERS or not _is_expected(error):
            return True
        record.msg, record.args = _in_a_line(record.getMessage(), error), ()
        record.exc_info = record.exc_text = None
        if record.levelno > logging.WARNING:
            record.levelno, record.levelname = logging.WARNING, "WARNING"
        return record.levelno >= self._least


def _is_expected(error: BaseException) -> bool:
    # Looked at when there is an error to judge: a start pays for none of it.
    import psycopg

    from app.store.outage import is_outage, says_mending, seen_through

    cause = seen_through(error)
    if isinstance(cause, psycopg.errors.RaiseException):
        return str(cause).startswith(_TAKEN_AWAY)
    if isinstance(cause, psycopg.Error) and cause.sqlstate is not None:
        return says_mending(cause.sqlstate)
    return isinstance(cause, psycopg.OperationalError) or is_outage(cause)


def _in_a_line(text: str, error: BaseException) -> str:
    from app.store.outage import in_short

    short = in_short(error)
    for spelled in (repr(error), str(error)):
        if spelled:
            text = text.replace(spelled, short)
    line = text.strip().partition("\n")[0]
    return line if short in line else f"{line}: {short}"
