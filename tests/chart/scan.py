"""`make chart-lint`: checkov on the rendered chart with each set of values, checked against the document's table.

It isn't part of `make test`: it has a hundred packages, more than the operator and its tests together. They are pinned
in `checkov.lock`, and kept in the cache.
"""

import hashlib
import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from tests.chart import linting
from tests.chart.comparison import FINDINGS
from tests.chart.rendering import Helm
from tests.cluster import cache
from tests.cluster.client import Client
from tests.cluster.progress import say, step

LOCK = Path(__file__).parent / "checkov.lock"


def checkov() -> Path:
    """The Python of an environment with checkov, created once. Raises CalledProcessError."""
    home = cache.root() / "checkov" / hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]
    python, done = home / "bin" / "python", home / "done"
    with cache.lock(home.with_suffix(".lock")):
        if not done.exists():
            with step("getting checkov from PyPI, once", "about 1 min"):
                venv.create(home, with_pip=True, clear=True)
                pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
                subprocess.run([*pip, "--require-hashes", "-r", str(LOCK)], check=True)
                done.touch()
    return python


def failed(python: Path, directory: Path) -> dict[str, set[str]]:
    """The files and objects that fail a check, by ID. It needs no network: its rules are built in."""
    command = [str(python), "-m", "checkov.main", "--directory", str(directory), "--framework", "kubernetes"]
    command += ["--skip-download", "--quiet", "--compact", "--output", "json"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        results = json.loads(answer.stdout)["results"]["failed_checks"]
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"checkov answered {answer.stdout[:200]!r}: {answer.stderr[-500:]}") from None
    found: dict[str, set[str]] = {}
    for one in results:
        found.setdefault(one["check_id"], set()).add(f"{one['file_path'].lstrip('/')}: {one['resource']}")
    return found


def main() -> int:
    """The exit code: 1 if a finding has no answer, or an answer has no finding."""
    with tempfile.TemporaryDirectory() as home, tempfile.TemporaryDirectory() as directory:
        linting.render(Helm(Client(Path(home) / "no-kubeconfig", Path(home))), Path(directory))
        found = failed(checkov(), Path(directory))
    answered = FINDINGS["checkov"]
    for name in sorted(found.keys() - answered.keys()):
        print(f"error: checkov {name} has no answer in tests/chart/comparison.py: {min(found[name])}")
    for name in sorted(answered.keys() - found.keys()):
        print(f"error: checkov {name} is answered in tests/chart/comparison.py, and not found any more")
    say(f"checkov: {len(found)} kinds of findings, each with its answer in operator/docs/installation.md")
    return int(found.keys() != answered.keys())


if __name__ == "__main__":
    sys.exit(main())
