"""What the demo says before anything else."""

import pytest

from tests.demo.__main__ import announce


def test_total_time_is_announced_before_anything_starts(capsys: pytest.CaptureFixture[str]) -> None:
    """It distinguishes what is downloaded or built only once."""
    announce(225)
    first, total = capsys.readouterr().err.splitlines()
    assert first.startswith("==> the demo: ")
    assert total == "==> about 6 min on two cores, most of it to get programs, once; 80 s the next time"

    announce(0)
    assert capsys.readouterr().err.splitlines()[-1] == "==> about 80 s"
