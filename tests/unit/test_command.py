"""The command line reports unusable settings in one line and starts nothing."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from integration_token import __main__ as command
from integration_token.__main__ import main
from integration_token.clock import SystemClock
from integration_token.errors import SettingsError
from integration_token.runtime.settings import Settings, option, variable

from tests.unit.test_settings import BAD, EVERY


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clean environment: no settings, no pod, and logging left as the tests have it."""
    for field in EVERY:
        monkeypatch.delenv(variable(field), raising=False)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setattr("integration_token.telemetry.logs.configure_logs", lambda *_: None)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """The settings that an operator would have started with; none is started."""
    started: list[Settings] = []

    async def run(settings: Settings, clock: SystemClock) -> None:
        assert isinstance(clock, SystemClock)
        started.append(settings)

    monkeypatch.setattr("integration_token.runtime.process.run", run)
    monkeypatch.setattr("uvloop.run", run_here)
    return started


def run_here(coroutine: Coroutine[Any, Any, None]) -> None:
    """Runs it on its own event loop."""
    asyncio.run(coroutine)


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The message, in one line and only on standard error, when the command exits with 2."""
    try:
        status: object = main(arguments)
    except SystemExit as end:
        status = end.code
    said = capsys.readouterr()
    assert (status, said.out) == (2, "")
    assert said.err.endswith("\n")
    assert len(said.err.splitlines()) == 1
    assert "Traceback" not in said.err
    return said.err.rstrip("\n")


def test_the_flags_start_an_operator(started: list[Settings]) -> None:
    """Repeated flags add up; the process exits with 0 when the operator ends normally."""
    flags = ["--kubeconfig", "config", "--namespace", "a", "--namespace=b", "--insecure-endpoints"]
    flags += ["--allowed-host", "login.example", "--private-host", "10.0.0.7", "--proxy-url", "http://proxy.example"]
    flags += ["--metrics-address", ":9090", "--log-level", "debug", "--log-format", "json"]
    assert main(["run", *flags]) == 0
    assert started == [
        Settings(
            kubeconfig=Path("config"),
            namespaces=("a", "b"),
            insecure_endpoints=True,
            allowed_hosts=frozenset({"login.example"}),
            private_hosts=frozenset({"10.0.0.7"}),
            proxy_url="http://proxy.example",
            metrics_address=("", 9090),
            log_level="debug",
            log_format="json",
        )
    ]


def test_variables_start_an_operator_and_flags_go_first(
    started: list[Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    """For each setting separately."""
    monkeypatch.setenv("INTEGRATION_TOKEN_NAMESPACES", "a,b")
    monkeypatch.setenv("INTEGRATION_TOKEN_LOG_LEVEL", "error")
    assert main(["run", "--log-level", "warning"]) == 0
    assert started == [Settings(namespaces=("a", "b"), log_level="warning")]


@pytest.mark.parametrize(("field", "value", "message"), BAD)
def test_a_bad_value_is_one_line_and_status_2(
    started: list[Settings],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    field: str,
    value: str,
    message: str,
) -> None:
    """From a flag or a variable; no password is shown, and nothing starts."""
    said = refusal(capsys, "run", f"--{option(field)}={value}")
    assert said.startswith(f"integration-token-operator run: --{option(field)}: {message}")
    monkeypatch.setenv(variable(field), value)
    said = refusal(capsys, "run")
    assert said.startswith(f"integration-token-operator run: {variable(field)}: {message}")
    assert "pa55" not in said
    assert started == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "integration-token-operator: the following arguments are required: COMMAND"),
        (["walk"], "integration-token-operator: argument COMMAND: invalid choice: 'walk'"),
        (["run", "--colour"], "integration-token-operator: unrecognized arguments: --colour"),
        (["run", "--two\nlines"], "integration-token-operator: unrecognized arguments: --two lines"),
        (["run", "--log-level"], "integration-token-operator run: argument --log-level: expected one argument"),
        (["run", "extra"], "integration-token-operator: unrecognized arguments: extra"),
        (["run", "--insecure-endpoints=yes"], "integration-token-operator run: argument --insecure-endpoints: ignored"),
    ],
)
def test_a_wrong_command_line_is_one_line_that_names_help(
    started: list[Settings], capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    """Without printing the full usage."""
    said = refusal(capsys, *arguments)
    assert said.startswith(message)
    assert said.endswith("--help)")
    assert started == []


def test_what_the_operator_cannot_start_with_is_one_line_too(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A missing or damaged kubeconfig, or no cluster to run in."""
    broken = tmp_path / "broken"
    broken.write_text("token: s3cret\n\t- {[")
    said = [
        refusal(capsys, "run", f"--kubeconfig={tmp_path / 'missing'}"),
        refusal(capsys, "run", f"--kubeconfig={tmp_path}/two\nlines"),
        refusal(capsys, "run", f"--kubeconfig={broken}"),
        refusal(capsys, "run"),
    ]
    assert said == [
        f"integration-token-operator run: --kubeconfig {tmp_path}/missing: no such file",
        f"integration-token-operator run: --kubeconfig {tmp_path}/two lines: no such file",
        f"integration-token-operator run: --kubeconfig {broken}: not a kubeconfig",
        "integration-token-operator run: not running in a cluster: set --kubeconfig",
    ]


@pytest.mark.parametrize(("error", "status"), [(SettingsError("no"), 2), (KeyboardInterrupt(), 130)])
def test_the_exit_status_shows_how_the_operator_ended(
    started: list[Settings], monkeypatch: pytest.MonkeyPatch, error: BaseException, status: int
) -> None:
    """2 for a setting, 130 for Ctrl-C before signal handlers were installed."""

    def end(coroutine: Coroutine[Any, Any, None]) -> None:
        coroutine.close()
        raise error

    monkeypatch.setattr("uvloop.run", end)
    assert main(["run"]) == status
    assert started == []


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """In the usual form."""
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out.startswith("integration-token-operator 0.")


def test_help_names_every_flag_and_variable_and_needs_no_library() -> None:
    """Importing kopf and httpx takes a second, and help must appear at once."""
    script = (
        "import sys\n"
        "from integration_token.__main__ import main\n"
        "try:\n    main(['run', '--help'])\n"
        "finally:\n    print('imported:', *sorted({'kopf', 'httpx', 'kubernetes', 'aiohttp'} & set(sys.modules)))\n"
    )
    source = Path(command.__file__).parents[1]
    ended = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(source), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stderr == ""
    assert ended.stdout.endswith("\nimported:\n")
    for field in EVERY:
        assert f"--{option(field)}" in ended.stdout
        assert f"[{variable(field)}]" in ended.stdout


def test_the_synchronous_client_is_not_imported() -> None:
    """The kubernetes library includes one, with dependencies of its own: wasted memory."""
    script = (
        "import sys, integration_token.runtime.process as _; print({'kubernetes.config', 'urllib3'} & {*sys.modules})"
    )
    found = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert found.stdout == "set()\n"
