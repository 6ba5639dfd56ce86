"""What users read is plain English: no condition, event, log line or description has a word of the list."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.unit.literals import PACKAGE, literals, modules, prose

CHART: Final = PACKAGE.parents[1] / "charts" / "integration-token-operator"

BANNED: Final = (
    # Words that few readers know: fix, again, forever, besides, has, could not connect, keep using, differs.
    *(r"mend(s|ed|ing)?", r"anew", r"for ever", r"beside", r"bears?", r"thereof", r"whereby", r"sent nowhere"),
    *(r"comes? about", r"to be had", r"at fault", r"go(es)? on with", r"(that|which) is held"),
    # A person or a message says, shows or reports; a thing is, is set or is written.
    *(r"(is|are|was|were|be|been) told", r"tells?", r"stands?", r"stood"),
    # Someone, no one, everyone, anyone who.
    *(r"somebody", r"nobody", r"everybody", r"whoever", r"(?<!one )(?<!those )who"),
    # Another language's syntax: if, not a, must, must not, which.
    *(r"where (there|none|no|nothing)", r"where it(?! runs| may be)", r"be it", r"by which", r"as has been"),
    *(
        r"(?<!there )(is|are) no(?! longer)",
        r"(is|are) none of",
        r"no [a-z]+ is there",
        r"(is|are) to be",
        r"not to be",
    ),
)
"""Words and phrases that no user message has, each as whole words; the comments say what to write instead."""

PATTERN: Final = re.compile(rf"\b({'|'.join(BANNED)})\b(?!-)", re.IGNORECASE)


IN_PROSE: Final = re.compile(
    r"\b(mend(s|ed|ing)?|anew|for ever|comes? about|to be had|at fault|somebody|everybody|(that|which) is held"
    r"|as has been|where (there|none|no|nothing)|no [a-z]+ is there|sent nowhere)\b",
    re.IGNORECASE,
)
"""Of them, those that no docstring and no comment has either."""


def hits(text: str) -> list[str]:
    """The words of the list that a text has."""
    return [found[0] for found in PATTERN.finditer(text)]


@pytest.mark.parametrize("path", [pytest.param(path, id=str(path.relative_to(PACKAGE))) for path in modules()])
def test_messages_are_plain_english(path: Path) -> None:
    """Each string of the operator that has two words, apart from docstrings: it may reach a user."""
    found = [
        (each.place, word, each.text) for each in literals(path) if " " in each.text.strip() for word in hits(each.text)
    ]
    assert found == []


@pytest.mark.parametrize("path", [pytest.param(path, id=str(path.relative_to(PACKAGE))) for path in modules()])
def test_docstrings_and_comments_are_plain_english(path: Path) -> None:
    """By a shorter list: among much text the other words are right here and there."""
    assert [(each.place, found[0]) for each in prose(path) for found in IN_PROSE.finditer(each.text)] == []


def _described() -> Iterator[Path]:
    yield from sorted((CHART / "templates").rglob("*.*"))
    yield CHART / "values.yaml"
    yield CHART / "values.schema.json"


@pytest.mark.parametrize("path", [pytest.param(path, id=path.name) for path in _described()])
def test_the_chart_is_plain_english(path: Path) -> None:
    """Descriptions of the CRDs, comments of the values, the notes and the alerts."""
    lines = enumerate(path.read_text().splitlines(), 1)
    assert [(number, word, line.strip()) for number, line in lines for word in hits(line)] == []


@pytest.mark.parametrize("text", ["spec.tokenURL is no URL", "Mend it", "no connection comes about", "it is told"])
def test_the_list_finds_them(text: str) -> None:
    """Else the tests above show nothing."""
    assert hits(text)


@pytest.mark.parametrize("text", ["it is no longer valid", "who-is", "recommend it", "amended"])
def test_the_list_finds_no_others(text: str) -> None:
    """Few false hits, or nobody would keep the list."""
    assert not hits(text)
