"""Wheel, source distribution and chart, built from an exported tree. Two builds of one commit are identical."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import yaml

from tests.cluster.client import Client
from tests.release import changelog
from tests.release.commit import Commit
from tests.release.fault import ReleaseError
from tests.release.mention import CHART
from tests.release.project import Project

CHANGES: Final = "artifacthub.io/changes"


def distributions(tree: Path, commit: Commit, directory: Path) -> None:
    """Writes the wheel and the source distribution, with the lock file's build backend and nothing from outside."""
    _run(
        [sys.executable, "-m", "hatchling", "build", "--target=sdist", "--target=wheel", f"--directory={directory}"],
        tree,
        {"SOURCE_DATE_EPOCH": str(commit.time)},
    )


def chart(tree: Path, project: Project, image: str, directory: Path) -> None:
    """Writes the chart's package.

    :param image: where users pull the image from, without a tag; if empty the chart's default stays, which names no
        registry.
    """
    source = tree / CHART
    if image:
        _point(source, project, image)
    _add_changes(source, changelog.newest(tree).changes)
    Client(directory / "no-kubeconfig", tree / ".helm").helm("package", str(source), f"--destination={directory}")


def _point(chart: Path, project: Project, image: str) -> None:
    """Makes an image in a registry the chart's default, wherever it is named."""
    for file, old, new in (
        ("values.yaml", f"  repository: {project.name}\n", f"  repository: {image}\n"),
        ("README.md", f"| `image.repository` | `{project.name}` |", f"| `image.repository` | `{image}` |"),
        ("Chart.yaml", f"image: {project.name}:", f"image: {image}:"),
    ):
        _replace(chart / file, old, new)


def _add_changes(chart: Path, changes: tuple[str, ...]) -> None:
    """Makes Artifact Hub show what is new. Before that the text is only in the changelog."""
    listed = yaml.safe_dump(list(changes), allow_unicode=True, width=10_000)
    indented = "".join(f"    {line}\n" for line in listed.splitlines())
    _replace(chart / "Chart.yaml", "\nannotations:\n", f"\nannotations:\n  {CHANGES}: |\n{indented}")


def _replace(file: Path, old: str, new: str) -> None:
    """Replaces it once and keeps the file's time, which the chart's package uses."""
    text, times = file.read_text(), file.stat()
    if text.count(old) != 1:
        raise ReleaseError(f"{file.name} must have {old.strip()!r} once")
    file.write_text(text.replace(old, new))
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))


def _run(command: list[str], directory: Path, environment: dict[str, str]) -> None:
    answer: subprocess.CompletedProcess[Any] = subprocess.run(
        command, cwd=directory, env=os.environ | environment, capture_output=True, text=True, check=False
    )
    if answer.returncode:
        said = (answer.stderr.strip() or answer.stdout.strip()).splitlines()
        raise ReleaseError(f"{command[2]} failed: {said[-1] if said else answer.returncode}")
