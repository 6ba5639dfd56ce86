"""Self-contained kubeconfig files, which can be copied. They are written as JSON, which is also YAML."""

import base64
import json
from pathlib import Path


def write(path: Path, server: str, authority: Path, user: dict[str, str]) -> Path:
    """A kubeconfig with one context, readable only by its owner."""
    cluster = {"server": server, "certificate-authority-data": _encoded(authority)}
    name = "integration-token"
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": name, "user": user}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": "default"}}],
        "current-context": name,
    }
    path.touch(mode=0o600)
    path.write_text(json.dumps(document, indent=2))
    return path


def certificate(pair: Path) -> dict[str, str]:
    """A user with a certificate and its key, both in one file."""
    return {"client-certificate-data": _encoded(pair), "client-key-data": _encoded(pair)}


def _encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
