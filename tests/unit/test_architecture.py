"""The walk through the rooms matches the code."""

import ast
import re
from pathlib import Path

import pytest

from tests.unit.rooms import PACKAGE, floors, modules

DOCUMENTS = Path(__file__).parents[2] / "operator" / "docs"
DOCUMENT = (DOCUMENTS / "architecture.md").read_text()
STEPS = re.findall(r"^\| (\d+) \| `(\w+)/(\w+\.py)` `([\w.]+)` \|", DOCUMENT, flags=re.MULTILINE)


@pytest.mark.parametrize(("room", "file", "name"), [step[1:] for step in STEPS], ids=[step[3] for step in STEPS])
def test_a_step_names_what_there_is(room: str, file: str, name: str) -> None:
    """Both the file and the function exist."""
    (module,) = (module for module in modules() if module.path == f"{room}/{file}")
    *above, last = name.split(".")
    scope: ast.AST = module.tree
    for each in (*above, last):
        found = [node for node in ast.iter_child_nodes(scope) if getattr(node, "name", None) == each]
        assert found, f"{room}/{file} has no {name}"
        scope = found[0]


def test_a_token_takes_ten_steps_at_most_and_enters_no_room_twice() -> None:
    """Except when a call returns."""
    assert [int(number) for number, *_ in STEPS] == list(range(1, len(STEPS) + 1))
    assert len(STEPS) <= 10
    entered = [room for number, (_, room, *_) in enumerate(STEPS) if not number or STEPS[number - 1][1] != room]
    assert entered == ["handlers", "workqueue", "controller", "oauth", "controller", "cluster"]


def test_every_file_that_it_names_exists() -> None:
    """Including the files in the other tables."""
    for path in re.findall(r"`(\w+/\w+\.py)`", DOCUMENT):
        assert (PACKAGE / path).exists(), path
    for path in re.findall(r"`(\w+/(?:\w+/)?)`", DOCUMENT):
        assert (PACKAGE / path).is_dir(), path


def test_every_room_is_listed_on_its_floor() -> None:
    """As the import contract has it."""
    rooms_alone = DOCUMENT.partition("## From a watch event")[0]
    rows = re.findall(r"^\| (\d) \| (`.+) \|$", rooms_alone, flags=re.MULTILINE)
    listed = {int(floor): set(re.findall(r"`(\w+)`", text)) for floor, text in rows}
    expected = floors()
    for number, rooms in enumerate(reversed(expected), start=1):
        assert listed[number] == set(rooms), number
    assert len(listed) == len(expected)


def test_the_picture_shows_every_room_on_its_floor() -> None:
    """From the top, as the import contract has them."""
    picture = (DOCUMENTS / "rooms.svg").read_text()
    shown: dict[int, set[str]] = {}
    for height, name in re.findall(r'class="[^"]*\broom" x="\d+" y="(\d+)">(\w+)<', picture):
        shown.setdefault(int(height) // 50, set()).add(name)
    assert [shown[height] for height in sorted(shown)] == [set(rooms) for rooms in floors()]
