"""What a document holds: its manifests, and its links, followed."""

import re
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import yaml


def manifests(text: str) -> Iterator[dict[str, Any]]:
    """Those of a document, be they indented as a part of a list."""
    for block in re.findall(r"^( *)```yaml\n(.*?)^\1```", text, re.MULTILINE | re.DOTALL):
        yield from yaml.safe_load_all(dedent(block[1]))


def broken_links(document: Path) -> list[str]:
    """Those within the project that lead to no file, or in a document to no heading."""
    links = re.findall(r"\]\(([^)]+)\)", document.read_text())
    return [link for link in links if not link.startswith("https://") and not _leads(document, link)]


def _leads(document: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = (document.parent / path).resolve() if path else document
    return target.exists() and (not anchor or anchor in _anchors(target))


def _anchors(document: Path) -> set[str]:
    """Of its headings, as they are made on the web pages of repositories."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^a-z0-9_ -]", "", heading.lower()).replace(" ", "-") for heading in headings}
