"""The image of the container that holds a pod's namespaces: one program and nothing else, as every cluster has one.

It is written as the archive that `docker save` writes. It is also what containers are made from that bring all else by
mounts.
"""

import hashlib
import io
import json
import os
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Final

from tests.cluster import cache, toolchain
from tests.cluster.module import KUBERNETES
from tests.cluster.progress import step
from tests.cluster.toolchain import ToolError

NAME: Final = "localhost/pause:test"

SOURCE: Final = Path(__file__).parent / "pause" / "main.go"


def archive() -> Path:
    """The archive, made once. Raises ToolError."""
    pinned = SOURCE.read_bytes() + Path(__file__).read_bytes()
    file = cache.root() / "pause" / f"{hashlib.sha256(pinned).hexdigest()[:16]}.tar"
    with cache.lock(file.with_name("lock")):
        if not file.exists():
            with (
                step("making the pause image, once", "about 10 s"),
                tempfile.TemporaryDirectory(dir=file.parent) as kept,
            ):
                _write(_program(Path(kept)), Path(kept) / file.name)
                (Path(kept) / file.name).rename(file)
    return file


def _program(directory: Path) -> bytes:
    go = toolchain.go(KUBERNETES)
    program = directory / "pause"
    command = [str(go), "build", "-trimpath", "-ldflags", "-s -w", "-o", str(program), str(SOURCE)]
    environment = os.environ | {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off"}
    built = subprocess.run(command, env=environment, cwd=directory, capture_output=True, text=True, check=False)
    if built.returncode:
        raise ToolError(f"the pause program can't be built with {go}:\n{built.stderr}")
    return program.read_bytes()


def _write(program: bytes, file: Path) -> None:
    layer = _tar({"pause": program})
    configuration = {
        "architecture": _architecture(),
        "os": "linux",
        "config": {"Entrypoint": ["/pause"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [NAME], "Layers": ["layer.tar"]}]
    texts = {"config.json": configuration, "manifest.json": manifest}
    encoded = {name: json.dumps(document).encode() for name, document in texts.items()}
    file.write_bytes(_tar(encoded | {"layer.tar": layer}))


def _tar(files: dict[str, bytes]) -> bytes:
    """All of them executable: one is, and to the others it is nothing."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            entry.mode = 0o755
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def _architecture() -> str:
    """As images name it."""
    machine = os.uname().machine
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)
