"""Small Go programs of our own, built once.

Each is one file that only needs the standard library, a module, or a package in a module's directory.
"""

import hashlib
import os
import subprocess
import tempfile
from pathlib import Path

from tests.cluster import cache, debian, toolchain
from tests.cluster.module import KUBERNETES
from tests.cluster.progress import step
from tests.cluster.toolchain import ToolError


def build(source: Path, usual: str = "about 30 s at most", *, c_tags: str = "") -> Path:
    """The program, which runs with every libc, alone in its directory. Raises ToolError.

    :param source: a file, or the directory of a module, or one directly in it.
    :param usual: how long a first build takes on two cores, for people who wait.
    :param c_tags: tags, separated by commas, of a build with parts in C: it needs gcc, and only runs with this libc.
    """
    if c_tags and (missing := debian.absent(debian.C)):
        raise ToolError(debian.shortage(missing))
    files = [*sorted(source.iterdir()), *_pins(source.parent)] if source.is_dir() else [source]
    name = source.stem if source.stem != "main" else source.parent.name
    digest = hashlib.sha256(b"".join([*(file.read_bytes() for file in files), c_tags.encode()])).hexdigest()[:16]
    program = cache.root() / "program" / digest / name
    with cache.lock(program.parent.with_suffix(".lock")):
        if not program.exists():
            go = toolchain.go(KUBERNETES)
            with step(f"building {name} with {go}, once", usual):
                _build(go, source, program, c_tags)
    return program


def _pins(module: Path) -> list[Path]:
    """The module's pins, if the directory has one."""
    return [file for file in (module / "go.mod", module / "go.sum") if file.exists()]


def _build(go: Path, source: Path, program: Path, c_tags: str) -> None:
    """Under another name first: an interrupted build leaves nothing that looks finished."""
    program.parent.mkdir(exist_ok=True)
    settings = {"CGO_ENABLED": str(int(bool(c_tags))), "GOTOOLCHAIN": "local", "GOWORK": "off", "GOFLAGS": ""}
    with tempfile.TemporaryDirectory(dir=program.parent) as directory:
        output = Path(directory) / program.name
        command = [str(go), "build", "-trimpath", "-ldflags", "-s -w", f"-tags={c_tags}", "-o", str(output)]
        if source.is_dir():
            # Without debug information, like everything built from many packages: that is a tenth of the time.
            place, what = source, ["-mod=readonly", "-gcflags=all=-dwarf=false", "."]
        else:
            place, what = Path(directory), [str(source)]
        built = subprocess.run(
            [*command, *what], env=os.environ | settings, cwd=place, capture_output=True, text=True, check=False
        )
        if built.returncode:
            raise ToolError(f"{source} can't be built with {go}:\n{built.stderr}")
        output.rename(program)
