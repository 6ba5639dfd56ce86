"""What make and the environment pass on: no value is executed, and only cosign sees the key."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from tests.cluster import tool
from tests.release import changelog, checksum, project, signature
from tests.release.__main__ import main
from tests.release.conftest import Key
from tests.release.project import ROOT

VERSION: Final = project.read().semantic_version
COMMANDS: Final = {
    "release": ("ARCH", "BASE", "COMMIT", "IMAGE", "KEY", "TAG"),
    "release-sign": ("DIST", "KEY", "TAG"),
    "release-verify": ("DIST", "PUBLIC_KEY"),
    "release-publish": ("DIST", "KEY", "REGISTRY", "TAG"),
}
ATTACKS: Final = ("v1`touch {0}`", 'v1";touch {0};"', "v1$(shell touch {0})", "v1$$(touch {0})", "v1'\ntouch {0}\n'")


def _make(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    ready = [f"--old-file={target}" for target in ("install", "release-programs")]
    return subprocess.run(
        [
            "make",
            f"--directory={ROOT}",
            "--no-print-directory",
            *ready,
            f"BIN={Path(sys.executable).parent}",
            *arguments,
        ],
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("place", ["command line", "environment"])
def test_a_tag_is_not_executed(attack: str, place: str, tmp_path: Path) -> None:
    """Neither by make nor by a shell: the tag arrives as it was given, and is refused."""
    given = attack.format(tmp_path / "executed")
    arguments = (f"DIST={tmp_path / 'dist'}", "ARCH=none")
    answer = (
        _make("release", *arguments, f"TAG={given}")
        if place == "command line"
        else _make("release", *arguments, TAG=given)
    )
    assert list(tmp_path.iterdir()) == []
    (line, *_) = (line for line in answer.stderr.splitlines() if line.startswith("error: "))
    assert line.startswith(f"error: TAG={' '.join(given.splitlines())}: not vX.Y.Z")
    assert answer.returncode == 2


@pytest.mark.parametrize(("target", "name"), [(target, name) for target, names in COMMANDS.items() for name in names])
def test_no_variable_is_executed(target: str, name: str, tmp_path: Path) -> None:
    """Of any command."""
    given = "".join(attack.format(tmp_path / "executed") for attack in ATTACKS[:4])
    arguments = {"DIST": str(tmp_path / "dist"), "COMMIT": "nothing", "KEY": "nothing", name: given}
    answer = _make(target, *(f"{key}={value}" for key, value in arguments.items()))
    assert answer.returncode == 2
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def repository(tmp_path: Path, commit: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone whose last commit is tagged as a release."""
    clone = tmp_path / "repository"
    _git(ROOT, "clone", "--quiet", "--shared", "--no-checkout", str(ROOT), str(clone))
    digest = _git(ROOT, "rev-parse", commit)
    _git(clone, "checkout", "--quiet", "--detach", digest)
    log = clone / "CHANGELOG.md"
    log.write_text(log.read_text().replace(f"## {changelog.UNRELEASED}\n", f"## {VERSION} - 2026-01-02\n", 1))
    _git(clone, "commit", "--quiet", "--all", "--allow-empty", "--message=Release")
    _git(clone, "tag", f"v{VERSION}")
    monkeypatch.setattr("tests.release.commit.ROOT", clone)
    return clone


