"""When the API or the volume fails, no program ends, and afterwards all continue with the current token."""

import itertools
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

from tests.cluster import debian
from tests.cluster.poll import poll
from tests.fakes.reply import Delivery, Reply
from tests.node.consumer import COMMANDS, CURL, INTERVAL
from tests.node.program import Program
from tests.node.troubled_api import ELSEWHERE, FINE, Call, TroubledAPI
from tests.node.volume import Volume

PATIENCE: Final = 60.0
"""Seconds: programs wait 10 s for a response, and Java compiles its source first, on a machine that may be busy."""

TROUBLES: Final = {
    "no answer": Reply(0, delivery=Delivery.HANG),
    "closed without an answer": Reply(0, body=b"", delivery=Delivery.RAW),
    "reset": Reply(0, delivery=Delivery.RESET),
    "no HTTP": Reply(0, body=b"220 mail.example ESMTP\r\n", delivery=Delivery.RAW),
    "stalled in the body": Reply(200, FINE.fields, delivery=Delivery.DRIP, pause=3600),
    "broken off in the body": Reply(200, FINE.fields, delivery=Delivery.TRUNCATED),
    "500": Reply(500, {"error": "internal"}),
    "401": Reply(401, {"error": "invalid_token"}, {"www-authenticate": 'Bearer error="invalid_token"'}),
    "a redirect without a URL": Reply(302, headers={"location": "http://["}),
}


class Bench:
    """A program in each language with one API and one volume."""

    def __init__(self, api: TroubledAPI, directory: Path) -> None:
        """Starts nothing yet. `directory` is empty."""
        self.api = api
        self._home = directory / "home"
        self._mount = directory / "mount"
        for path in (self._home, self._mount):
            path.mkdir()
        # It must not make programs send any other Authorization than the file's.
        (self._home / ".netrc").write_text("machine 127.0.0.1 login shop password netrc\n")
        self.volume = Volume(self._mount)
        self._serials = itertools.count(1)
        self._tokens: list[str] = []
        self.renew()
        self.programs = [self.program(name, name, INTERVAL=str(INTERVAL)) for name in COMMANDS]

    def program(self, name: str, language: str, **variables: str) -> Program:
        """A program that calls the API."""
        return Program(name, language, self._mount, self._home, {"API_URL": self.api.url(name), **variables})

    def renew(self, end: str = "") -> None:
        """Writes a new token to the files, with this text at their ends."""
        self._tokens.append(f"token-{next(self._serials)}")
        self.volume.write(
            {
                "authorization": self.authorization + end,
                "curl.conf": CURL.replace("${authorization}", self.authorization) + end,
            }
        )

    @property
    def authorization(self) -> str:
        """The header that has the current token."""
        return f"Bearer {self._tokens[-1]}"

    def meet(self, reply: Reply) -> None:
        """Makes the API answer like this from now on, and waits until each program got it."""
        self.api.reply = reply
        self.until_each(lambda call: call.reply is reply, "has not met the trouble")

    def until_current(self) -> None:
        """Waits until each has sent the current token successfully."""
        self.api.reply, authorization = FINE, self.authorization
        self.until_each(lambda call: call.reply is FINE and call.authorization == authorization, "does not go on")

    def until_each(self, condition: Callable[[Call], bool], what: str, count: int = 1) -> None:
        """Waits until each has made this many such calls from now on; programs that haven't are killed."""
        begin = len(self.api.calls)

        def missing(calls: tuple[Call, ...]) -> list[Program]:
            callers = Counter(call.consumer for call in calls[begin:] if condition(call))
            return [program for program in self.programs if callers[program.name] < count]

        with suppress(TimeoutError):
            self.api.wait_for(lambda calls: not any(program.running for program in missing(calls)), PATIENCE)
        failed = {program: "runs" if program.running else "has ended" for program in missing(self.api.calls)}
        for program in failed:
            program.kill()
        words = [f"{program.name}, which {state}, {what}: {program.tail()}" for program, state in failed.items()]
        assert not words, "\n".join(words)

    def watch(self) -> None:
        """Starts watching what the programs print and send."""
        self._begin = len(self.api.calls)
        self._printed = {program: len(program.log()) for program in self.programs}

    def printed(self, program: Program) -> str:
        """The program's output since then."""
        return program.log()[self._printed[program] :]

    def assert_told(self) -> None:
        """Each has reported a failed call."""
        silent = [program.name for program in self.programs if "the call failed" not in self.printed(program)]
        assert not silent

    def assert_confidential(self) -> None:
        """None has printed a token, sent anything else, or sent it elsewhere."""
        for program in self.programs:
            assert not any(token in self.printed(program) for token in self._tokens), program.name
        headers = {f"Bearer {token}" for token in self._tokens}
        for call in self.api.calls[self._begin :]:
            assert (call.authorization in headers) != (call.consumer == ELSEWHERE), call


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """The module's."""
    obstacle = debian.obstacle()
    if obstacle and os.environ.get("CI") != "true":
        pytest.skip(obstacle)
    with TroubledAPI() as api:
        bench = Bench(api, tmp_path_factory.mktemp("bench"))
        yield bench
        for program in bench.programs:
            program.kill()


