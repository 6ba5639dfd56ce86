"""How Sphinx makes a site of these documents: `make docs`.

The pages stay plain Markdown, as repositories show it. `tests/site` prepares them: it adds the navigation below, the
pages from elsewhere in the project, and turns links to other files into links to the repository.
"""

import re
from typing import Any

project = "integration-token-operator"
author = copyright = f"The {project} authors"  # noqa: A001  # Sphinx's name for it
language = "en"

repository = "https://github.com/integration-token/integration-token-operator"
branch = "main"
"""Of the repository: where links to files that aren't pages lead."""

navigation = {
    "Start": ["Install, and a first token <readme>", "getting-started", "concepts", "installation"],
    "The resources": ["integrationtoken", "tokenendpoint", "reference"],
    "Tokens and credentials": ["consuming", "programs", "endpoints", "authentication", "credentials"],
    "Running it": [
        "troubleshooting",
        "operations",
        "command-line",
        "gitops",
        "high-availability",
        "backup",
        "performance",
        "security",
        "api-policy",
    ],
    "How it works": ["renewal", "architecture", "contributing", "development"],
    "The project": ["The Helm chart <chart>", "releasing", "changelog"],
}
"""Captions, and the pages below them: a name, or a title and in angle brackets the name.

A page that is missing here, or only here, fails the build.
"""

elsewhere = {
    "readme": "README.md",
    "chart": "charts/integration-token-operator/README.md",
    "changelog": "CHANGELOG.md",
}
"""Pages whose files are not in this folder, by their names on the site."""

drawn = {"README.md": "overview.svg"}
"""Files whose Mermaid diagram, which repositories draw, is this picture on the site.

Mermaid needs a megabyte of program in the browser. So all other pages have SVGs, which both show.
"""

extensions = ["myst_parser"]
myst_heading_anchors = 6
"""Each heading can be linked to by the name that repositories give it, and a link to none is a warning."""
myst_enable_extensions = ["tasklist"]
suppress_warnings = ["misc.highlighting_failure"]
"""Commands with <placeholders> are no valid shell, and are shown all the same."""

html_theme = "furo"
html_title = project
html_static_path = ["site.css"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_theme_options = {"top_of_page_buttons": []}


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.connect("html-page-context", _let_names_break)


def _let_names_break(_app: Any, _page: str, _template: str, context: dict[str, Any], _tree: object) -> None:
    """Names in code may break between their words: a column of a table would else be as wide as the longest, or cut
    it anywhere."""
    code = re.compile(r'(?<=<span class="pre">)[^<]+(?=</span>)')
    words = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[._/])(?=\w)")
    context["body"] = code.sub(lambda found: words.sub("<wbr>", found[0]), context.get("body") or "")
