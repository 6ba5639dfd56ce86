"""This machine's pip settings, in a form for a build inside a container."""

import ast
import os
import ssl
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path


def settings() -> dict[str, str]:
    """This machine's pip settings from files and environment, by their names in a pip.conf."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout
    found = {}
    # In order of precedence, the environment last.
    for line in sorted(listed.splitlines(), key=lambda line: line.startswith(":env:")):
        name, _, value = line.partition("=")
        section, _, option = name.partition(".")
        if section in {"global", "install", ":env:"} and option != "config-file":
            found[option] = str(ast.literal_eval(value))
    found.setdefault("cert", _authorities())
    return {option: value for option, value in found.items() if value}


def _authorities() -> str:
    """The CA bundle that this machine trusts, which may include a proxy's."""
    for variable in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
        if bundle := os.environ.get(variable):
            return bundle
    return ssl.get_default_verify_paths().cafile or ""


def mounts(found: Mapping[str, str], directory: Path) -> list[str]:
    """A pip.conf written into `directory`, and the files that it names, as arguments of `buildah bud`.

    As they are mounted, nothing of them gets into the image.
    """
    return [f"--volume={outside}:{inside}:ro" for outside, inside in files(found, directory).items()]


def files(found: Mapping[str, str], directory: Path) -> dict[Path, Path]:
    """A pip.conf written into `directory`, and the files that it names: each with the path where pip looks for it."""
    file = directory / "pip.conf"
    file.touch(mode=0o600)  # an index URL may contain a password
    lines = ["[global]", *(f"{option} = {' '.join(value.split())}" for option, value in found.items())]
    file.write_text("\n".join([*lines, ""]))
    named = {word for value in found.values() for word in value.split() if word.startswith("/")}
    return {path: path for path in map(Path, named) if path.exists()} | {file: Path("/etc/pip.conf")}
