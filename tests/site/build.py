"""Builds the site, and checks it for what it must not contain."""

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.site.pages import ROOT, PageError, Pages

LOADS: Final = re.compile(
    r"<(?:script|img|iframe|source|video|audio|embed|input|track)\b[^>]*?\bsrc\s*=\s*[\"']?(?:https?:)?//[^\"'\s>]+"
    r"|<link\b(?![^>]*\brel=[\"']?(?:canonical|author|license)\b)[^>]*?\bhref\s*=\s*[\"']?(?:https?:)?//[^\"'\s>]+"
    r"|<(?:object)\b[^>]*?\bdata\s*=\s*[\"']?(?:https?:)?//[^\"'\s>]+"
    r"|\bsrcset\s*=\s*[\"'][^\"']*//[^\"']+"
    r"|<(?:image|use)\b[^>]*?\bhref\s*=\s*[\"']?(?:https?:)?//[^\"'\s>]+"
    r"|url\(\s*[\"']?(?:https?:)?//[^)\s]+"
    r"|@import\s+[\"'](?:https?:)?//[^\"']+"
    r"|\b(?:fetch|import|importScripts)\(\s*[\"'](?:https?:)?//[^\"']+",
    re.IGNORECASE,
)
"""What a browser loads from another host without a click. Links for readers don't count."""

_LOADING: Final = frozenset({".html", ".css", ".js", ".svg"})


def build(directory: Path, root: Path = ROOT) -> list[str]:
    """Builds a project's site in a directory; returns its problems."""
    with tempfile.TemporaryDirectory() as name:
        source = Path(name)
        try:
            Pages.read(root).write(source)
        except PageError as error:
            return [str(error)]
        options = ["--quiet", "--fail-on-warning", "--fresh-env", "--doctree-dir", str(source / ".doctrees")]
        command = [sys.executable, "-m", "sphinx", "--builder", "html", *options, str(source), str(directory)]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode:
        return answer.stderr.replace(f"{source.resolve()}/", "").strip().splitlines()
    return [*foreign(directory), *undrawn(directory), *unnamed(directory)]


def foreign(directory: Path) -> Iterator[str]:
    """What the site's files load from other hosts."""
    for path in sorted(directory.rglob("*")):
        if path.suffix in _LOADING:
            for found in LOADS.finditer(path.read_text(errors="replace")):
                yield f"{path.relative_to(directory)} loads from another host: {found[0]}"


def undrawn(directory: Path) -> Iterator[str]:
    """Diagrams left as text: a browser would draw them with a program that the site lacks."""
    for path in sorted(directory.rglob("*.html")):
        if "highlight-mermaid" in path.read_text():
            yield f"{path.relative_to(directory)} has a Mermaid diagram, which the site doesn't draw: make it an SVG"


def unnamed(directory: Path) -> Iterator[str]:
    """Pictures without alternative text. Sphinx gives these the name of their file."""
    for path in sorted(directory.rglob("*.html")):
        for text, picture in re.findall(r'<img alt="([^"]*)" src="([^"]*)"', path.read_text()):
            if text in {"", picture}:
                yield f"{path.relative_to(directory)} shows {picture} without a text for those who don't see it"
