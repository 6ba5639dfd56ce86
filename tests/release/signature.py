"""A release's signature: cosign's over SHA256SUMS, with a key and without a service.

The signature is a Sigstore bundle next to the file, so that `cosign verify-blob` only needs the public key.
"""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.cluster import tool
from tests.release import checksum, secret
from tests.release.fault import ReleaseError

NAME: Final = f"{checksum.NAME}.sigstore.json"

_NO_SERVICE: Final = ("--use-signing-config=false", "--tlog-upload=false", "--new-bundle-format")
"""Nothing is written to the public transparency log: a trial release needs no network and leaves no trace."""


def sign(directory: Path, key: str) -> None:
    """Signs the directory's checksums. The key's password is in COSIGN_PASSWORD. Raises ReleaseError.

    :param key: a file that `cosign generate-key-pair` wrote, or the address of a key management service.
    """
    file, bundle = directory / checksum.NAME, directory / NAME
    _cosign("KEY", key, "sign-blob", "--yes", f"--key={key}", *_NO_SERVICE, f"--bundle={bundle}", str(file))
    bundle.chmod(0o644)


def sign_image(name: str, key: str, auth: Path) -> None:
    """Signs an image or a chart in a registry, and its parts. Raises ReleaseError.

    :param name: with the digest.
    :param auth: the registry's credentials, in a file with Docker's name for it.
    """
    options = ("--yes", "--recursive", f"--key={key}", *_NO_SERVICE)
    _cosign("KEY", key, "sign", *options, name, environment={"DOCKER_CONFIG": str(auth.parent)})


def public_key(key: str) -> str:
    """The public half of a key, in PEM. Raises ReleaseError."""
    return _cosign("KEY", key, "public-key", f"--key={key}")


def check(directory: Path, public: str) -> None:
    """Raises ReleaseError unless this public key's owner signed the directory's checksums."""
    file, bundle = directory / checksum.NAME, directory / NAME
    if not bundle.exists():
        raise ReleaseError(f"{directory}: not signed: {NAME} is missing")
    options = (f"--key={public}", "--insecure-ignore-tlog", f"--bundle={bundle}")
    _cosign("PUBLIC_KEY", public, "verify-blob", *options, str(file))


def _cosign(variable: str, key: str, *arguments: str, environment: Mapping[str, str] | None = None) -> str:
    if "BEGIN" in key or "\n" in key or "\r" in key:
        raise ReleaseError(f"{variable}= holds a key itself: put it in a file, or in a variable for env://NAME")
    if "://" not in key and not Path(key).is_file():
        raise ReleaseError(f"{variable}={key}: no such file")
    answer = subprocess.run(
        [str(tool.find("cosign")), *arguments],
        stdin=subprocess.DEVNULL,
        env={"COSIGN_PASSWORD": ""} | secret.signing() | dict(environment or {}),
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode:
        said = [line for line in answer.stderr.splitlines() if line.startswith("Error: ")] or [answer.stderr.strip()]
        raise ReleaseError(f"cosign {arguments[0]} with {variable}={key}: {said[-1].removeprefix('Error: ')}")
    return answer.stdout
