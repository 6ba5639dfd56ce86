"""The programs of this room: built before the tests, which run where there is no Go."""

from pathlib import Path

from tests.cluster import go_program

_ROOM = Path(__file__).parent


def waiter() -> Path:
    """Waits as Flux and kstatus do. Raises ToolError."""
    return go_program.build(_ROOM / "waiter", "about 1 min on two cores")


def lua() -> Path:
    """Argo CD's Lua engine. Raises ToolError."""
    return go_program.build(_ROOM / "lua")
