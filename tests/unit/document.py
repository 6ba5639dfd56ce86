"""The manifests and tables in a document, and a check of its links."""

import re
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import yaml


def manifests(text: str) -> Iterator[dict[str, Any]]:
    """The manifests in a document, including indented ones inside a list."""
    for block in re.findall(r"^( *)```yaml\n(.*?)^\1```", text, re.MULTILINE | re.DOTALL):
        yield from yaml.safe_load_all(dedent(block[1]))


def table(text: str, head: str) -> list[list[str]]:
    """The rows of the table with this first header cell."""
    _, _, after = text.partition(f"\n| {head} |")
    lines = after.split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def codes(cell: str) -> list[str]:
    """The parts in backticks."""
    return re.findall(r"`([^`]+)`", cell)


def broken_links(document: Path) -> list[str]:
    """Links within the project that lead to a missing file or heading."""
    links = re.findall(r"\]\(([^)]+)\)", document.read_text())
    return [link for link in links if not link.startswith("https://") and not _leads(document, link)]


def _leads(document: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = (document.parent / path).resolve() if path else document
    return target.exists() and (not anchor or anchor in _anchors(target))


def _anchors(document: Path) -> set[str]:
    """The anchors of its headings, as repository web pages generate them."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^a-z0-9_ -]", "", heading.lower()).replace(" ", "-") for heading in headings}
