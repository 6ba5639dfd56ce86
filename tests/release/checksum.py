"""SHA256SUMS, in the format that `sha256sum --check` reads."""

import hashlib
import re
from pathlib import Path
from typing import Final

from tests.release.fault import ReleaseError

NAME: Final = "SHA256SUMS"


def digest(file: Path) -> str:
    """The file's SHA-256 in hexadecimal."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def write(directory: Path) -> Path:
    """Writes the checksums of all files in a directory into it."""
    lines = [f"{digest(file)}  {file.name}\n" for file in sorted(directory.iterdir())]
    sums = directory / NAME
    sums.write_text("".join(lines))
    return sums


def regular(file: Path) -> bool:
    """Whether it is a file, and no link to one."""
    return file.is_file() and not file.is_symlink()


def read(directory: Path) -> dict[str, str]:
    """The listed names with their checksums. Raises ReleaseError."""
    try:
        text = (directory / NAME).read_text("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        raise ReleaseError(f"{directory}: no release: {NAME} is missing") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ReleaseError(f"{directory / NAME}: not readable: {error}") from None
    sums = {name: found for found, name in re.findall(r"^([0-9a-f]{64})  ([^/\n]+)$", text, re.MULTILINE)}
    if len(sums) != len(text.splitlines()):
        raise ReleaseError(f"{NAME}: a line is not a checksum and a name")
    return sums


def check(directory: Path, *, beside: str) -> list[Path]:
    """The files in the list, if unchanged. Raises ReleaseError for the first that differs, or isn't listed.

    :param beside: the file that may exist without a checksum.
    """
    sums = read(directory)
    present = {file.name for file in directory.iterdir()} - {NAME, beside}
    if extra := sorted(present - sums.keys()):
        raise ReleaseError(f"{extra[0]}: not named in {NAME}")
    for name, wanted in sums.items():
        if name not in present:
            raise ReleaseError(f"{name}: missing, though {NAME} names it")
        if not regular(directory / name):
            raise ReleaseError(f"{name}: not a regular file")
        if digest(directory / name) != wanted:
            raise ReleaseError(f"{name}: the checksum does not match {NAME}")
    return [directory / name for name in sums]
