"""The image of the container that holds a pod's namespaces: a single program, as in every cluster.

It is written like an archive from `docker save`. Containers that mount everything else also use it.
"""

import hashlib
import io
import json
import os
import tarfile
from pathlib import Path
from typing import Final

from tests.cluster import go_program

NAME: Final = "localhost/pause:test"

SOURCE: Final = Path(__file__).parent / "pause" / "main.go"


def write(file: Path) -> None:
    """Writes the archive. Raises ToolError."""
    program = go_program.build(SOURCE).read_bytes()
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
    """All of them are executable: one has to be, and the others don't mind."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            entry.mode = 0o755
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def _architecture() -> str:
    """The name that images use for it."""
    machine = os.uname().machine
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)
