"""The programs of these tests, built beforehand because the tests run without Go."""

from pathlib import Path

from tests.cluster import go_program

_ROOM = Path(__file__).parent


def waiter() -> Path:
    """Waits like Flux and kstatus. Raises ToolError."""
    return go_program.build(_ROOM / "waiter", "about 1 min on two cores")


def lua() -> Path:
    """Argo CD's Lua engine. Raises ToolError."""
    return go_program.build(_ROOM / "lua")
