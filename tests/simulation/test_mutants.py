"""Tests of the tests: each patch in mutants/ puts a bug into a copy of the operator, and some tests must find it.

By default these are a few stories, otherwise the unit tests that the patch names.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pytest

from tests.simulation.settings import ONE_IN

ROOT: Final = Path(__file__).parents[2]
MUTANTS: Final = {path.stem: path for path in sorted((Path(__file__).parent / "mutants").rglob("*.patch"))}
CONTROL: Final = "no fault"
SUBSET: Final = ("test_promise.py", "test_learned.py", "test_sharing.py")
CLUSTER: Final = ("test_disturbed.py",)
"""Finds the bugs in mutants/cluster/, which only show while the cluster is disturbed."""
TIMEOUT: Final = 90
"""Seconds: each takes less than ten if nothing else runs, two at a time."""

Runs = dict[str, "Future[subprocess.CompletedProcess[str]]"]


def patched(source: Path, patch: str) -> None:
    """Applies a unified diff of one file to the tree at `source`: each hunk's old lines must occur exactly once."""
    hunks = re.split(r"^@@.*@@.*\n", patch, flags=re.MULTILINE)
    found = re.search(r"^\+\+\+ b/(\S+)", hunks[0], flags=re.MULTILINE)
    assert found is not None, "the patch names no file"
    path = source / found[1]
    text = path.read_text()
    for hunk in hunks[1:]:
        lines = hunk.splitlines(keepends=True)
        old = "".join(line[1:] for line in lines if line[0] in " -")
        new = "".join(line[1:] for line in lines if line[0] in " +")
        assert text.count(old) == 1, f"the patch no longer fits {found[1]}: make it anew"
        text = text.replace(old, new)
    path.write_text(text)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    """Runs the subset with each bug, and without any, two at a time."""
    with ThreadPoolExecutor(2) as pool:
        yield {name: pool.submit(_run, tmp_path_factory.mktemp("tree"), name) for name in (CONTROL, *MUTANTS)}


def _finders(name: str) -> Sequence[str]:
    """The tests that should find the bug."""
    if name == CONTROL:
        return [f"tests/simulation/{file}" for file in SUBSET]
    named = re.search("^Found by (.+)$", MUTANTS[name].read_text(), flags=re.MULTILINE)
    if named is not None:
        return named[1].split()
    return [f"tests/simulation/{file}" for file in (CLUSTER if MUTANTS[name].parent.name == "cluster" else SUBSET)]


def _run(tree: Path, name: str) -> subprocess.CompletedProcess[str]:
    shutil.copytree(ROOT / "operator" / "integration_token", tree / "operator" / "integration_token")
    if name != CONTROL:
        patched(tree, MUTANTS[name].read_text())
    command = [sys.executable, "-m", "pytest", "-q", "-x", "--no-header", "-p", "no:cacheprovider"]
    command += ["-o", f"pythonpath={tree / 'operator'} .", *_finders(name)]
    settings = {**os.environ, "CI": "true", ONE_IN: "15"}
    return subprocess.run(command, cwd=ROOT, env=settings, capture_output=True, text=True, timeout=TIMEOUT, check=False)


def test_without_a_fault_the_subset_passes(runs: Runs) -> None:
    """Otherwise the other runs would prove nothing."""
    run = runs[CONTROL].result()
    assert run.returncode == 0, run.stdout[-3000:]


@pytest.mark.parametrize("name", MUTANTS)
def test_the_fault_is_found(runs: Runs, name: str) -> None:
    """By a broken promise, not by a crash."""
    run = runs[name].result()
    assert run.returncode == 1, f"no story noticed {name}:\n{run.stdout[-3000:]}{run.stderr[-1000:]}"
    assert "AssertionError" in run.stdout or "DID NOT RAISE" in run.stdout


def test_there_are_enough_of_them_in_every_room() -> None:
    """Every room's tests are tried."""
    rooms = {
        re.search(r"^\+\+\+ b/operator/integration_token/(\w+)", path.read_text(), flags=re.MULTILINE)
        for path in MUTANTS.values()
    }
    operator = ROOT / "operator" / "integration_token"
    every = {path.parent.name for path in operator.glob("*/__init__.py")} | {"errors", "clock"}
    assert {found[1] for found in rooms if found is not None} == every
    assert len(MUTANTS) >= 25
