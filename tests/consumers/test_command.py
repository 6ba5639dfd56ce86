"""`python -m tests.consumers`, as far as nothing has to be started for it."""

import pytest

from tests.consumers import __main__ as command
from tests.consumers import cached
from tests.consumers.controllers import CONTROLLERS
from tests.consumers.programs import PROGRAMS, QUICK_ONES

NAMES = [*(kind.name for kind in PROGRAMS), *(kind.name for kind in CONTROLLERS), cached.NAME]
"""The number of names that the command knows."""


def test_unknown_program(capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown name is reported with the known ones."""
    assert command.main(["curl", "wget"]) == 2
    told = capsys.readouterr().err
    assert told.startswith("error: wget isn't among: curl, ")
    assert all(name in told for name in NAMES)


def test_paces() -> None:
    """The lead covers each program plus the kubelet, and all names and keys are unique."""
    assert all(kind.pace.covers(kind.delay) for kind in PROGRAMS)
    assert len(set(NAMES)) == len(NAMES)
    templates = [key for kind in PROGRAMS for key in kind.template]
    assert len(set(templates)) == len(templates)
    assert set(QUICK_ONES) < set(PROGRAMS)
