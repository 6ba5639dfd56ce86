"""The image from the Dockerfile, run as the chart runs it: as an unknown user, without writable files."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
import trustme

from tests.cluster import pip
from tests.cluster.image import ROOT, Image
from tests.cluster.poll import poll
from tests.cluster.port import free_port
from tests.release import project

ACCOUNT = "/run/secrets/kubernetes.io/serviceaccount"
"""Where a pod's account is, without the symbolic link at /var/run."""

UNTIL_STOPPED = f"""\
"$@" &
tries=0
until [ -e {ACCOUNT}/stop ] || [ $((tries += 1)) -gt 600 ]; do sleep 0.1; done
kill $!
wait $!
"""
"""A shell script: runs its arguments until a file appears or a minute is over, then sends SIGTERM."""


@pytest.fixture
def read_only(tmp_path: Path) -> tuple[str, ...]:
    """Options that remove the few directories that everybody may write to."""
    return tuple(f"--volume={tmp_path}:{path}:ro" for path in ("/tmp", "/var/tmp", "/run/lock"))


def test_help(image: Image) -> None:
    """`--help` works without anything else being installed."""
    answer = image.operator("--help")
    assert answer.returncode == 0
    assert "run the operator" in answer.stdout


def test_version(image: Image) -> None:
    """`--version` prints the project's version, and the image's label has it."""
    version = project.read().version
    assert image.operator("--version").stdout == f"integration-token-operator {version}\n"
    assert image.config["Labels"]["org.opencontainers.image.version"] == version


def test_a_bad_flag(image: Image) -> None:
    """An unknown flag ends the command with 2 and one line."""
    answer = image.operator("run", "--tokens")
    assert answer.returncode == 2
    assert answer.stderr.startswith("integration-token-operator: unrecognized arguments: --tokens")


def test_outside_a_cluster(image: Image) -> None:
    """Without a cluster the operator says so, so everything that it imports is there."""
    answer = image.operator("run")
    assert answer.returncode == 2
    assert answer.stderr.startswith("integration-token-operator run: not running in a cluster")


def test_user(image: Image) -> None:
    """The user is numeric, which lets the kubelet verify that it isn't root."""
    assert image.config["User"] == "65532:65532"
    assert image.run("id").stdout == "uid=65532 gid=65532 groups=65532\n"


def test_nothing_is_writable(image: Image) -> None:
    """The user can't write to any file or directory, except the few that everybody may write to."""
    elsewhere = ("(", "-path", "/proc", "-o", "-path", "/dev", "-o", "-path", "/sys", ")", "-prune")
    writable = ("-not", "-type", "l", "-writable", "-printf", "%M %p\\n")
    found = image.run("find", "/", "-xdev", *elsewhere, "-o", *writable).stdout.splitlines()
    assert [line for line in found if not line.startswith("drwxrwxrwt ")] == []
    assert found  # at least /tmp, so the command did search


def test_it_starts_and_ends_without_a_place_to_write(
    image: Image, read_only: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Without any writable file, even in /tmp, the operator runs until SIGTERM, and then exits with 0."""
    account = tmp_path_factory.mktemp("account")
    account.chmod(0o755)
    (account / "token").write_text("token")
    trustme.CA().cert_pem.write_to_path(account / "ca.crt")
    address = f"127.0.0.1:{free_port()}"
    options = (*read_only, f"--volume={account}:{ACCOUNT}:ro")
    options += ("--env=KUBERNETES_SERVICE_HOST=127.0.0.1", "--env=KUBERNETES_SERVICE_PORT=1")
    command = ("sh", "-c", UNTIL_STOPPED, "sh", *image.config["Entrypoint"], "run", f"--metrics-address={address}")
    with ThreadPoolExecutor() as threads:
        running = threads.submit(image.run, *command, options=options)
        try:
            assert poll(lambda: _answer(f"http://{address}/healthz") or running.done(), "the first answer") == "ok"
            assert _answer(f"http://{address}/readyz").startswith("Secrets are not listed yet")
        finally:
            (account / "stop").touch()
    ended = running.result()
    assert ended.returncode == 0
    assert "stopping" in ended.stderr
    assert "Traceback" not in ended.stderr


def _answer(url: str) -> str:
    try:
        return httpx.get(url, trust_env=False).text
    except httpx.HTTPError:
        return ""


def test_no_tools_of_the_build(image: Image) -> None:
    """The package installers are neither left from the build nor from the base."""
    program = (
        "from importlib.util import find_spec as find; print(*filter(find, ('pip', 'hatchling', 'setuptools', 'uv')))"
    )
    for python in ("/app/bin/python", "/usr/bin/python3"):
        assert image.run(python, "-c", program).stdout == "\n"


def test_size(image: Image, capsys: pytest.CaptureFixture[str]) -> None:
    """Unpacked, the image is at most 130 MB larger than its base."""
    added = image.size - image.base_size
    with capsys.disabled():
        print(f"\nthe image: {image.size / 1e6:.0f} MB unpacked, of which its base has {image.base_size / 1e6:.0f} MB")
    assert 0 < added <= 130e6


def test_help_is_quick(image: Image) -> None:
    """`--help` takes at most half a second of CPU time, since others may keep the machine busy."""
    said = image.run("sh", "-c", '"$@" >/dev/null; times', "sh", *image.config["Entrypoint"], "--help").stdout
    minutes_and_seconds = re.findall(r"(\d+)m([\d.]+)s", said.splitlines()[-1])
    assert 0 < sum(60 * int(minutes) + float(seconds) for minutes, seconds in minutes_and_seconds) <= 0.5


def test_bytecode(image: Image) -> None:
    """Every module that the operator imports has bytecode: compiling it at each start would take seconds."""
    said = image.run("/app/bin/python", "-v", "-c", "import integration_token.runtime.process").stderr
    loaded = re.findall(r"^# code object from '(/app/.*)'", said, re.MULTILINE)
    assert len(loaded) > 100
    assert [path for path in loaded if not path.endswith(".pyc")] == []


def test_no_bytecode_in_vain(image: Image) -> None:
    """The Kubernetes client's models that aren't imported have none."""
    found = image.run("find", "/app", "-path", "*/kubernetes/*", "-name", "*.pyc").stdout.splitlines()
    assert 50 < len(found) < 150


def test_only_the_lock(image: Image) -> None:
    """The packages are those in requirements.lock plus this project, and no others."""
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    locked = {line.split("==")[0] for line in lines if "==" in line}
    program = "from importlib.metadata import distributions as all; print(*(one.metadata['Name'] for one in all()))"
    names = image.run("/app/bin/python", "-c", program).stdout.lower().replace("_", "-").split()
    assert sorted(names) == sorted(locked | {"integration-token-operator"})


def test_nothing_of_this_machine(image: Image) -> None:
    """pip's settings from the build, which may hold a password, are in no layer's metadata and no file."""
    assert image.run("test", "-e", "/etc/pip.conf").returncode == 1
    assert [name for name in image.config["Env"] if name.startswith("PIP_")] == []
    for option, value in pip.settings().items():
        if "/" in value and option != "cert":  # the certificates are in the same place in the base
            assert value not in str(image.description)
