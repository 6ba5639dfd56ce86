"""The pages as Sphinx reads them: the repository's Markdown, with links adapted to the site.

In the repository a link is a path relative to its file. On the site, a link to a document leads to its page, and a link
to any other file leads to that file in the repository.
"""

import os
import re
import runpy
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]

DOCUMENTS: Final = Path("operator/docs")
"""Below the root. Every Markdown file in it is a page."""

PICTURES: Final = frozenset({".svg", ".png"})
"""Suffixes of pictures."""

_FENCE: Final = re.compile(r"^ *(```+|~~~+).*?^ *\1 *$", re.MULTILINE | re.DOTALL)
_DIAGRAM: Final = re.compile(r"^```mermaid\n.*?^```$", re.MULTILINE | re.DOTALL)
_LINK: Final = re.compile(r"(?<=\]\()[^)\s]+(?=\))|(?<=\]: )\S+$", re.MULTILINE)
_ABSOLUTE: Final = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)


class PageError(Exception):
    """Something in the pages that the site can't show; the text names page and line."""


@dataclass(frozen=True, slots=True)
class Pages:
    """Which file becomes which page."""

    root: Path
    """The project's root."""
    settings: Mapping[str, Any]
    """The settings in conf.py."""

    @classmethod
    def read(cls, root: Path = ROOT) -> "Pages":
        """The pages of a project."""
        return cls(root, runpy.run_path(str(root / DOCUMENTS / "conf.py")))

    def files(self) -> dict[str, str]:
        """Paths of Markdown files below the root, with the names of their pages."""
        inside = {(DOCUMENTS / path.name).as_posix(): path.stem for path in (self.root / DOCUMENTS).glob("*.md")}
        return inside | {path: name for name, path in self.settings["elsewhere"].items()}

    def write(self, directory: Path) -> None:
        """Writes everything that Sphinx reads. Raises PageError."""
        for beside in (self.root / DOCUMENTS).iterdir():
            if beside.suffix in {".py", ".css"} | PICTURES:
                shutil.copy(beside, directory)
        for path, name in sorted(self.files().items()):
            text = self.turned(path, (self.root / path).read_text())
            if picture := self.settings.get("drawn", {}).get(path):
                text = _DIAGRAM.sub(f"![{_title(self.root / DOCUMENTS / picture)}]({picture})", text)
            if name == "index":
                text += self._navigation()
            (directory / f"{name}.md").write_text(text)

    def turned(self, path: str, text: str) -> str:
        """A file's text with the links of the site. Raises PageError."""
        files = self.files()
        fences = [range(*found.span()) for found in _FENCE.finditer(text)]

        def turn(found: re.Match[str]) -> str:
            link = found[0]
            file, _, _ = link.partition("#")
            if not file or _ABSOLUTE.match(link) or any(found.start() in fence for fence in fences):
                return link
            target = os.path.normpath(Path(path).parent / file)
            anchor = link[len(file) :]
            if target in files:
                return f"{files[target]}.md{anchor}"
            if not (self.root / target).exists():
                line = text.count("\n", 0, found.start()) + 1
                raise PageError(f"{path}:{line}: the link to {link} leads to no file")
            if Path(target).parent == DOCUMENTS and Path(target).suffix in PICTURES:
                return Path(target).name
            kind = "tree" if (self.root / target).is_dir() else "blob"
            return f"{self.settings['repository']}/{kind}/{self.settings['branch']}/{target}{anchor}"

        return _LINK.sub(turn, text)

    def _navigation(self) -> str:
        """For the first page, hidden there."""
        parts = []
        for caption, names in self.settings["navigation"].items():
            parts.append("\n".join(["", "```{toctree}", ":hidden:", f":caption: {caption}", "", *names, "```", ""]))
        return "".join(parts)


def _title(picture: Path) -> str:
    """The title in an SVG."""
    found = re.search(r"<title>(.*?)</title>", picture.read_text())
    return found[1] if found else ""
