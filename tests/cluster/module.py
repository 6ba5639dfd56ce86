"""The pinned Go modules next to this file. Only their go.mod files determine the versions."""

import hashlib
import os
import re
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tests.cluster import cache


@dataclass(frozen=True)
class Module:
    """One directory with a go.mod."""

    name: str
    stamp: str
    """Linker flags that set the programs' version, which a module build doesn't do.

    `{version}`, `{major}` and `{minor}` stand for the pinned ones; without them kube-apiserver would report v0.0.0.
    """
    tags: str = ""
    """Build tags, separated by commas."""

    @property
    def directory(self) -> Path:
        return Path(__file__).parent / self.name

    @cached_property
    def text(self) -> str:
        """The go.mod."""
        return (self.directory / "go.mod").read_text()

    @property
    def bin(self) -> Path:
        """Where the programs are kept. Each module has its own digest: a new Helm rebuilds no Kubernetes."""
        pinned = (
            self.text.encode() + (self.directory / "go.sum").read_bytes() + self.stamp.encode() + self.tags.encode()
        )
        return cache.root() / hashlib.sha256(pinned).hexdigest()[:16] / "bin"

    @property
    def go(self) -> tuple[int, int]:
        """The oldest Go that builds it, as (1, 26)."""
        return minor(_found(r"^go (\S+)$", self.text))

    def version(self, package: str) -> str:
        """The pinned version of the module that a package belongs to, as `v1.36.3`."""
        required = re.findall(r"^\s+(\S+) (v\S+)", self.text, re.MULTILINE)
        _, version = max((path, str(version)) for path, version in required if f"{package}/".startswith(f"{path}/"))
        return version

    def linker_flags(self, package: str) -> str:
        """No symbol tables (half the size), and the version."""
        version = self.version(package)
        major, minor_ = minor(version)
        return "-s -w " + self.stamp.format(version=version, major=major, minor=minor_)


def minor(text: str) -> tuple[int, int]:
    """The first version in a text, without its patch: it decides whether two programs fit together."""
    match = re.search(r"(\d+)\.(\d+)", text)
    if match is None:
        raise ValueError(f"no version in {text!r}")
    return int(match[1]), int(match[2])


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text, re.MULTILINE)
    if match is None:
        raise ValueError(f"a go.mod has no line {pattern}")
    return match[1]


KUBERNETES = Module(
    "kubernetes",
    "-X k8s.io/component-base/version.gitVersion={version}"
    " -X k8s.io/component-base/version.gitMajor={major} -X k8s.io/component-base/version.gitMinor={minor}",
)
OTHER_VERSIONS = ("1.34", "1.37")
"""The oldest and the newest documented Kubernetes, in addition to the one that all tests run on."""


def control_plane(version: str) -> Module:
    """The module from which etcd, the API server and the controllers are built.

    :param version: one of the others, which `make compatibility` sets as `KUBERNETES_VERSION`; empty for the usual one.
    """
    if not version:
        return KUBERNETES
    if version not in OTHER_VERSIONS:
        sys.exit(f"KUBERNETES_VERSION={version} is not pinned; known versions: {', '.join(OTHER_VERSIONS)}")
    return Module(f"kubernetes-{version}", KUBERNETES.stamp)


CONTROL_PLANE = control_plane(os.environ.get("KUBERNETES_VERSION", ""))
HELM = Module("helm", "-X helm.sh/helm/v4/internal/version.version={version}")
LINTERS = Module("linters", "-X main.version={version}")
PROMETHEUS = Module("prometheus", "", tags="remove_all_sd")
"""Without service discovery for a dozen clouds, a fifth of its packages and more of its build time.

The web interface isn't part of the module: only queries and rules are needed.
"""
CADDY = Module("caddy", "-X github.com/caddyserver/caddy/v2.CustomVersion={version}")
VMAGENT = Module("vmagent", "-X github.com/VictoriaMetrics/VictoriaMetrics/lib/buildinfo.Version=vmagent-{version}")
PROMETHEUS_OPERATOR = Module("prometheus-operator", "-X github.com/prometheus/common/version.Version={version}")
SOURCE_CONTROLLER = Module("source-controller", "")
"""Flux's, which has no built-in version."""
COSIGN = Module("cosign", "-X sigs.k8s.io/release-utils/version.gitVersion={version}")
MODULES = (
    *{CONTROL_PLANE, KUBERNETES},
    HELM,
    LINTERS,
    PROMETHEUS,
    CADDY,
    VMAGENT,
    PROMETHEUS_OPERATOR,
    SOURCE_CONTROLLER,
    COSIGN,
)
"""In the order in which they are built."""
