"""A site with problems for its readers is refused."""

import re
from pathlib import Path

import pytest

from tests.release import project
from tests.site.build import build, foreign
from tests.site.pages import DOCUMENTS, ROOT, Pages

SETTINGS = """
project = "small"
repository = "https://code.example/small"
branch = "main"
navigation = {"Pages": ["other", "changes"]}
elsewhere = {"changes": "CHANGELOG.md"}
extensions = ["myst_parser"]
myst_heading_anchors = 6
suppress_warnings = ["misc.highlighting_failure"]
"""

PAGES = {
    "CHANGELOG.md": "# Changes\n\n[home](operator/docs/index.md), [the program](operator/program.py)\n",
    "operator/program.py": "",
    "operator/docs/conf.py": SETTINGS,
    "operator/docs/index.md": "# Home\n\n[a part](other.md#one-part), [the program](../program.py#L1), [all](../)\n",
    "operator/docs/other.md": "# Other\n\n## One part\n\n[changes](../../CHANGELOG.md#changes)\n\n![drawn](a.svg)\n",
    "operator/docs/a.svg": '<svg xmlns="http://www.w3.org/2000/svg"/>',
}


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A project with two documents and a page from elsewhere."""
    root = tmp_path / "project"
    for path, text in PAGES.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


def test_a_link_leads_to_a_page_or_to_the_file_in_the_repository(small: Path, tmp_path: Path) -> None:
    """From any file, so that the same text works in both places."""
    assert build(tmp_path / "site", small) == []
    home = (tmp_path / "site" / "index.html").read_text()
    assert 'href="other.html#one-part"' in home
    assert 'href="https://code.example/small/blob/main/operator/program.py#L1"' in home
    assert 'href="https://code.example/small/tree/main/operator"' in home
    assert 'href="changes.html#changes"' in (tmp_path / "site" / "other.html").read_text()
    assert 'href="index.html"' in (tmp_path / "site" / "changes.html").read_text()


@pytest.mark.parametrize(
    ("page", "text", "said"),
    [
        pytest.param("index.md", "[x](absent.md)", "index.md:3: the link to absent.md leads to no file", id="a page"),
        pytest.param("index.md", "[x](other.md#absent)", "index.md:3: WARNING: local id not found", id="an anchor"),
        pytest.param("index.md", "[x](#absent)", "index.md:3: WARNING: 'myst' cross-reference", id="one of its own"),
        pytest.param("index.md", "[x](../../absent)", "index.md:3: the link to ../../absent leads to no", id="a file"),
        pytest.param("index.md", "![x](absent.svg)", "index.md:3: the link to absent.svg leads to no", id="a picture"),
        pytest.param("index.md", "![](a.svg)", "index.html shows _images/a.svg without a text", id="a picture's text"),
        pytest.param("index.md", "```mermaid\nflowchart LR\n```", "index.html has a Mermaid diagram", id="a diagram"),
        pytest.param("third.md", "text", "third.md: WARNING: document isn't included in any toctree", id="no entry"),
        pytest.param(
            "conf.py", SETTINGS.replace('"other"', '"other", "absent"'), "nonexisting document 'absent'", id="no page"
        ),
        pytest.param("index.md", '<img src="https://elsewhere.example/a.png">', "loads from another host", id="a host"),
    ],
)
def test_a_build_fails_and_says_what_is_wrong(small: Path, tmp_path: Path, page: str, text: str, said: str) -> None:
    """With the page, and the line if it is known."""
    (small / DOCUMENTS / page).write_text(text if page == "conf.py" else f"# Title\n\n{text}\n")
    wrong = "\n".join(build(tmp_path / "site", small))
    assert said in wrong


@pytest.mark.parametrize(
    ("name", "text", "loads"),
    [
        ("a.html", '<script src="//cdn.example/a.js"></script>', True),
        ("a.html", "<link rel=stylesheet href=https://fonts.example/a.css>", True),
        ("a.html", '<img srcset="a.png 1x, https://img.example/b.png 2x">', True),
        ("a.css", "@font-face { src: url(https://fonts.example/a.woff2) }", True),
        ("a.css", '@import "https://fonts.example/a.css";', True),
        ("a.js", 'import("https://unpkg.example/mermaid.mjs")', True),
        ("a.svg", '<svg><image href="https://img.example/a.png"/></svg>', True),
        ("a.html", '<a href="https://example.com/">a link</a> <script src="a.js"></script>', False),
        ("a.html", '<link rel="canonical" href="https://docs.example/a">', False),
        ("a.css", "a { background: url(data:image/png;base64,AA) }", False),
        ("a.svg", '<svg xmlns="http://www.w3.org/2000/svg"/>', False),
    ],
)
def test_what_is_loaded_from_other_hosts_is_found(tmp_path: Path, name: str, text: str, loads: bool) -> None:
    """Links for readers are not."""
    (tmp_path / name).write_text(text)
    assert bool(list(foreign(tmp_path))) == loads


def test_every_document_is_a_page() -> None:
    """Those in the folder, and those from elsewhere."""
    files = Pages.read().files()
    assert {f"{DOCUMENTS}/{path.name}" for path in (ROOT / DOCUMENTS).glob("*.md")} <= files.keys()
    assert all((ROOT / path).exists() for path in files)
    assert len(set(files.values())) == len(files)


@pytest.mark.parametrize(("path", "picture"), Pages.read().settings["drawn"].items())
def test_a_picture_shows_what_the_diagram_does(path: str, picture: str) -> None:
    """Every label of one is in the other."""
    _, _, after = (ROOT / path).read_text().partition("```mermaid")
    labels = re.findall(r'"([^"]+)"', after.partition("```")[0])
    shown = re.findall(r"<text[^>]*>([^<]+)<", (ROOT / DOCUMENTS / picture).read_text())
    assert sorted(part for label in labels for part in label.split("<br/>")) == sorted(shown)


def test_the_repository_is_the_projects() -> None:
    """As the package names it."""
    assert Pages.read().settings["repository"] == project.read().address


def test_a_code_block_keeps_its_links(small: Path) -> None:
    """They are examples."""
    text = "```md\n[x](absent.md)\n```\n"
    assert Pages.read(small).turned("operator/docs/index.md", text) == text
