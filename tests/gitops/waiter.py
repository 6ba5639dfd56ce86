"""Tools that wait for what they install, as people and controllers run them."""

import json
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.apiserver.kube import Document
from tests.cluster.client import CommandError
from tests.cluster.plane import ControlPlane

LONG = 30
"""Seconds for a wait that should end by itself."""


class Waited(NamedTuple):
    """The result of a wait."""

    error: str
    """The tool's message; empty if it succeeded."""
    judged: dict[str, str]
    """kstatus's final verdict on each object, by kind: its status and its message.

    Empty with Helm, which reports it in its error.
    """

    @property
    def said(self) -> str:
        """Everything that a person would read about it."""
        return "\n".join([self.error, *self.judged.values()])


How = Callable[["Waiter", Sequence[Document], int], Waited]


class Waiter:
    """Installs objects into their namespace, and waits for them."""

    def __init__(self, plane: ControlPlane, program: Path, directory: Path) -> None:
        """`program` waits like kstatus and Flux; `directory` gets charts."""
        self._plane = plane
        self._program = program
        self._directory = directory

    def create(self, objects: Sequence[Document]) -> None:
        """Creates them without waiting."""
        for each in objects:
            self._plane.kubectl("create", "--filename=-", stdin=json.dumps(each))

    def kstatus(self, objects: Sequence[Document], seconds: int = LONG) -> Waited:
        """Creates one object after the other, then waits with kstatus until all are Current or one has Failed."""
        return self._run("kstatus", objects, seconds)

    def flux(self, objects: Sequence[Document], seconds: int = LONG) -> Waited:
        """Like Flux's kustomize-controller when it applies a Kustomization with `wait`."""
        return self._run("flux", objects, seconds)

    def helm(self, objects: Sequence[Document], seconds: int = LONG) -> Waited:
        """`helm upgrade --install --wait` of a chart with these objects."""
        namespace = objects[0]["metadata"]["namespace"]
        chart = self._directory / namespace
        (chart / "templates").mkdir(parents=True, exist_ok=True)
        (chart / "Chart.yaml").write_text("{apiVersion: v2, name: shop, version: 0.1.0}")
        text = "\n---\n".join(map(json.dumps, objects))
        (chart / "templates" / "all.yaml").write_text(text)
        flags = [f"--namespace={namespace}", "--wait", f"--timeout={seconds}s"]
        try:
            self._plane.helm("upgrade", "--install", "shop", str(chart), *flags)
        except CommandError as error:
            return Waited(str(error), {})
        return Waited("", {})

    def _run(self, how: str, objects: Sequence[Document], seconds: int) -> Waited:
        command = [str(self._program), how, f"--kubeconfig={self._plane.kubeconfig}", f"--timeout={seconds}s"]
        answer = subprocess.run(command, input=json.dumps(objects), capture_output=True, text=True, check=False)
        assert answer.returncode == 0, answer.stderr
        found = json.loads(answer.stdout)
        judged = {each["kind"]: f"{each['status']}: {each['message']}" for each in found["objects"]}
        return Waited(found["error"], judged)


EVERY: dict[str, How] = {"kstatus": Waiter.kstatus, "flux": Waiter.flux, "helm": Waiter.helm}
"""By name, for tests."""
