"""The workflows, checked offline by actionlint and zizmor, and the other files in .github."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.cluster import tool
from tests.release import project
from tests.release.project import ROOT
from tests.unit.document import broken_links

GITHUB: Final = ROOT / ".github"
WORKFLOWS: Final = sorted((GITHUB / "workflows").iterdir())
PINNED: Final = re.compile(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")

Document = dict[str, Any]


def _actionlint(*files: Path) -> str:
    command = [str(tool.find("actionlint")), "-no-color", "-oneline", "-shellcheck=", "-pyflakes=", *map(str, files)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def _zizmor(*places: Path) -> list[str]:
    program = Path(sys.executable).with_name("zizmor")
    command = [str(program), "--offline", "--no-config", "--persona=pedantic", "--format=json", *map(str, places)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    return sorted({one["ident"] for one in json.loads(answer.stdout)})


def test_actionlint() -> None:
    """Syntax, expressions and the names of events, permissions and runners."""
    assert _actionlint(*WORKFLOWS) == ""


def test_zizmor() -> None:
    """What an attacker could use: injected expressions, persisted credentials, excessive permissions."""
    assert _zizmor(GITHUB) == []


BAD = """\
on: pull_request_target
jobs:
  test:
    runs-on: ubuntu
    steps:
      - uses: actions/checkout@v7
      - run: echo ${{ github.event.pull_request.title }}
"""


def test_the_linters_look(tmp_path: Path) -> None:
    """Both find the usual mistakes in a workflow."""
    file = tmp_path / ".github" / "workflows" / "bad.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(BAD)
    assert "potentially untrusted" in _actionlint(file)
    assert {"dangerous-triggers", "template-injection", "unpinned-uses"} <= set(_zizmor(file))


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_actions_are_pinned(file: Path) -> None:
    """By commit digest, with the version next to it for people and for Renovate."""
    used = [line.strip().removeprefix("- ") for line in file.read_text().splitlines() if "uses:" in line]
    assert used
    assert [line for line in used if not PINNED.fullmatch(line)] == []


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_permissions_are_only_those_of_a_job(file: Path) -> None:
    """A job states what it may write, and why."""
    text = file.read_text()
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {}
    for job in workflow["jobs"].values():
        assert job["permissions"]["contents"] in {"read", "write"}
    assert re.findall(r"^ +\w+: write(?! # )", text, re.MULTILINE) == []


def test_the_workflows_run_what_anybody_can() -> None:
    """The tests are .ci/run's, and make builds a release."""
    assert ".ci/run" in (GITHUB / "workflows" / "ci.yaml").read_text()
    release = (GITHUB / "workflows" / "release.yaml").read_text()
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    called = re.findall(r"make (release[a-z-]*)", release)
    assert "release" in called
    assert set(called) <= set(targets)


def _steps() -> list[Document]:
    workflow = yaml.safe_load((GITHUB / "workflows" / "release.yaml").read_text())
    steps: list[Document] = workflow["jobs"]["release"]["steps"]
    return steps


@pytest.mark.parametrize(
    ("tag", "taken"),
    [
        ("v0.1.0", True),
        ("v0.2.0-rc.1", True),
        ("v1", False),
        ("v0.1.0-rc1", False),
        ("v1`touch executed`", False),
        ('v1";touch executed;"', False),
        ("v1$(shell touch executed)", False),
        ("v0.1.0\ntouch executed", False),
    ],
)
def test_the_tag_s_name_is_checked_first(tag: str, taken: bool, tmp_path: Path) -> None:
    """Git allows nearly any text. Nothing of it is executed."""
    step = _steps()[0]
    assert set(step) == {"name", "run"}
    command = ["bash", "-e", "-o", "pipefail", "-c", step["run"]]
    answer = subprocess.run(command, cwd=tmp_path, env={"GITHUB_REF_NAME": tag}, capture_output=True, check=False)
    assert (answer.returncode == 0) is taken
    assert list(tmp_path.iterdir()) == []


