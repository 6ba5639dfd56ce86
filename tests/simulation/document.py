"""The table and the plots in operator/docs/renewal.md."""

from pathlib import Path
from typing import Final

from tests.simulation.plot import PLOTS, draw

DOCS: Final = Path(__file__).parents[2] / "operator" / "docs"
DOCUMENT: Final = DOCS / "renewal.md"
BEGIN: Final = "<!-- the table of `make simulate` begins -->\n```text\n"
END: Final = "```\n<!-- the table of `make simulate` ends -->"


def documented() -> str:
    """The table as documented."""
    return DOCUMENT.read_text().partition(BEGIN)[2].partition(END)[0].rstrip("\n")


def write(table: str) -> None:
    """Writes the table into the document, and the plots next to it."""
    before, _, rest = DOCUMENT.read_text().partition(BEGIN)
    DOCUMENT.write_text(before + BEGIN + table + "\n" + END + rest.partition(END)[2])
    for file, name in PLOTS.items():
        plot(file).write_bytes(draw(name))


def plot(file: str) -> Path:
    """The path of a plot."""
    return DOCS / f"renewal-{file}.svg"
