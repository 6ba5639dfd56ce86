"""Builds a release: every file from one commit, in a directory that only appears once all of it was verified."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.cluster.progress import say
from tests.release import (
    bill,
    checksum,
    commit,
    content,
    image,
    mention,
    package,
    project,
    signature,
    tag,
    verification,
)
from tests.release.commit import Commit
from tests.release.fault import NotBuilt, ReleaseError
from tests.release.project import Project

NO_IMAGE: Final = "none"
"""Instead of an architecture: builds no image."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to build."""

    directory: Path
    commit: str = "HEAD"
    tag: str = ""
    """The release's Git tag, which must match the version and the changelog; empty for a trial."""
    key: str = ""
    """The private key; if empty the release isn't signed."""
    architectures: Sequence[str] = ()
    """Each of them must be built. If empty: those that can be."""
    base: str = ""
    """The images' base; if empty the Dockerfile's."""
    image: str = ""
    """Where users will pull the image from, without a tag: the chart's default. If empty it names no registry."""


def build(order: Order) -> list[str]:
    """Builds the release and verifies it; returns what was verified. Raises ReleaseError and the tools' errors."""
    if order.tag:
        tag.check_form(order.tag)
    source = commit.find(order.commit)
    public = signature.public_key(order.key) if order.key else ""
    if order.base:
        image.check_base(order.base)
    content.check_replaceable(order.directory)
    with tempfile.TemporaryDirectory() as home, _draft(order.directory) as draft:
        tree, files = Path(home) / "tree", Path(draft) / "release"
        tree.mkdir()
        files.mkdir()
        source.export(tree)
        found = project.read(tree)
        _check_tree(tree, found, source, order.tag)
        _fill(files, tree, found, source, order)
        if order.key:
            signature.sign(files, order.key)
        report = verification.verify_by(files, public) if order.key else verification.verify(files)
        content.replace(order.directory, files)
    return report


def sign(directory: Path, key: str, given: str) -> list[str]:
    """Verifies a release, signs it and verifies the signature; returns what was verified. Raises ReleaseError.

    :param given: the release's Git tag; empty for a trial.
    """
    public = signature.public_key(key)
    verification.verify(directory)
    if given:
        tag.check_release(directory, given)
    signature.sign(directory, key)
    return verification.verify_by(directory, public)


def _draft(directory: Path) -> tempfile.TemporaryDirectory[str]:
    """On the same file system, so that the release appears at once."""
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryDirectory(dir=directory.parent)
    except OSError as error:
        raise ReleaseError(f"DIST={directory}: {error.filename}: {error.strerror}") from None


def _fill(files: Path, tree: Path, found: Project, source: Commit, order: Order) -> None:
    package.distributions(tree, source, files)
    (wheel,) = files.glob(verification.WHEEL)
    lock = (tree / bill.LOCK).read_text()
    stem = f"{found.name}-{found.semantic_version}"
    bill.write(files / f"{stem}.cdx.json", found, source, lock, checksum.digest(wheel))
    for architecture in order.architectures or image.MACHINES:
        if architecture == NO_IMAGE:
            continue
        file = files / f"{stem}-{architecture}.oci.tar"
        base = order.base or image.default_base(tree)
        try:
            image.write(file, tree, found, source, base=base, architecture=architecture)
        except NotBuilt as reason:
            if order.architectures:
                raise ReleaseError(f"ARCH={architecture}: {reason}") from None
            say(f"not built: the image for {architecture}: {reason}")
    package.chart(tree, found, order.image, files)
    checksum.write(files)


def _check_tree(tree: Path, found: Project, source: Commit, given: str) -> None:
    if problems := mention.disagreements(tree, found):
        raise ReleaseError(problems[0])
    if given:
        tag.check_tree(tree, found, given)
        tag.check_commit(given, source)