def test_secrets_are_only_where_they_are_needed() -> None:
    """The build and everything else that runs other people's code has none; signing and publishing run one program."""
    with_secrets = {}
    for step in _steps():
        values = " ".join(step.get("env", {}).values())
        if "secrets." in values or "github.token" in values:
            with_secrets[step["name"]] = step["run"]
    assert set(with_secrets) == {"Sign", "Publish", "Create the release on GitHub"}
    for name in ("Sign", "Publish"):
        text = with_secrets[name].replace("\\\n", " ")
        (command,) = text.strip().splitlines()
        program = rf"sudo --preserve-env=[A-Z_,]+ +\.venv/bin/python -m tests\.release {name.lower()} --tag .*"
        assert re.fullmatch(program, command)
        assert "REGISTRY_PASSWORD" not in command or name == "Publish"


def test_a_tag_s_stage_is_the_release_s(tmp_path: Path) -> None:
    """GitHub never shows a pre-release as the latest. The notes are the changelog's."""
    step = _steps()[-1]
    (tmp_path / "gh").write_text('#!/bin/sh\necho "$@"\n')
    (tmp_path / "gh").chmod(0o755)
    for tag, flag in (("v0.2.0", ""), ("v0.2.0-rc.1", "--prerelease ")):
        environment = {"GITHUB_REF_NAME": tag, "RUNNER_TEMP": "/notes", "PATH": f"{tmp_path}:/usr/bin:/bin"}
        command = ["bash", "-e", "-u", "-c", step["run"]]
        said = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True).stdout
        options = f"--verify-tag {flag}--title {tag} --notes-file /notes/notes.md"
        assert said == f"release create {tag} {options} dist/release/*\n"


@pytest.mark.parametrize("file", sorted((GITHUB / "ISSUE_TEMPLATE").glob("[!c]*.yaml")), ids=lambda file: file.name)
def test_issue_forms(file: Path) -> None:
    """GitHub shows a form only if it has these fields, and each question its own ID."""
    form = yaml.safe_load(file.read_text())
    assert form["name"]
    assert form["description"]
    questions = [one for one in form["body"] if one["type"] != "markdown"]
    assert all(one["attributes"]["label"] for one in questions)
    assert len({one["id"] for one in questions}) == len(questions)


def test_vulnerabilities_are_reported_in_private() -> None:
    """The chooser leads away from public issues."""
    chooser = yaml.safe_load((GITHUB / "ISSUE_TEMPLATE" / "config.yml").read_text())
    assert chooser["blank_issues_enabled"] is False
    report = f"{project.read().address}/security/advisories/new"
    assert report in {link["url"] for link in chooser["contact_links"]}
    assert report in (GITHUB / "SECURITY.md").read_text()


@pytest.mark.parametrize("page", sorted(GITHUB.glob("*.md")), ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """To a file in the project, or to a heading."""
    assert broken_links(page) == []


def test_renovate_looks_at_every_pinned_file() -> None:
    """The base image, the actions, the Go modules, and the packages' lock files."""
    settings: Document = json.loads((GITHUB / "renovate.json").read_text())
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    managers = {"dockerfile", "github-actions", "gomod", "maven", "npm", "pep621", "pip_requirements"}
    assert set(settings["enabledManagers"]) == managers
    patterns = [pattern.strip("/") for pattern in settings["pip_requirements"]["managerFilePatterns"]]
    packages = {name for name in listed if name.endswith(".lock") and "--hash=" in (ROOT / name).read_text()}
    made = {"requirements.lock", "requirements-dev.lock"}
    assert made <= packages
    assert {name for name in packages if any(re.search(pattern, name) for pattern in patterns)} == packages - made
    (rule,) = (rule for rule in settings["packageRules"] if "postUpgradeTasks" in rule)
    assert rule["matchManagers"] == ["pep621"]
    assert rule["postUpgradeTasks"]["commands"] == ["make lock"]
