"""The texts in the operator's code: those that can reach a user, and those for its readers."""

import ast
import io
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import integration_token

PACKAGE = Path(str(integration_token.__file__)).parent


class Literal(NamedTuple):
    """A string or an f-string that is no docstring."""

    place: str
    """File and line."""
    text: str
    """With `{}` for each value that is filled in."""


def literals(path: Path) -> Iterator[Literal]:
    """All of a module, and what its f-strings have in their braces."""
    tree = ast.parse(path.read_text())
    inside = {
        id(part)
        for node in ast.walk(tree)
        for part in (node.values if isinstance(node, ast.JoinedStr) else _docstrings(node))
        if isinstance(part, ast.Constant)
    }
    for node in ast.walk(tree):
        if id(node) in inside or not (text := _text(node)):
            continue
        yield Literal(f"{path.relative_to(PACKAGE)}:{getattr(node, 'lineno', 0)}", text)


def prose(path: Path) -> Iterator[Literal]:
    """A module's docstrings and comments."""
    text = path.read_text()
    for node in ast.walk(ast.parse(text)):
        for part in _docstrings(node):
            yield Literal(f"{path.relative_to(PACKAGE)}:{part.lineno}", " ".join(_text(part).split()))
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield Literal(f"{path.relative_to(PACKAGE)}:{token.start[0]}", token.string)


def modules(*rooms: str) -> list[Path]:
    """The modules of these rooms, and of the whole package without one."""
    paths = [found for room in rooms or (".",) for found in (PACKAGE / room).rglob("*.py")]
    return sorted(path for path in paths if not path.name.startswith("earlier_"))


def _docstrings(node: ast.AST) -> list[ast.expr]:
    """Bare strings in a body: of a module, a class or a function, and those behind a field."""
    body = getattr(node, "body", None)
    return [each.value for each in body if isinstance(each, ast.Expr)] if isinstance(body, list) else []


def _text(node: ast.AST) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
