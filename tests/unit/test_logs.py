"""Log lines have a constant message and key-value pairs, one line each, and none of the data a library works on."""

import asyncio
import json
import logging
import re
from collections.abc import Iterator
from datetime import datetime

import pytest
from integration_token.telemetry.logs import configure_logs, get_logger

SECRET = "s3cret-of-the-shop"
LIBRARIES = ("kopf", "kopf.objects", "httpx", "httpcore.http11", "aiohttp.access", "kubernetes.aio", "asyncio")


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    """Restores logging after each test."""
    names = [None, "integration_token", *LIBRARIES, *(name.partition(".")[0] for name in LIBRARIES)]
    loggers = [logging.getLogger(name) for name in names]
    before = [(logger, logger.level, logger.handlers[:]) for logger in loggers]
    yield
    for logger, level, handlers in before:
        logger.setLevel(level)
        logger.handlers[:] = handlers


@pytest.fixture(params=["text", "json"])
def form(request: pytest.FixtureRequest) -> str:
    """Each log format."""
    return str(request.param)


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The log lines: on standard error, which log collectors read too."""
    said = capsys.readouterr()
    assert said.out == ""
    return said.err.splitlines()


def test_text_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    """Time, level and message come first, then the values, each clearly delimited."""
    configure_logs("info", "text")
    get_logger("integration_token.reconcile").info("token written", namespace="store", count=2, note='a "b" c')
    [line] = lines(capsys)
    time, rest = line.split(" ", 1)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", time)
    assert rest == (
        'INFO    token written logger="integration_token.reconcile" namespace="store" count=2 note="a \\"b\\" c"'
    )


def test_json_is_for_collectors(capsys: pytest.CaptureFixture[str]) -> None:
    """One object per line, with the same content."""
    configure_logs("info", "json")
    get_logger("integration_token.reconcile").warning("refresh failed", namespace="store", seconds=1.5, token=None)
    [line] = lines(capsys)
    fields = json.loads(line)
    assert abs(datetime.fromisoformat(fields.pop("time")).timestamp() - datetime.now().astimezone().timestamp()) < 60
    assert fields == {
        "level": "warning",
        "logger": "integration_token.reconcile",
        "message": "refresh failed",
        "namespace": "store",
        "seconds": 1.5,
        "token": None,
    }


@pytest.mark.parametrize(("level", "shown"), [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)])
def test_the_level_is_the_least_that_is_shown(
    capsys: pytest.CaptureFixture[str], form: str, level: str, shown: int
) -> None:
    """It applies to the operator's own lines."""
    configure_logs(level, form)
    logger = get_logger("integration_token.issue")
    for log in (logger.debug, logger.info, logger.warning, logger.error):
        log("something happened")
    assert len(lines(capsys)) == shown


@pytest.mark.parametrize("library", LIBRARIES)
def test_libraries_warn_at_most_whatever_the_level(capsys: pytest.CaptureFixture[str], form: str, library: str) -> None:
    """At debug they would log URLs, headers and bodies."""
    configure_logs("debug", form)
    logger = logging.getLogger(library)
    logger.debug("headers: %s", SECRET)
    logger.info("HTTP Request: POST %s", SECRET)
    logger.warning("the watch ended")
    [line] = lines(capsys)
    assert "the watch ended" in line
    assert library in line


def test_an_exception_is_logged_by_its_name_alone(capsys: pytest.CaptureFixture[str], form: str) -> None:
    """Its text and traceback may contain the data worked on."""
    configure_logs("debug", form)
    try:
        int(f"{SECRET} is no number")
    except ValueError:
        logging.getLogger("aiohttp.server").exception("Error handling request", stack_info=True)
    [line] = lines(capsys)
    assert "Error handling request" in line
    assert "ValueError" in line
    assert SECRET not in line
    assert "Traceback" not in line


def test_a_failure_that_nobody_awaited_is_logged_by_its_name_alone(
    capsys: pytest.CaptureFixture[str], form: str
) -> None:
    """asyncio appends the repr of its exception to its message."""
    configure_logs("debug", form)
    loop = asyncio.new_event_loop()
    future = loop.create_future()
    error = ValueError(f"cannot parse {SECRET}")
    future.set_exception(error)
    loop.call_exception_handler({"message": "Task exception was never retrieved", "exception": error, "future": future})
    assert future.exception() is error
    loop.close()
    [line] = lines(capsys)
    assert "Task exception was never retrieved" in line
    assert "ValueError" in line
    assert SECRET not in line


@pytest.mark.parametrize("value", ["a\nb", "\x1b[31m", "\u2028", "é", "\r\nlevel=error"])
def test_a_value_cannot_begin_another_line(capsys: pytest.CaptureFixture[str], form: str, value: str) -> None:
    """Nor control a terminal."""
    configure_logs("info", form)
    get_logger("integration_token.issue").info("refused", host=value)
    logging.getLogger("kopf").warning("%s said", value)
    said = lines(capsys)
    assert len(said) == 2
    assert not set("\x1b\r\u2028") & set("".join(said))


@pytest.mark.parametrize("message", ["", "\n", "100%", "{}"])
def test_a_message_may_be_anything(capsys: pytest.CaptureFixture[str], form: str, message: str) -> None:
    """It may even be empty."""
    configure_logs("info", form)
    logging.getLogger("kopf").warning(message)
    assert len(lines(capsys)) == 1


def test_a_value_that_json_does_not_know_is_written_as_its_text(capsys: pytest.CaptureFixture[str], form: str) -> None:
    """Logging never fails."""
    configure_logs("info", form)
    get_logger("integration_token.issue").info("seen", hosts=frozenset({"a"}), error=ValueError)
    assert "frozenset({'a'})" in lines(capsys)[0]


def test_configuring_twice_logs_once(capsys: pytest.CaptureFixture[str], form: str) -> None:
    """The last call counts."""
    configure_logs("debug", "text")
    configure_logs("info", form)
    get_logger("integration_token.issue").info("once")
    assert len(lines(capsys)) == 1