def _git(directory: Path, *arguments: str) -> str:
    author = ["-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"]
    command = ["git", "-C", str(directory), *author, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_a_tagged_release(repository: Path, key: Key, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is built without a key and then signed: both times the tag must be the commit's."""
    dist = tmp_path / "dist"
    order = [f"--dist={dist}", f"--tag=v{VERSION}"]
    assert main(["build", "--arch=none", *order]) == 0
    assert not (dist / signature.NAME).exists()
    assert main(["sign", f"--key={key.private}", *order]) == 0
    assert "trial" not in capsys.readouterr().err
    assert main(["verify", f"--dist={dist}", f"--public-key={key.public}"]) == 0

    _git(repository, "commit", "--quiet", "--allow-empty", "--message=Later")
    capsys.readouterr()
    assert main(["build", "--arch=none", *order]) == 2
    assert f"error: TAG=v{VERSION}: the tag is commit " in capsys.readouterr().err
    _git(repository, "tag", "--force", f"v{VERSION}")
    assert main(["sign", f"--key={key.private}", *order]) == 2
    assert capsys.readouterr().err == f"error: TAG=v{VERSION}: the release is not built from the tag's commit\n"
    assert main(["sign", f"--key={key.private}", f"--dist={dist}", "--tag=v9.9.9"]) == 2
    assert capsys.readouterr().err == f"error: TAG=v9.9.9: the release has version {VERSION}\n"


def test_a_trial_says_so(released: Path, key: Key, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A signature alone doesn't make it a release."""
    copy = Path(shutil.copytree(released, tmp_path / "dist"))
    assert main(["sign", f"--dist={copy}", f"--key={key.private}"]) == 0
    assert "==> a trial: it is signed, but TAG= names no tag\n" in capsys.readouterr().err


def test_what_was_changed_is_not_signed(released: Path, key: Key, tmp_path: Path) -> None:
    """It is verified first."""
    copy = Path(shutil.copytree(released, tmp_path / "dist"))
    (copy / signature.NAME).unlink()
    (copy / checksum.NAME).write_text((copy / checksum.NAME).read_text().replace("a", "b"))
    assert main(["sign", f"--dist={copy}", f"--key={key.private}"]) == 2
    assert not (copy / signature.NAME).exists()


def test_only_cosign_gets_the_secrets(tmp_path: Path, commit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Build backends, Helm and Git run without them. Afterwards the environment is what it was."""
    secrets = {"COSIGN_PASSWORD": "sEcret", "REGISTRY_USER": "sEcret", "REGISTRY_PASSWORD": "sEcret"}
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    subprocess.run([str(tool.find("cosign")), "generate-key-pair"], cwd=tmp_path, capture_output=True, check=True)
    seen: dict[str, set[str]] = {}
    real = subprocess.Popen.__init__

    def start(self: Any, command: list[str], *arguments: Any, **options: Any) -> None:
        environment = options.get("env") or os.environ
        names = seen.setdefault(Path(command[0]).name, set())
        names.update(name for name, value in environment.items() if "sEcret" in value)
        real(self, command, *arguments, **options)

    monkeypatch.setattr(subprocess.Popen, "__init__", start)
    monkeypatch.setenv("SIGNING", (tmp_path / "cosign.key").read_text() + "\nsEcret")
    dist = tmp_path / "dist"
    order = ["build", f"--dist={dist}", f"--commit={commit}", "--arch=none", "--key=env://SIGNING"]
    assert main(order) == 0
    assert {"git", "helm", "cosign"} < seen.keys()
    assert {program: names for program, names in seen.items() if names} == {"cosign": {"COSIGN_PASSWORD", "SIGNING"}}
    assert {name: os.environ[name] for name in secrets} == secrets


def test_the_notes(capsys: pytest.CaptureFixture[str]) -> None:
    """The changelog's newest section: the text for GitHub."""
    assert main(["notes"]) == 0
    out = capsys.readouterr().out
    assert out.count("\n- ") == len(changelog.newest(ROOT).changes)
    assert "](operator/" not in out


def test_lines_of_notes() -> None:
    """A paragraph is one line, since GitHub keeps line breaks, and relative links lead to the repository."""
    text = "\nWords\nand more.\n\n### Part\n\n- One\n  [a](b.md#c).\n- Two [d](https://example.com).\n"
    wanted = "Words and more.\n\n### Part\n\n- One [a](https://host/b.md#c).\n- Two [d](https://example.com).\n"
    assert changelog.notes(changelog.Section("0.2.0", (), text), "https://host") == wanted


def test_a_tag_that_does_not_exist(repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The version may fit, but nothing has been tagged."""
    _git(repository, "tag", "--delete", f"v{VERSION}")
    assert main(["build", "--arch=none", f"--dist={tmp_path / 'dist'}", f"--tag=v{VERSION}"]) == 2
    assert capsys.readouterr().err == f"error: TAG=v{VERSION}: there is no such tag\n"
