"""The image of the container that holds a pod's namespaces: one program and nothing else, as every cluster has one.

It is written as the archive that `docker save` writes. It is also what containers are made from that bring all else by
mounts.
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
    """Write the archive. Raises ToolError."""
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
