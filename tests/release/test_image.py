"""What an image says of its base, and which names of bases are taken."""

import pytest

from tests.release import image, project
from tests.release.commit import Commit
from tests.release.fault import ReleaseError
from tests.release.project import ROOT

DIGEST = f"sha256:{'0' * 64}"
COMMIT = Commit("f" * 40, 1_700_000_000)


@pytest.mark.parametrize(
    ("base", "name", "digest"),
    [
        ("python:3.13-slim", "python:3.13-slim", None),
        (f"python:3.13-slim@{DIGEST}", "python:3.13-slim", DIGEST),
        (f"registry.example.com:5000/team/python@{DIGEST}", "registry.example.com:5000/team/python", DIGEST),
    ],
)
def test_the_base_is_named_with_its_digest(base: str, name: str, digest: str | None) -> None:
    """The name in one label, the digest in another, as OCI has them; without a digest that label is absent."""
    image.check_base(base)
    labels = image.labels(project.read(), COMMIT, base)
    assert labels["org.opencontainers.image.base.name"] == name
    assert labels.get("org.opencontainers.image.base.digest") == digest
    assert labels["org.opencontainers.image.created"] == "2023-11-14T22:13:20Z"


@pytest.mark.parametrize("base", ["Python", "python@sha256:12", "python 3", "--help", ""])
def test_what_names_no_base_is_refused(base: str) -> None:
    """Before anything is built."""
    with pytest.raises(ReleaseError, match=f"BASE={base}: not NAME:TAG"):
        image.check_base(base)


def test_the_dockerfile_s_base_is_one() -> None:
    """With a digest or without: Renovate adds it."""
    image.check_base(image.default_base(ROOT))
