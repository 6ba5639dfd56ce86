"""The stories would notice: each patch in mutants/ puts a fault into a copy of the operator, and a fixed few of them
find it."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
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
"""Finds those in mutants/cluster/, which only show where the cluster is disturbed."""
TIMEOUT: Final = 90
"""Seconds: each takes less than ten where nothing else runs, two at a time."""

Runs = dict[str, "Future[subprocess.CompletedProcess[str]]"]


def patched(source: Path, patch: str) -> None:
    """Apply a unified diff of one file to the tree at `source`: each hunk's old lines must be there exactly once."""
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
    """The subset's run with each fault, and without any, two at a time."""
    with ThreadPoolExecutor(2) as pool:
        yield {name: pool.submit(_run, tmp_path_factory.mktemp("tree"), name) for name in (CONTROL, *MUTANTS)}


def _run(tree: Path, name: str) -> subprocess.CompletedProcess[str]:
    shutil.copytree(ROOT / "operator" / "integration_token", tree / "operator" / "integration_token")
    if name != CONTROL:
        patched(tree, MUTANTS[name].read_text())
    command = [sys.executable, "-m", "pytest", "-q", "-x", "--no-header", "-p", "no:cacheprovider"]
    subset = CLUSTER if name != CONTROL and MUTANTS[name].parent.name == "cluster" else SUBSET
    command += ["-o", f"pythonpath={tree / 'operator'} .", *(f"tests/simulation/{file}" for file in subset)]
    settings = {**os.environ, "CI": "true", ONE_IN: "15"}
    return subprocess.run(command, cwd=ROOT, env=settings, capture_output=True, text=True, timeout=TIMEOUT, check=False)


def test_without_a_fault_the_subset_passes(runs: Runs) -> None:
    """Else it would prove nothing of the others."""
    run = runs[CONTROL].result()
    assert run.returncode == 0, run.stdout[-3000:]


@pytest.mark.parametrize("name", MUTANTS)
def test_the_fault_is_found(runs: Runs, name: str) -> None:
    """By a promise that it breaks, not by a crash."""
    run = runs[name].result()
    assert run.returncode == 1, f"no story noticed {name}:\n{run.stdout[-3000:]}{run.stderr[-1000:]}"
    assert "AssertionError" in run.stdout


def test_there_are_twenty_of_them() -> None:
    """At least."""
    assert len(MUTANTS) >= 20
