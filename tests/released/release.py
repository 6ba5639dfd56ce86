"""A released version of the operator, as a wheel that precedes the installed tree on the path."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

HERE: Final = Path(__file__).parent
PROBE: Final = HERE / "probe.py"


@dataclass(frozen=True, slots=True)
class Release:
    """One release."""

    wheel: Path

    @property
    def version(self) -> str:
        """For example 0.1.0."""
        return self.wheel.name.split("-")[1]

    @property
    def vectors(self) -> Path:
        """The file with its output for the cases of its time."""
        return HERE / f"{self.version}.json"

    def ask(self, cases: Sequence[Any]) -> dict[str, Any]:
        """Its code's answers to the probe."""
        answer = subprocess.run(
            [sys.executable, str(PROBE)],
            input=json.dumps(cases),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            env=os.environ | {"PYTHONPATH": str(self.wheel)},
        )
        found: dict[str, Any] = json.loads(answer.stdout)
        return found


RELEASES: Final = tuple(Release(wheel) for wheel in sorted(HERE.glob("*.whl")))
"""All releases."""
