"""The names of a release's files, and how an earlier release is replaced without deleting anything else."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.release import checksum, project, signature
from tests.release.fault import ReleaseError
from tests.release.image import MACHINES

_PYTHON: Final = r"\d+\.\d+\.\d+(?:(?:a|b|rc)\d+)?"
_SEMANTIC: Final = r"\d+\.\d+\.\d+(?:-(?:alpha|beta|rc)\.\d+)?"


def known(name: str) -> bool:
    """Whether a release of this project, of any version, has a file with that name, apart from the checksums."""
    found = project.read()
    python = rf"{found.module}-{_PYTHON}(?:-py3-none-any\.whl|\.tar\.gz)"
    other = rf"{found.name}-{_SEMANTIC}(?:\.tgz|\.cdx\.json|-(?:{'|'.join(MACHINES)})\.oci\.tar)"
    return bool(re.fullmatch(f"{python}|{other}", name))


def check_replaceable(directory: Path) -> None:
    """Raises ReleaseError unless the directory is absent, empty or holds an earlier release and nothing else."""
    list(_replaceable(directory))


def replace(directory: Path, files: Path) -> None:
    """Moves the new release to the directory. Raises ReleaseError and deletes nothing if it isn't replaceable."""
    for file in list(_replaceable(directory)):
        file.unlink()
    try:
        if directory.exists():
            directory.rmdir()
        files.rename(directory)
    except OSError as error:
        raise ReleaseError(f"DIST={directory}: {error.strerror}") from None


def _replaceable(directory: Path) -> Iterator[Path]:
    """The files of an earlier release, the checksums last: an interrupted replacement can be repeated."""
    if directory.is_symlink():
        raise ReleaseError(f"DIST={directory}: a symbolic link")
    if not directory.exists():
        return
    if not directory.is_dir():
        raise ReleaseError(f"DIST={directory}: not a directory")
    present = {file.name for file in directory.iterdir()}
    if not present:
        return
    if checksum.NAME not in present:
        raise ReleaseError(f"DIST={directory}: not empty, and no earlier release")
    listed = checksum.read(directory).keys()
    for name in sorted(present, key=lambda name: (name == checksum.NAME, name)):
        file = directory / name
        ours = name in {checksum.NAME, signature.NAME} or (name in listed and known(name))
        if not ours or not checksum.regular(file):
            raise ReleaseError(f"DIST={directory}: {name} is not part of an earlier release")
        yield file
