"""The operator's image, built by buildah from the unchanged Dockerfile, without Docker and on a base made here.

Everything is kept in a storage in our cache directory, separate from the machine's images.
"""

import json
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.cluster import cache, debian, pip, release
from tests.cluster.plane import ControlPlane
from tests.cluster.progress import step

ROOT: Final = Path(__file__).parents[2]
NAME: Final = "localhost/integration-token-operator:test"

_HELD: Final[list[bool]] = []
"""Not empty while this process has the lock."""


class ImageError(Exception):
    """A command failed; the text has its output."""


@dataclass(frozen=True, slots=True)
class Image:
    """A container of the image, for running commands."""

    container: str
    description: dict[str, Any]
    """The image's OCI description."""
    size: int
    """Bytes that the image's files take on disk."""
    base_size: int
    """The same for its base."""

    @property
    def config(self) -> dict[str, Any]:
        """User, Env, Entrypoint, Labels."""
        config: dict[str, Any] = self.description["config"]
        return config

    def run(self, *command: str, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        """Runs a command as the image's user, on this machine's network. `options` are those of `buildah run`."""
        return subprocess.run(
            [*_buildah("run"), "--isolation=chroot", *options, self.container, "--", *command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def load(self, plane: ControlPlane) -> None:
        """Makes it known to the plane's node."""
        archive = plane.directory / "image.tar"
        self.save(archive)
        plane.node.import_image(archive)
        archive.unlink()

    def save(self, archive: Path) -> None:
        """Writes it like `docker save`, under the name in the chart if no registry is set."""
        version = self.config["Labels"]["org.opencontainers.image.version"]
        _run(
            *_buildah("push"), NAME, f"docker-archive:{archive}:docker.io/library/integration-token-operator:{version}"
        )

    def operator(self, *arguments: str, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        """Runs the image's entry point with these arguments, as a pod does."""
        return self.run(*self.config["Entrypoint"], *arguments, options=options)


@contextmanager
def built() -> Iterator[Image]:
    """The image of the current tree, built if needed. Raises ImageError, or ToolError if it can't be built here."""
    debian.require(debian.IMAGE)
    # The lock is held to the end: another build would remove the layers below this one's container.
    with lock():
        base = debian_base()
        with step("building the image", "about 1 min the first time, then 15 s"):
            _build(base)
        _run(*_buildah("rm"), "--all")  # from runs that were killed
        try:
            container, base_container = _run(*_buildah("from"), NAME), _run(*_buildah("from"), base)
            inspected = json.loads(_run(*_buildah("inspect"), "--type=image", NAME))
            yield Image(container, inspected["OCIv1"], _size(container), _size(base_container))
        finally:
            _run(*_buildah("rm"), "--all")


def debian_base(architecture: str = "") -> str:
    """The name of a base image made here, once: the minimal Debian that runs Python.

    :param architecture: if it isn't this machine's.
    """
    name = "-".join(filter(None, (f"localhost/base:{release.suite()}", architecture)))
    if _run(*_buildah("images"), "--quiet", f"--filter=reference={name}"):
        return name
    archive = release.archive(architecture)
    with step(f"making a base image of {archive.stem}, once", "about 15 s"), _directory() as directory:
        (directory / "base.tar").hardlink_to(archive)
        (directory / "Dockerfile").write_text("FROM scratch\nADD base.tar /\n")
        options = [f"--arch={architecture}"] if architecture else []
        _run(*_buildah("bud"), "--isolation=chroot", *options, f"--tag={name}", str(directory))
    return name


def pull(base: str, architecture: str) -> None:
    """Pulls a base image from its registry. Raises ImageError."""
    _run(*_buildah("pull"), "--quiet", f"--arch={architecture}", base)


def write_archive(
    file: Path, tree: Path, *, base: str, architecture: str, epoch: int, labels: Mapping[str, str]
) -> None:
    """Writes the image of a tree as an OCI archive. Raises ImageError.

    :param base: an image that is known here: pulled, or made by debian_base.
    :param epoch: the time of everything in it, in seconds since 1970.
    :param labels: in addition to the Dockerfile's.
    """
    name = f"{NAME}-{architecture}"
    options = [f"--arch={architecture}", f"--timestamp={epoch}", f"--build-arg=SOURCE_DATE_EPOCH={epoch}"]
    options += [f"--label={label}={value}" for label, value in labels.items()]
    _build(base, tree, name, options)
    _run(*_buildah("push"), "--quiet", name, f"oci-archive:{file}")


def publish(archives: Iterable[Path], name: str, *, auth: Path) -> str:
    """Pushes OCI archives to a registry, as one image for their architectures. Returns its digest. Raises ImageError.

    :param name: in the registry, with the tag.
    :param auth: the registry's credentials, as written by `docker login`.
    """
    index = f"{NAME}-index"
    with lock(), _directory() as directory:
        digest = directory / "digest"
        _run(*_buildah("manifest"), "create", index)
        try:
            for archive in archives:
                _run(*_buildah("manifest"), "add", index, f"oci-archive:{archive}")
            options = ["--all", f"--authfile={auth}", f"--digestfile={digest}", f"--tls-verify={not is_local(name)}"]
            _run(*_buildah("manifest"), "push", *options, index, f"docker://{name}")
        finally:
            _run(*_buildah("manifest"), "rm", index)
        return digest.read_text().strip()


def is_local(name: str) -> bool:
    """Whether a registry is on this machine, and so uses plain HTTP."""
    return name.startswith(("127.0.0.1:", "localhost:"))


@contextmanager
def lock() -> Iterator[None]:
    """Keeps other processes from the images. This one may take it again: what it builds then has another name."""
    if _HELD:
        yield
        return
    with cache.lock(cache.root() / "image" / "lock"):
        _HELD.append(True)
        try:
            yield
        finally:
            _HELD.clear()


def _build(base: str, tree: Path = ROOT, name: str = NAME, options: Sequence[str] = ()) -> None:
    with _directory() as directory:
        command = [*_buildah("bud"), "--isolation=chroot", "--layers", f"--build-arg=BASE={base}", *options]
        # Only the stage that installs packages sees this machine's settings for that. It also has a name, so that the
        # last stage finds it built, and pruning leaves its layers for the next build.
        _run(*command, *pip.mounts(pip.settings(), directory), "--target=build", f"--tag={name}-build", str(tree))
        _run(*command, f"--tag={name}", str(tree))
    _run(*_buildah("rmi"), "--prune")


def _size(container: str) -> int:
    root = _run(*_buildah("mount"), container)
    try:
        return int(_run("du", "--summarize", "--one-file-system", "--block-size=1", root).split()[0])
    finally:
        _run(*_buildah("umount"), container)


@contextmanager
def _directory() -> Iterator[Path]:
    """A temporary directory on the cache's disk: hundreds of megabytes may be too much for /tmp."""
    with tempfile.TemporaryDirectory(dir=cache.root() / "image") as directory:
        yield Path(directory)


def _buildah(command: str) -> list[str]:
    """The beginning of a command line. buildah finds out which storage driver the machine supports."""
    storage = cache.root() / "image"
    return ["buildah", f"--root={storage / 'storage'}", f"--runroot={storage / 'run'}", command]


def _run(*command: str) -> str:
    answer = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if answer.returncode:
        said = "\n".join((answer.stdout + answer.stderr).splitlines()[-30:])
        raise ImageError(f"{' '.join(command)} ended with {answer.returncode}:\n{said}")
    return answer.stdout.strip()
