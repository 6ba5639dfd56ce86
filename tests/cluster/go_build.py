"""Builds commands of a pinned Go module, several at once, and reports progress."""

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
    "CGO_ENABLED": "0",  # no C compiler needed, and the program runs with every libc
    "GOFLAGS": "-mod=readonly",  # a build never changes the pins
    "GOTOOLCHAIN": "local",
    "GOWORK": "off",  # a go.work above this tree isn't ours
    # A compiler only lives for a second, and its garbage goes with it: without collection it takes 5 % less CPU time
    # and up to 350 MB of memory. The linker takes 1.6 instead of 1.5 GB for kube-apiserver.
    "GOGC": "400",
}
FLAGS = ("-trimpath", "-gcflags=all=-dwarf=false")
"""Compiler flags: no debug information, which the linker would drop; it is a tenth of the CPU time."""
TAIL = 20
"""Lines of compiler output that an error shows."""


def build(go: Path, module: Module, packages: Sequence[str], directory: Path) -> None:
    """The commands, under the names that `output` gives, in the directory. Raises ToolError.

    All in one go, so that no core is idle while one of them is linked: put the slowest first.
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
    """The name that `go build` gives a command: the last part of its path that isn't a major version."""
    return re.sub(r"/v\d+$", "", package).rpartition("/")[2]


def _uncompiled(go: Path, module: Module, packages: Sequence[str], meter: Meter) -> frozenset[str]:
    """The packages to be compiled for these: Go keeps earlier results.

    Afterwards their sources are present: Go fetches what is missing.
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
    """The output of a `go` command, line by line. Raises ToolError if it fails, without the `quiet` lines."""
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
