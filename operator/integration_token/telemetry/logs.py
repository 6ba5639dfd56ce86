"""Logs: a constant message and key-values, as text or JSON lines on standard error.

--log-level applies only to the operator's own logs. Libraries always log at WARNING: at DEBUG they log URLs, headers
and bodies, which contain credentials.
"""

import json
import logging
import sys
from typing import Any

from integration_token.api.value import format_precise_time

_LIBRARY_LEVEL = logging.WARNING

_encode = json.JSONEncoder(default=str).encode


class Logger:
    """Logs a constant message with key-values."""

    def __init__(self, name: str) -> None:
        """`name` is the module's."""
        self._logger = logging.getLogger(name)

    def debug(self, message: str, **values: object) -> None:
        """For debugging."""
        self._log(logging.DEBUG, message, values)

    def info(self, message: str, **values: object) -> None:
        """What happened, as a cluster administrator wants to read it later."""
        self._log(logging.INFO, message, values)

    def warning(self, message: str, **values: object) -> None:
        """Something that may need attention."""
        self._log(logging.WARNING, message, values)

    def error(self, message: str, **values: object) -> None:
        """Something that needs attention."""
        self._log(logging.ERROR, message, values)

    def _log(self, level: int, message: str, values: dict[str, object]) -> None:
        if self._logger.isEnabledFor(level):
            self._logger.log(level, message, extra={"values": values})


def get_logger(name: str) -> Logger:
    """The logger of a module."""
    return Logger(name)


def configure_logs(level: str, form: str) -> None:
    """Sends all logs to standard error.

    :param level: debug, info, warning or error, for our own loggers.
    :param form: text or json.
    """
    # Nothing shows them, and looking for the caller takes as long as the rest of a record.
    logging._srcfile = None  # noqa: SLF001  # as the library's documentation recommends
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JSON() if form == "json" else _Text())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(_LIBRARY_LEVEL)
    logging.getLogger("integration_token").setLevel(level.upper())
    # kopf's object loggers log whole bodies at DEBUG; asyncio logs slow callbacks with their arguments.
    for library in ("kopf", "httpx", "httpcore", "aiohttp", "kubernetes", "asyncio", "urllib3"):
        logging.getLogger(library).setLevel(_LIBRARY_LEVEL)


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    # Further lines of a library's message are not constant: asyncio's contain the repr of an exception, and so its
    # text.
    first = next(iter(record.getMessage().splitlines()), "")
    message = first if first.isprintable() else "".join(c if c.isprintable() else " " for c in first)
    fields = {
        "time": format_precise_time(record.created),
        "level": record.levelname.lower(),
        "logger": record.name,
        "message": message,
        **getattr(record, "values", {}),
    }
    if record.exc_info and record.exc_info[0] is not None:
        # A traceback's last line is the exception's text, which may contain what a library was working on.
        fields["exception"] = record.exc_info[0].__name__
    return fields


class _JSON(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return _encode(_fields(record))


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields = _fields(record)
        head = f"{fields.pop('time')} {fields.pop('level').upper():7} {fields.pop('message')}"
        return " ".join([head, *(f"{key}={_encode(value)}" for key, value in fields.items())])


def raised_at(error: BaseException) -> str:
    """File and line where an exception was raised."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ""
    return f"{trace.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}"
