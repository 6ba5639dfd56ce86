"""The newest section of CHANGELOG.md."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.release.fault import ReleaseError

UNRELEASED: Final = "Unreleased"


@dataclass(frozen=True, slots=True)
class Section:
    """What changed in one version."""

    title: str
    """`Unreleased`, or the version and what follows it, such as a date."""
    changes: tuple[str, ...]
    """Its entries, each on one line, without links."""
    text: str
    """All of it, as in the file."""


def newest(tree: Path) -> Section:
    """The first section. Raises ReleaseError if there is none, or if it is empty."""
    _, *sections = re.split(r"^## ", (tree / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    if not sections:
        raise ReleaseError("CHANGELOG.md has no section")
    title, _, text = sections[0].partition("\n")
    entries = re.findall(r"^- (.*(?:\n {2,}.*)*)", text, re.MULTILINE)
    if not entries:
        raise ReleaseError(f"CHANGELOG.md: section {title} lists no change")
    return Section(title.strip(), tuple(map(_line, entries)), text)


def notes(section: Section, pages: str) -> str:
    """A section's text as the notes of a release.

    Paragraphs and entries become one line each, since GitHub keeps the line breaks of notes.

    :param pages: the address of the repository's files, for relative links.
    """
    text = re.sub(r"(?<=[^\n])\n *(?=[^\s#*-])", " ", section.text.strip())
    return re.sub(r"\]\((?![a-z]+:|#)", f"]({pages}/", text) + "\n"


def _line(entry: str) -> str:
    return re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", " ".join(entry.split()))
