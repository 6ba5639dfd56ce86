"""The node itself leaves nothing behind when the process that started it is killed."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster import cgroup, pause_image
from tests.cluster.plane import ControlPlane
from tests.cluster.poll import poll
from tests.cluster.standing import ROOT

HARNESS = """
import sys
from tests.cluster.plane import ControlPlane
with ControlPlane(node=True, audit=False) as plane:
    plane.kubectl("create", "--filename=-", stdin=sys.argv[1])
    plane.kubectl("wait", "--for=condition=Ready", "pod", "--all", "--timeout=60s")
    print(plane.directory, flush=True)
    sys.stdin.read()
"""
"""Starts a node with a pod, prints where, and waits to be ended."""

POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "left-behind"},
    "spec": {"containers": [{"name": "pause", "image": pause_image.NAME}]},
}
"""With its own network."""


def _processes(directory: Path) -> list[int]:
    """The processes of the plane and its node, by control group and command line."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            traces = (process / "cmdline").read_text() + (process / "cgroup").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if directory.name in traces:
            found.append(int(process.name))
    return found


@pytest.mark.usefixtures("image")
def test_killed_harness() -> None:
    """Its processes, mounts and networks are gone at once, and the next node removes the rest."""
    others = set(socket.if_nameindex())
    command = [sys.executable, "-c", HARNESS, json.dumps(POD)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as harness:
        assert harness.stdout is not None
        directory = Path(harness.stdout.readline().strip())
        assert _processes(directory)
        interfaces = set(socket.if_nameindex()) - others
        assert interfaces
        harness.kill()

    poll(lambda: not _processes(directory), "all processes to be gone")
    poll(lambda: not interfaces & set(socket.if_nameindex()), "the pod's network to be gone")
    assert directory.name not in Path("/proc/mounts").read_text()

    groups = list(cgroup.ROOT.rglob(directory.name))
    assert groups
    assert directory.exists()
    with ControlPlane(node=True, audit=False):
        assert list(cgroup.ROOT.rglob(directory.name)) == []
        assert not directory.exists()
