"""What a reader sees of a long step's progress."""

import io

from tests.cluster.progress import Meter


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _shown(stream: io.StringIO, times: list[float]) -> str:
    """The output of a meter that is updated at these times; the first one is its creation."""
    clock = iter(times)
    meter = Meter(stream, lambda: next(clock))
    for number, _ in enumerate(times[1:], start=1):
        meter.show(f"{number} of 9")
    meter.clear()
    return stream.getvalue()


def test_log_gets_a_line_every_15_s() -> None:
    """However often the state changes."""
    assert _shown(io.StringIO(), [0, 1, 14.9, 15, 16, 29, 31]) == "    3 of 9\n    6 of 9\n"


def test_terminal_has_one_line_that_changes_and_goes() -> None:
    """Each state replaces the previous one, and nothing is left of them at the end."""
    assert _shown(_Terminal(), [0, 1, 2]) == "\r    1 of 9\033[K\r    2 of 9\033[K\r\033[K"


def test_terminal_is_not_flooded() -> None:
    """Nobody can read more than ten states a second."""
    assert _shown(_Terminal(), [0, 0.01, 0.2, 0.21]) == "\r    2 of 9\033[K\r\033[K"
