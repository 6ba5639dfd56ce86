"""The documented snippets, each in a program with one API and one volume that cause trouble."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import httpx
import pytest
import requests

from tests.cluster.poll import poll
from tests.consumers.program import Program, Site
from tests.consumers.programs.snippet import HTTPX, SNIPPETS, Go, Java, Node, Requests
from tests.consumers.snippets import mounted_token_httpx, mounted_token_requests
from tests.fakes.reply import Delivery, Reply
from tests.node.consumer import find_interpreter
from tests.node.troubled_api import ELSEWHERE, FINE, Call, TroubledAPI
from tests.node.volume import Volume

KINDS: Final = (HTTPX, Requests, Node, Go, Java)
PATIENCE: Final = 30.0
"""Seconds: Java compiles its source first, on a machine that may be busy."""
STORM: Final = 300
"""Exchanges in quick succession."""

TROUBLES: Final = {
    "no answer": Reply(0, delivery=Delivery.HANG),
    "closed without an answer": Reply(0, body=b"", delivery=Delivery.RAW),
    "reset": Reply(0, delivery=Delivery.RESET),
    "401": Reply(401, {"error": "invalid_token"}, {"www-authenticate": 'Bearer error="invalid_token"'}),
}


class Bench:
    """All of the programs."""

    def __init__(self, api: TroubledAPI, directory: Path) -> None:
        """Starts them. `directory` is empty."""
        self.api = api
        self.programs: dict[str, Program] = {}
        mount = directory / "mount"
        mount.mkdir()
        self.volume = Volume(mount)
        self.number = 0
        self.renew()
        for kind in KINDS:
            home = directory / kind.__name__
            home.mkdir()
            # It must not make programs send any other Authorization than the file's.
            (home / ".netrc").write_text("machine 127.0.0.1 login shop password netrc\n")
            program = self.programs[kind.__name__] = kind()
            program.start(Site(mount, home, api.url(kind.__name__), directory / "none.pem"))

    def renew(self) -> None:
        """Writes a new token to the file."""
        self.number += 1
        self.volume.write({"authorization": f"{self.authorization}\n"})

    @property
    def authorization(self) -> str:
        """The header that has the current token."""
        return f"Bearer token-{self.number}"

    def until_each(self, condition: Callable[[Call], bool]) -> None:
        """Waits until each has made such a call from now on."""
        begin = len(self.api.calls)

        def missing(calls: tuple[Call, ...]) -> set[str]:
            return set(self.programs) - {call.consumer for call in calls[begin:] if condition(call)}

        try:
            self.api.wait_for(lambda calls: not missing(calls), PATIENCE)
        except TimeoutError:
            found = missing(self.api.calls)
            raise AssertionError({name: self.programs[name].printed()[-300:] for name in found}) from None

    def until_current(self) -> None:
        """Waits until each has sent the current token successfully."""
        self.api.reply, authorization = FINE, self.authorization
        self.until_each(lambda call: call.reply is FINE and call.authorization == authorization)

    def failures(self) -> dict[str, int]:
        """How often each has reported a failed call."""
        return {name: program.printed().count("the call failed") for name, program in self.programs.items()}


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """The module's."""
    with TroubledAPI() as api:
        bench = Bench(api, tmp_path_factory.mktemp("bench"))
        yield bench
        for program in bench.programs.values():
            program.stop()


@pytest.fixture
def bench(started: Bench) -> Iterator[Bench]:
    """Every call succeeds; none was made without the file's token, or to anybody else."""
    started.until_current()
    yield started
    assert all(call.authorization.startswith("Bearer token-") for call in started.api.calls)
    assert not any(call.consumer == ELSEWHERE for call in started.api.calls)


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
def test_trouble(bench: Bench, trouble: Reply) -> None:
    """Only the call fails: the next one uses the token that was renewed meanwhile."""
    bench.api.reply = trouble
    bench.until_each(lambda call: call.reply is trouble)
    bench.renew()
    bench.until_current()


def test_redirect(bench: Bench) -> None:
    """A redirect doesn't take the token elsewhere."""
    redirect = bench.api.reply = Reply(302, headers={"location": bench.api.elsewhere})
    bench.until_each(lambda call: call.reply is redirect)
    bench.until_current()


def test_absent_file(bench: Bench) -> None:
    """Without a file, a call fails before anything is sent; once there is one, calls go on."""
    before = bench.failures()
    with bench.volume.away():
        poll(lambda: all(count > before[name] for name, count in bench.failures().items()), "all to miss the file")
    bench.renew()
    bench.until_current()


def test_exchange_under_way(bench: Bench) -> None:
    """While the files are exchanged again and again, no call fails."""
    before = bench.failures()
    for _ in range(STORM):
        bench.renew()
    bench.until_current()
    assert bench.failures() == before


class _LateFile(type(Path())):  # type: ignore[misc]
    """A file that is missing the first time."""

    opened = 0

    def read_text(self, *arguments: str | None, **options: str | None) -> str:
        self.opened += 1
        if self.opened == 1:
            raise FileNotFoundError(self)
        return str(super().read_text(*arguments, **options))


@pytest.fixture
def late_file(tmp_path: Path) -> Path:
    """With a token, from the second time on."""
    (tmp_path / "authorization").write_text("Bearer token-1\n")
    return _LateFile(tmp_path / "authorization")


def test_httpx_opens_a_missing_file_again(late_file: Path) -> None:
    """Once, at once."""
    flow = mounted_token_httpx.MountedToken(late_file).auth_flow(httpx.Request("GET", "http://api.example"))
    assert next(flow).headers["Authorization"] == "Bearer token-1"


def test_requests_opens_a_missing_file_again(late_file: Path) -> None:
    """Once, at once."""
    request = requests.Request("GET", "http://api.example", auth=mounted_token_requests.MountedToken(late_file))
    assert request.prepare().headers["Authorization"] == "Bearer token-1"


def test_node_opens_a_missing_file_again() -> None:
    """Once, at once."""
    script = f"""
        import fs from "node:fs/promises";
        import {{ syncBuiltinESMExports }} from "node:module";
        const {{ fetchWithToken }} = await import("{SNIPPETS / "mounted-token.mjs"}");
        let opened = 0;
        fs.readFile = async () => {{
          opened += 1;
          if (opened === 1) throw Object.assign(new Error(), {{ code: "ENOENT" }});
          return "Bearer token-1\\n";
        }};
        syncBuiltinESMExports();
        globalThis.fetch = async (url, options) => options.headers.get("authorization");
        console.log(await fetchWithToken("file", "http://api.example"));
    """
    command = [str(find_interpreter("node")), "--input-type=module", "--eval", script]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.stdout == "Bearer token-1\n", answer.stderr
