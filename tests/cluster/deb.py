"""Debian packages, unpacked into the cache and not installed: an installed server would be started."""

import hashlib
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.cluster import cache
from tests.cluster.toolchain import ToolError

_OFFER: Final = re.compile(r"^'\S+' (?P<name>[^_\s]+)_(?P<version>[^_\s]+)_\S+ \d+ (?P<digest>\S+)$", re.MULTILINE)
"""A line of `apt-get download --print-uris`, whose file name has package, version and architecture."""


@dataclass(frozen=True, slots=True)
class Unpacked:
    """Some packages."""

    root: Path
    """The directory with their files, laid out like the machine's root."""
    versions: Mapping[str, str]
    """The software's version by the package's name, without Debian's own revision: `1.22.1`."""


def unpacked(*names: str) -> Unpacked:
    """These packages as offered and verified by this machine's apt, fetched if needed. Raises ToolError."""
    if missing := [program for program in ("apt-get", "dpkg-deb") if shutil.which(program) is None]:
        raise ToolError(f"{', '.join(names)} can't be fetched from Debian: missing: {', '.join(missing)}")
    offers = _offers(names)
    digests = "\n".join(sorted(offer["digest"] for offer in offers))
    key = hashlib.sha256(digests.encode()).hexdigest()[:16]
    what = f"getting {', '.join(names)} from Debian, once"
    root = cache.made(f"deb-{key}", what, "about 5 s", lambda home: _get(names, home))
    return Unpacked(root, {offer["name"]: _upstream(offer["version"]) for offer in offers})


def _offers(names: tuple[str, ...]) -> list[re.Match[str]]:
    command = ["apt-get", "download", "--print-uris", *names]
    try:
        said = _run(command)
    except ToolError:
        # A fresh image has no package lists. Only root can update them; without root nothing changes.
        subprocess.run(["apt-get", "update"], capture_output=True, check=False)
        said = _run(command)
    return list(_OFFER.finditer(said))


def _get(names: tuple[str, ...], home: Path) -> None:
    home.mkdir()
    _run(["apt-get", "download", *names], home)
    for file in list(home.glob("*.deb")):
        _run(["dpkg-deb", "--extract", str(file), str(home)])
        file.unlink()


def _run(command: list[str], directory: Path | None = None) -> str:
    """The command's output."""
    answer = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    if answer.returncode:
        reason = (answer.stderr.strip().splitlines() or ["no error message"])[-1]
        raise ToolError(f"{' '.join(command)} failed: {reason}")
    return answer.stdout


def _upstream(version: str) -> str:
    """From `1%3a2.3-4+deb12u1`, with the epoch as in a file name, `2.3`."""
    return version.rpartition("%3a")[-1].rpartition("-")[0]
