"""Small Go programs of one file and the standard library, built once."""

import hashlib
import os
import subprocess
import tempfile
from pathlib import Path

from tests.cluster import cache, toolchain
from tests.cluster.module import KUBERNETES
from tests.cluster.progress import step
from tests.cluster.toolchain import ToolError


def build(source: Path) -> Path:
    """The program, which runs on every libc; alone in its directory. Raises ToolError."""
    name = source.stem if source.stem != "main" else source.parent.name
    program = cache.root() / "program" / hashlib.sha256(source.read_bytes()).hexdigest()[:16] / name
    with cache.lock(program.parent.with_suffix(".lock")):
        if not program.exists():
            go = toolchain.go(KUBERNETES)
            with step(f"building {name} with {go}, once", "about 30 s at most"):
                _build(go, source, program)
    return program


def _build(go: Path, source: Path, program: Path) -> None:
    """Under another name first: a build that was broken off leaves nothing that looks finished."""
    program.parent.mkdir(exist_ok=True)
    environment = os.environ | {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off", "GOFLAGS": ""}
    with tempfile.TemporaryDirectory(dir=program.parent) as directory:
        output = Path(directory) / program.name
        command = [str(go), "build", "-trimpath", "-ldflags", "-s -w", "-o", str(output), str(source)]
        built = subprocess.run(command, env=environment, cwd=directory, capture_output=True, text=True, check=False)
        if built.returncode:
            raise ToolError(f"{source} can't be built with {go}:\n{built.stderr}")
        output.rename(program)
