"""`python -m tests.consumers`, as far as nothing has to be started for it."""

import pytest

from tests.consumers import __main__ as command
from tests.consumers.programs import PROGRAMS, QUICK_ONES


def test_unknown_program(capsys: pytest.CaptureFixture[str]) -> None:
    """A name that there isn't is told with those that there are."""
    assert command.main(["curl", "wget"]) == 2
    told = capsys.readouterr().err
    assert told.startswith("error: wget isn't among: curl, ")
    assert all(kind.name in told for kind in PROGRAMS)


def test_paces() -> None:
    """Of every program the lead covers what it and the kubelet take, and its names and keys are its own."""
    assert all(kind.pace.covers(kind.delay) for kind in PROGRAMS)
    assert len({kind.name for kind in PROGRAMS}) == len(PROGRAMS)
    templates = [key for kind in PROGRAMS for key in kind.template]
    assert len(set(templates)) == len(templates)
    assert set(QUICK_ONES) < set(PROGRAMS)