@pytest.fixture
def bench(started: Bench) -> Iterator[Bench]:
    """All programs run, and their calls succeed."""
    started.renew()
    for program in started.programs:
        if not program.running:
            program.kill()
            program.start()
    started.until_current()
    started.watch()
    yield started
    started.assert_confidential()


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
def test_trouble(bench: Bench, trouble: Reply) -> None:
    """Only the call fails: the program continues with the token that was renewed meanwhile."""
    bench.meet(trouble)
    bench.renew()
    bench.until_current()


def test_absent_file(bench: Bench) -> None:
    """If a file is missing for a moment, as during the kubelet's exchange, no call is made without a token."""
    with bench.volume.away():
        poll(
            lambda: all(bench.printed(program) for program in bench.programs if program.running),
            "everyone to miss the file",
        )
    bench.renew()
    bench.until_current()
    bench.assert_told()


def test_line_break(bench: Bench) -> None:
    """A file that ends with a line break, as many templates write it, is sent without it."""
    bench.renew("\n")
    bench.until_current()


def test_redirect(bench: Bench) -> None:
    """A redirect doesn't take the token elsewhere, and is reported as a failed call."""
    bench.meet(Reply(302, headers={"location": bench.api.elsewhere}))
    bench.until_current()
    bench.assert_told()


@pytest.mark.parametrize("status", [401, 500])
def test_pace(bench: Bench, status: int) -> None:
    """A refused call is reported, repeated no faster than others, and holds no connection, however long the reply."""
    refusal = Reply(status, {"error": "refused", "page": "x" * 2**20})
    bench.api.reply = refusal
    bench.until_each(lambda call: call.reply is refusal, "has not been refused five times", 5)
    held = Counter(bench.api.connections())
    for program in bench.programs:
        times = [call.received for call in bench.api.calls if call.consumer == program.name and call.reply is refusal]
        shortest = min(later - earlier for earlier, later in itertools.pairwise(times))
        assert shortest >= 0.9 * INTERVAL, program.name  # Node's timers may be a millisecond early
        assert held[program.name] <= 2, program.name
    bench.until_current()
    bench.assert_told()


def test_interval_not_set(bench: Bench) -> None:
    """A program without a configured interval ends instead of calling without a pause."""
    others = [bench.program(f"{language}-hasty", language) for language in COMMANDS]
    try:
        for other in others:
            other.start()
        poll(lambda: not any(other.running for other in others), "all to end", PATIENCE)
    except TimeoutError:
        raise AssertionError([other.name for other in others if other.running]) from None
    finally:
        for other in others:
            other.kill()
    callers = Counter(call.consumer for call in bench.api.calls)
    assert all(callers[other.name] <= 1 for other in others)
