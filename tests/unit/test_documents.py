"""The README and the pages: links, and what each page must have."""

import re
from pathlib import Path

import pytest
import yaml

from tests.unit.document import broken_links, codes

ROOT = Path(__file__).parents[2]
DOCUMENTS = ROOT / "operator" / "docs"
PAGES = sorted(DOCUMENTS.glob("*.md"))
DEMO = DOCUMENTS / "demo-endpoint.yaml"
LONGEST = 150
"""Lines of the README: what a newcomer reads in five minutes."""


def test_readme_is_short() -> None:
    """Everything else has a page of its own."""
    assert len((ROOT / "README.md").read_text().splitlines()) <= LONGEST


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=lambda page: page.stem)
def test_links(page: Path) -> None:
    """Every link within the project leads to an existing file and heading."""
    assert not broken_links(page)


@pytest.mark.parametrize("page", [page for page in PAGES if page.stem != "index"], ids=lambda page: page.stem)
def test_index_leads_to_every_page(page: Path) -> None:
    """So that every page can be found."""
    assert f"]({page.name})" in (DOCUMENTS / "index.md").read_text()


def test_demo_endpoint_runs_the_image_that_the_readme_builds() -> None:
    """A trial needs no other image."""
    (deployment,) = (one for one in yaml.safe_load_all(DEMO.read_text()) if one["kind"] == "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert f"docker build -t {container['image']} ." in (ROOT / "README.md").read_text()


def test_threat_model() -> None:
    """Each row of the threat model names tests, all of which exist."""
    text = (DOCUMENTS / "security.md").read_text()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    named = [codes(row[3]) for row in rows if len(row) == 4 and row[3].startswith("`")]
    assert len(named) == sum(len(row) == 4 for row in rows) - 2 * 4, "a row names no test"
    place = ROOT
    for code in (code for cell in named for code in cell):
        file, _, name = code.partition(": ") if "." in code or "/" in code else ("", "", code)
        if file:
            place = ROOT / file if "/" in file else ROOT / "tests" / "unit" / file
            assert place.exists(), code
        assert re.search(rf"(class|def) {name}\b", place.read_text()) if name else True, code
