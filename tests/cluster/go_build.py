"""Builds commands of a pinned Go module, several at once, and tells how far it is."""

import os
import re
import subprocess
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from tests.cluster.module import Module
from tests.cluster.progress import Meter
from tests.cluster.toolchain import ToolError

ENVIRONMENT = {
    "CGO_ENABLED": "0",  # no C compiler needed, and a program that runs on every libc
    "GOFLAGS": "-mod=readonly",  # the pins are never changed by a build
    "GOTOOLCHAIN": "local",
    "GOWORK": "off",  # a go.work above this tree is somebody else's
    # A compiler lives for a second, and what it would collect goes with it: 5 % less CPU time, and no more than 350 MB
    # of memory. The linker takes 1.6 GB in place of 1.5 for kube-apiserver.
    "GOGC": "400",
}
FLAGS = ("-trimpath", "-gcflags=all=-dwarf=false")
"""Of the compiler. Nothing for debuggers is made, which the linker would leave out; it is a tenth of the CPU time."""
TAIL = 20
"""Lines of the compiler's that an error shows."""


def build(go: Path, module: Module, packages: Sequence[str], directory: Path) -> None:
    """The commands, by the names that `output` has, in the directory. Raises ToolError.

    In one go, so that no core is idle while one of them is linked: put first the one that takes longest.
    """
    meter = Meter()
    try:
        needed = _uncompiled(go, module, packages, meter)
        flags = [f"-ldflags={package}={module.linker_flags(package)}" for package in packages]
        command = ["build", "-v", *_flags(module), *flags, "-o", f"{directory}/", *packages]
        compiled = 0
        for line in _run(go, module, command, needed):
            compiled += line in needed
            meter.show(f"{compiled:,} of {len(needed):,} packages")
    finally:
        meter.clear()


def output(package: str) -> str:
    """What `go build` calls a command: the last part of its path that is no major version."""
    return re.sub(r"/v\d+$", "", package).rpartition("/")[2]


def _uncompiled(go: Path, module: Module, packages: Sequence[str], meter: Meter) -> frozenset[str]:
    """The packages that are to be compiled for these: Go keeps what it compiled before.

    Their sources are there afterwards: Go fetches what it lacks.
    """
    listed = set()
    fetched = 0
    command = ["list", *_flags(module), "-deps", "-f", "{{if .Stale}}{{.ImportPath}}{{end}}", *packages]
    for line in _run(go, module, command, ()):
        if line.startswith("go: downloading "):
            fetched += 1
            meter.show(f"modules fetched: {fetched}")
        else:
            listed.add(line)
    return frozenset(listed)


def _flags(module: Module) -> list[str]:
    return [*FLAGS, *([f"-tags={module.tags}"] if module.tags else [])]


def _run(go: Path, module: Module, arguments: Sequence[str], quiet: Collection[str]) -> Iterator[str]:
    """The lines of a `go` command as they come. Raises ToolError when it fails, without those that are `quiet`."""
    said: deque[str] = deque(maxlen=TAIL)
    with subprocess.Popen(
        [str(go), *arguments],
        cwd=module.directory,
        env=os.environ | ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            for line in map(str.rstrip, process.stdout):
                if line not in quiet:
                    said.append(line)
                yield line
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        what = f"{module.name} can't be built with {go}: go {arguments[0]} ended with {process.returncode}"
        raise ToolError("\n".join([f"{what}:", *said]))
