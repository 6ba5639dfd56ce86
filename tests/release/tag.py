"""A release's Git tag: it must fit the version, the changelog and the commit that the release is built from."""

import json
import re
from pathlib import Path
from typing import Final

from tests.release import bill, changelog, checksum, commit, project
from tests.release.commit import Commit
from tests.release.fault import ReleaseError
from tests.release.project import Project

_TAG: Final = re.compile(r"v[0-9]+\.[0-9]+\.[0-9]+(-(alpha|beta|rc)\.[0-9]+)?")


def check_form(tag: str) -> None:
    """Raises ReleaseError if no release has such a tag."""
    if not _TAG.fullmatch(tag):
        raise ReleaseError(f"TAG={tag}: not vX.Y.Z, vX.Y.Z-alpha.N, vX.Y.Z-beta.N or vX.Y.Z-rc.N")


def check_tree(tree: Path, found: Project, tag: str) -> None:
    """Raises ReleaseError unless version and changelog of a tree are those of the tag."""
    if tag != f"v{found.semantic_version}":
        raise ReleaseError(f"TAG={tag}: pyproject.toml has version {found.semantic_version}")
    title = changelog.newest(tree).title
    if title.split()[0] != found.semantic_version:
        raise ReleaseError(f"TAG={tag}: the newest section of CHANGELOG.md is {title}")


def check_commit(tag: str, source: Commit) -> None:
    """Raises ReleaseError unless it is the tag's commit."""
    tagged = commit.tagged(tag)
    if tagged != source:
        raise ReleaseError(f"TAG={tag}: the tag is commit {tagged.digest[:12]}, and COMMIT is {source.digest[:12]}")


def check_release(directory: Path, tag: str) -> None:
    """Raises ReleaseError unless a verified release has the tag's version and is built from its commit."""
    check_form(tag)
    ((document,), (wheel,)) = (list(directory.glob(pattern)) for pattern in ("*.cdx.json", "*.whl"))
    described = json.loads(document.read_text())
    version = described["metadata"]["component"]["version"]
    if tag != f"v{version}":
        raise ReleaseError(f"TAG={tag}: the release has version {version}")
    wanted = bill.serial_number(project.read(), commit.tagged(tag), checksum.digest(wheel))
    if described["serialNumber"] != wanted.urn:
        raise ReleaseError(f"TAG={tag}: the release is not built from the tag's commit")
