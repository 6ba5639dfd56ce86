"""A real node: kubelet, containerd and runc, in their own namespaces. Needs root and Linux.

Nothing of it outlives the process that started it: the kernel ends its processes and removes its mounts. The rest,
control groups and files, is removed by an orderly end, or by the next node that starts.
"""

import shutil
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.cluster import cache, debian, pause_image
from tests.cluster.cgroup import ControlGroup
from tests.cluster.containerd import Containerd
from tests.cluster.kubelet import Kubelet
from tests.cluster.namespace import Namespaces


class Node:
    """A context manager around one node."""

    def __init__(self, plane: Path, kubeconfig: Path, authority: Path, registered: Callable[[], bool]) -> None:
        """:param plane: the control plane's directory, in which the node's own is created.
        :param kubeconfig: of the node's user.
        :param authority: the CA of the kubelet's callers.
        :param registered: whether the API server knows the node.
        """
        self._plane = plane
        self._kubeconfig = kubeconfig
        self._authority = authority
        self._registered = registered

    def __enter__(self) -> Self:
        """Starts it: registered when this returns, and ready for pods seconds later.

        :raises ToolError: if it can't run, or a program is missing.
        """
        debian.require(debian.NODE)
        with ExitStack() as stack:
            directory = self._plane / "node"
            directory.mkdir()
            pause = directory / "pause.tar"
            pause_image.write(pause)
            group = _register(self._plane, stack)
            namespaces = Namespaces(directory)
            stack.callback(namespaces.kill)
            namespaces.start()
            self._containerd = Containerd(namespaces, directory, pause_image.NAME)
            stack.callback(self._containerd.kill)
            self._containerd.start()
            self.import_image(pause)
            self._kubelet = Kubelet(namespaces, directory, self._kubeconfig, self._authority, group)
            stack.callback(self._kubelet.kill)
            self.start_kubelet()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Ends it at once, with all its pods."""
        self._stack.close()

    def kill_kubelet(self) -> None:
        """Starts an outage of the kubelet: the containers keep running."""
        self._kubelet.kill()

    def start_kubelet(self) -> None:
        """Ends the outage."""
        self._kubelet.start(self._registered)

    def import_image(self, archive: Path) -> None:
        """Makes an image known, so that pods can use it. Raises CommandError."""
        self._containerd.import_image(archive)


def _register(plane: Path, stack: ExitStack) -> ControlGroup:
    """The control group of a new node, registered until the stack closes; those of killed nodes are removed."""
    register = cache.root() / "node"
    with cache.lock(register / "lock"):
        for entry in register.glob("*.node"):
            held = cache.try_lock(entry)
            if held is None:
                continue  # it runs
            with held:
                remnant = Path(entry.read_text())
                ControlGroup(remnant.name).remove()
                shutil.rmtree(remnant, ignore_errors=True)
                entry.unlink()
        draft = register / f"{plane.name}.draft"
        held = cache.try_lock(draft)
        assert held is not None  # its name is new
        stack.enter_context(held)
        # An entry that exists can be relied on.
        draft.write_text(str(plane))
        entry = draft.rename(draft.with_suffix(".node"))
        stack.callback(entry.unlink)
        group = ControlGroup(plane.name)
        stack.callback(group.remove)
        group.create()
    return group
