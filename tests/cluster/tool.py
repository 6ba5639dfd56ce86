"""Finds the programs of the control plane and of a node, or builds them once: `find("etcd")`.

`KUBEBUILDER_ASSETS` comes first, being the customary way to say which ones to take, then PATH, then our own cache. One
from outside is taken only if its minor version is the pinned one: an old kubectl somewhere on PATH would fail in ways
that look like ours.
"""

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache as once
from pathlib import Path

from tests.cluster import cache, toolchain
from tests.cluster.module import HELM, KUBERNETES, Module, minor
from tests.cluster.progress import say, step
from tests.cluster.toolchain import ToolError


@dataclass(frozen=True)
class Tool:
    """One program, and how it is built and asked for its version."""

    module: Module
    package: str
    usual: str
    """How long a first build takes on two cores."""
    version_arguments: tuple[str, ...] = ("--version",)


TOOLS = {
    "etcd": Tool(KUBERNETES, "go.etcd.io/etcd/server/v3", "about 1 min"),
    "kube-apiserver": Tool(KUBERNETES, "k8s.io/kubernetes/cmd/kube-apiserver", "about 4 min"),
    "kube-controller-manager": Tool(KUBERNETES, "k8s.io/kubernetes/cmd/kube-controller-manager", "about 1 min"),
    "kubectl": Tool(KUBERNETES, "k8s.io/kubernetes/cmd/kubectl", "about 20 s", ("version", "--client")),
    "helm": Tool(HELM, "helm.sh/helm/v4/cmd/helm", "about 3 min", ("version", "--short")),
    "kube-scheduler": Tool(KUBERNETES, "k8s.io/kubernetes/cmd/kube-scheduler", "about 30 s"),
    "kubelet": Tool(KUBERNETES, "k8s.io/kubernetes/cmd/kubelet", "about 45 s"),
}
NODE = ("kube-scheduler", "kubelet")
"""Those that only a plane with a node needs."""


@once
def find(name: str) -> Path:
    """The program's path, built if need be. Raises ToolError."""
    return _from_environment(name) or _from_cache(name)


def _from_environment(name: str) -> Path | None:
    wanted = minor(TOOLS[name].module.version(TOOLS[name].package))
    for variable in ("KUBEBUILDER_ASSETS", "PATH"):
        program = shutil.which(name, path=os.environ.get(variable, ""))
        if program is None:
            continue
        if _version(name, program) == wanted:
            return Path(program)
        if variable != "PATH":  # where all sorts of programs are, while this one was meant for us
            say(f"passing over {program}: version {wanted[0]}.{wanted[1]} is needed")
    return None


def _version(name: str, program: str) -> tuple[int, int] | None:
    try:
        command = [program, *TOOLS[name].version_arguments]
        answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
        return minor(answer.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def _from_cache(name: str) -> Path:
    tool = TOOLS[name]
    program = tool.module.bin / name
    if program.exists():
        return program
    file = tool.module.bin.with_name("lock")
    held = cache.try_lock(file)
    if held is None:
        say(f"waiting for another process that builds {tool.module.name}")
    else:
        held.close()
    with cache.lock(file):
        if not program.exists():
            go = toolchain.go(tool.module)
            with step(f"building {name} from source, once", f"{tool.usual} on two cores"):
                _build(go, tool, program)
    return program


def _build(go: Path, tool: Tool, program: Path) -> None:
    """Build beside the final name and rename: a build that was broken off leaves nothing that looks finished."""
    program.parent.mkdir(parents=True, exist_ok=True)
    environment = os.environ | {
        "CGO_ENABLED": "0",  # no C compiler needed, and a program that runs on every libc
        "GOFLAGS": "-mod=readonly",  # the pins are never changed by a build
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",  # a go.work above this tree is somebody else's
    }
    with tempfile.TemporaryDirectory(dir=program.parent) as directory:
        output = Path(directory) / program.name
        flags = tool.module.linker_flags(tool.package)
        command = [str(go), "build", "-trimpath", "-ldflags", flags, "-o", str(output), tool.package]
        built = subprocess.run(
            command, cwd=tool.module.directory, env=environment, capture_output=True, text=True, check=False
        )
        if built.returncode:
            tail = "\n".join(built.stderr.splitlines()[-20:])
            raise ToolError(f"{program.name} can't be built with {go}:\n{tail}")
        output.rename(program)
