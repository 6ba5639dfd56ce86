"""The operator has few rooms that say what they contain, and each remembered field has one writer."""

from pathlib import Path

import pytest

from tests.unit import rooms
from tests.unit.rooms import Module

PACKAGES = sorted({module.room for module in rooms.modules() if module.path.endswith("/__init__.py")})
MODULES = [pytest.param(module, id=module.path) for module in rooms.modules()]


def test_the_rooms_are_few_and_so_are_the_ways_between_them() -> None:
    """What a newcomer can keep in mind: at most 15 rooms, 8 floors and 64 arrows."""
    floors = rooms.floors()
    assert sum(map(len, floors)) <= 15
    assert len(floors) <= 8
    assert len(rooms.arrows()) <= 64


def test_every_arrow_leads_to_a_floor_below() -> None:
    """None upward, none between neighbours, no cycles."""
    floor = {room: number for number, level in enumerate(rooms.floors()) for room in level}
    assert [(room, other) for room, other in sorted(rooms.arrows()) if floor[room] >= floor[other]] == []


@pytest.mark.parametrize("room", PACKAGES)
def test_a_room_says_what_belongs_there_and_what_does_not(room: str) -> None:
    """There a contributor reads where something new belongs."""
    docstring = rooms.docstrings()[room]
    assert "Here:" in docstring
    assert "Not here:" in docstring


@pytest.mark.parametrize("module", MODULES)
def test_a_module_is_short_and_says_what_it_is(module: Module) -> None:
    """At most 300 lines, with a docstring."""
    assert module.docstring
    assert module.lines <= 300


def test_the_printed_tree_names_each_room_with_what_it_is_for() -> None:
    """`make rooms`: one line each, from the top floor down, and the total."""
    *lines, last = rooms.tree()
    named = [room for level in rooms.floors() for room in level]
    assert [line[4:].split()[0] for line in lines] == named
    assert all(line.endswith(".") for line in lines)
    assert last.startswith(f"{len(named)} rooms on {len(rooms.floors())} floors, {len(rooms.arrows())} arrows")


def test_no_field_of_long_lived_state_has_more_than_one_writer() -> None:
    """With two writers, neither module's source shows what the field holds."""
    assert rooms.writers() == {}


class TestWriters:
    """Every assignment to a field of long-lived state is found."""

    STATE = """
@dataclass(slots=True)
class Grant:
    asking: str | None = None

@dataclass(slots=True)
class State:
    due: float = 0.0
    tries: int = 0
    grant: Grant | None = None

    def plan(self) -> None:
        self.due = 1.0

@dataclass(frozen=True)
class Value:
    name: str = ""
"""

    def writers(self, tmp_path: Path, controller: str) -> dict[str, list[str]]:
        """The writers of a state, given a module that uses it."""
        for name, text in (("state/state.py", self.STATE), ("controller/one.py", controller)):
            path = tmp_path / name
            path.parent.mkdir()
            path.write_text(text)
        return rooms.writers(tmp_path)

    @pytest.mark.parametrize(
        "text",
        [
            "def f(x: State): x.due = 2.0",
            "def f(x: State | None): x.due += 2.0",
            "def f(x): x.due, y = 2.0, 3.0",
            "async def f(x: Other): x.state.due = 2.0",
        ],
        ids=["assigned", "added to", "not annotated", "of another object"],
    )
    def test_a_second_module_that_assigns_a_field_is_reported(self, tmp_path: Path, text: str) -> None:
        """However it assigns the field, and wherever the value comes from."""
        assert self.writers(tmp_path, text) == {"State.due": ["controller/one.py", "state/state.py"]}

    @pytest.mark.parametrize(
        "text",
        [
            "def f(x: State): x.tries = 2",
            "def f(x: State): x.grant.asking = 'x'",
            "def f(x: Other): x.due = 2.0",
            "class Other:\n    def f(self): self.due = 2.0",
            "def f(x: State): return x.due",
            "def f(x: Value): x.name = ''",
        ],
        ids=["its only writer", "of a field's class", "of another class", "of its own", "read", "frozen"],
    )
    def test_whatever_else_is_done_is_not(self, tmp_path: Path, text: str) -> None:
        """Annotations tell whose field it is."""
        assert self.writers(tmp_path, text) == {}
