"""The operator's rooms: their floors, what each is for, and which imports which. `python -m tests.unit.rooms`."""

import ast
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PACKAGE: Final = ROOT / "operator" / "integration_token"


@dataclass(frozen=True, slots=True)
class Module:
    """A module of the package."""

    path: str
    """Relative to the package, such as `state/grant.py`."""
    lines: int
    tree: ast.Module

    @property
    def room(self) -> str:
        """The package or module directly below the top; empty for the top itself."""
        name = self.path.partition("/")[0].removesuffix(".py")
        return "" if name == "__init__" else name

    @property
    def docstring(self) -> str:
        """Empty if there is none."""
        return ast.get_docstring(self.tree) or ""


@cache
def modules(package: Path = PACKAGE) -> tuple[Module, ...]:
    """All modules, by path."""
    found = []
    for path in sorted(package.rglob("*.py")):
        text = path.read_text()
        found.append(Module(path.relative_to(package).as_posix(), len(text.splitlines()), ast.parse(text)))
    return tuple(found)


def floors() -> list[list[str]]:
    """The rooms on each floor, from the top, as the import contract lists them."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (rooms,) = (contract for contract in contracts if contract.get("containers") == ["integration_token"])
    return [floor.split(" | ") for floor in rooms["layers"]]


def arrows() -> set[tuple[str, str]]:
    """Which room imports from which other room."""
    return {
        (module.room, room) for module in modules() for room in _imported(module.tree) if module.room not in {"", room}
    }


def docstrings() -> dict[str, str]:
    """What each room says it is for."""
    return {module.room: module.docstring for module in modules() if module.path in _entrances(module.room)}


def tree() -> Iterator[str]:
    """The lines of a printed tree: each floor's rooms with their purpose and their total."""
    said, levels = docstrings(), floors()
    for number, rooms in zip(range(len(levels), 0, -1), levels, strict=True):
        for room in rooms:
            yield f"{number if room == rooms[0] else '':>2}  {room:<11} {_first_sentence(said[room])}"
    yield f"{sum(map(len, levels))} rooms on {len(levels)} floors, {len(arrows())} arrows between rooms, each downward"


def writers(package: Path = PACKAGE) -> dict[str, list[str]]:
    """Fields of long-lived state that more than one module assigns, as `Class.field`, with those modules.

    Long-lived state is the mutable dataclasses in `state/`. Annotations tell whose field is assigned; without one, the
    field may belong to any class that has a field of that name.
    """
    found = modules(package)
    state = {name: fields for module in found if module.room == "state" for name, fields in _mutable(module.tree)}
    writing: defaultdict[str, set[str]] = defaultdict(set)
    for module in found:
        for scope in ast.walk(module.tree):
            if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef):
                known = _annotated(scope) | {"self": _class_of(scope, module.tree)}
                for node in ast.walk(scope):
                    if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                        of = _type_of(node.value, known, state)
                        for name in state if of is None else {of} & state.keys():
                            if node.attr in state[name]:
                                writing[f"{name}.{node.attr}"].add(module.path)
    return {field: sorted(paths) for field, paths in sorted(writing.items()) if len(paths) > 1}


def _entrances(room: str) -> tuple[str, str]:
    return f"{room}.py", f"{room}/__init__.py"


def _first_sentence(text: str) -> str:
    plain = re.sub(r":\w+:`([^`]+)`", r"\1", " ".join(text.split()))
    return re.split(r"(?<=\.)\s", plain, maxsplit=1)[0]


def _imported(tree: ast.Module) -> set[str]:
    """The rooms that a module imports from."""
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            names += [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
    return {name.split(".")[1] for name in names if name.startswith("integration_token.")}


def _mutable(tree: ast.Module) -> Iterator[tuple[str, dict[str, str]]]:
    """A module's mutable dataclasses, each with its fields and their annotations."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            decorators = [ast.unparse(decorator) for decorator in node.decorator_list]
            if any(text.startswith("dataclass") and "frozen=True" not in text for text in decorators):
                fields = [each for each in node.body if isinstance(each, ast.AnnAssign)]
                yield node.name, {ast.unparse(each.target): ast.unparse(each.annotation) for each in fields}


def _annotated(function: ast.FunctionDef | ast.AsyncFunctionDef) -> dict[str, str]:
    """The annotations of names in a function, including its parameters and nested functions."""
    found = {}
    for node in ast.walk(function):
        if isinstance(node, ast.arg) and node.annotation is not None:
            found[node.arg] = ast.unparse(node.annotation)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found[node.target.id] = ast.unparse(node.annotation)
    return found


def _class_of(function: ast.AST, tree: ast.Module) -> str:
    """The class that a method belongs to; empty for a function."""
    classes = (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
    return next((node.name for node in classes if function in node.body), "")


def _type_of(node: ast.expr, known: Mapping[str, str], state: Mapping[str, Mapping[str, str]]) -> str | None:
    """The annotated type of an expression, without None; None if unknown."""
    annotation: str | None = None
    if isinstance(node, ast.Name):
        annotation = known.get(node.id)
    elif isinstance(node, ast.Attribute):
        annotation = state.get(_type_of(node.value, known, state) or "", {}).get(node.attr)
    return None if annotation is None else annotation.removesuffix(" | None")


if __name__ == "__main__":
    print("\n".join(tree()))
