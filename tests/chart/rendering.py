"""Helm and kubectl as the chart's tests call them: documents in, documents or a message out."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.client import CHART, Client, CommandError

CI_FILES = sorted(CHART.glob("ci/*-values.yaml"))

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Kubectl:
    """kubectl as a cluster administrator."""

    client: Client

    def run(self, *arguments: str, documents: Iterable[Document] = ()) -> str:
        """Its output, with the documents on standard input. Raises CommandError."""
        return self.client.kubectl(*arguments, stdin="\n---\n".join(map(json.dumps, documents)))

    def dry_run(self, document: Document) -> Document:
        """The object as the API server would store it."""
        answer = self.run("create", "--dry-run=server", "--output=json", "--filename=-", documents=[document])
        stored: Document = json.loads(answer)
        return stored

    def refusal(self, document: Document) -> str:
        """The message for a user who creates this; the test fails if it is accepted."""
        with pytest.raises(CommandError) as refused:
            self.run("create", "--dry-run=server", "--filename=-", documents=[document])
        return str(refused.value)


@dataclass(frozen=True, slots=True)
class Helm:
    """Helm on the chart, without a cluster. The release is `tokens` in the namespace `operators`."""

    client: Client

    def template(self, *arguments: str | Path, namespace: str = "operators") -> list[Document]:
        """The documents that an installation creates. Raises CommandError."""
        documents = self.everything(*arguments, namespace=namespace)
        return [document for document in documents if not _is_hook(document)]

    def test(self, *arguments: str | Path, namespace: str = "operators") -> list[Document]:
        """The documents that `helm test` creates. Raises CommandError."""
        return [document for document in self.everything(*arguments, namespace=namespace) if _is_hook(document)]

    def everything(self, *arguments: str | Path, namespace: str = "operators", chart: Path = CHART) -> list[Document]:
        """All documents that the chart renders. Raises CommandError."""
        rendered = self.text(*arguments, namespace=namespace, chart=chart)
        # The pure Python loader alone takes longer than all of Helm's work.
        return [document for document in yaml.load_all(rendered, Loader=yaml.CSafeLoader) if document]

    def text(self, *arguments: str | Path, namespace: str = "operators", chart: Path = CHART) -> str:
        """The same as Helm's text."""
        return _rendered(self.client, str(chart), namespace, tuple(map(str, arguments)))

    def notes(self, *arguments: str | Path) -> str:
        """What an installation prints."""
        printed = self.client.helm("install", "tokens", str(CHART), "--dry-run=client", *map(str, arguments))
        return printed.partition("\nNOTES:\n")[2]

    def lint(self, *arguments: str | Path) -> str:
        """What `helm lint` says about the chart, without the list of files. Raises CommandError."""
        return self.client.helm("lint", str(CHART), "--strict", "--quiet", *map(str, arguments))

    def refusal(self, *arguments: str) -> str:
        """The message for a user who installs with these arguments; the test fails if they are accepted."""
        with pytest.raises(CommandError) as refused:
            self.template(*arguments)
        return str(refused.value)


@cache
def _rendered(client: Client, chart: str, namespace: str, arguments: tuple[str, ...]) -> str:
    """Rendered once for all tests with the same arguments."""
    return client.helm("template", "tokens", chart, f"--namespace={namespace}", *arguments)


def _is_hook(document: Document) -> bool:
    return "helm.sh/hook" in document["metadata"].get("annotations", {})


def of_kind(kind: str, documents: Iterable[Document]) -> list[Document]:
    """The documents of a kind."""
    return [document for document in documents if document["kind"] == kind]


def the(kind: str, documents: Sequence[Document]) -> Document:
    """The only document of its kind."""
    (document,) = of_kind(kind, documents)
    return document
