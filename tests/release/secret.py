"""Secrets of the environment. While a release is built, signed or published, only the programs that need them get them.

A build runs other people's code: build backends, package installers, an image's commands.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_SIGNING: Final = "COSIGN_"
_LOGIN: Final = "REGISTRY_"
_PATHS: Final = ("REGISTRY_AUTH_FILE",)
"""Not a secret but a file's name, by which buildah finds the login for the base image."""

_WITHHELD: Final[dict[str, str]] = {}


@contextmanager
def withheld(key: str) -> Iterator[None]:
    """Takes them out of this process's environment, and so from every program it starts.

    :param key: the signing key; if it is env://NAME, the variable NAME is one of them.
    """
    held = key.removeprefix("env://") if key.startswith("env://") else ""
    names = {name for name in os.environ if name.startswith((_SIGNING, _LOGIN)) or name == held} - {*_PATHS}
    _WITHHELD.update((name, os.environ.pop(name)) for name in names)
    try:
        yield
    finally:
        os.environ.update(_WITHHELD)
        _WITHHELD.clear()


def signing() -> dict[str, str]:
    """cosign's environment: its settings and the key, without the registry's login."""
    return os.environ | {name: value for name, value in _WITHHELD.items() if not name.startswith(_LOGIN)}


def login() -> tuple[str, str]:
    """User and password for the registry; both may be empty."""
    given = os.environ | _WITHHELD
    return given.get("REGISTRY_USER", ""), given.get("REGISTRY_PASSWORD", "")
