"""Kubeconform and kube-score on the rendered chart, with schemas only from the tests' API server."""

import json
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.chart.rendering import CI_FILES, Document, Helm, Kubectl
from tests.cluster import tool

_REFERENCE = "#/definitions/"


def render(helm: Helm, directory: Path) -> list[Path]:
    """A file for each set of values, with everything that the chart renders."""
    files = []
    for path in CI_FILES:
        file = directory / path.name
        file.write_text(helm.text("--values", path))
        files.append(file)
    return files


def write_schemas(kubectl: Kubectl, kinds: Sequence[tuple[str, str]], directory: Path) -> None:
    """A closed JSON schema for each (apiVersion, kind), from what the API server publishes."""
    definitions = json.loads(kubectl.run("get", "--raw", "/openapi/v2"))["definitions"]
    names = {
        (f"{one['group']}/{one['version']}".lstrip("/"), one["kind"]): name
        for name, schema in definitions.items()
        for one in schema.get("x-kubernetes-group-version-kind", [])
    }
    for version, kind in kinds:
        needed = dict(_closure(definitions, names[version, kind]))
        schema = {"$ref": _REFERENCE + names[version, kind], "definitions": needed}
        # Kubeconform calls the core group by its version.
        group, _, _ = version.partition("/")
        (directory / f"{kind}-{group}.json".lower()).write_text(json.dumps(schema))


def _closure(definitions: Mapping[str, Any], name: str) -> Iterator[tuple[str, Any]]:
    """A definition and those that it refers to, all closed."""
    names, seen = [name], {name}
    while names:
        name = names.pop()
        schema = _closed(definitions[name])
        yield name, schema
        for found in re.findall(rf'"\$ref": "{_REFERENCE}([^"]+)"', json.dumps(schema)):
            if found not in seen:
                seen.add(found)
                names.append(found)


def _closed(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("format") == "int-or-string":
        return {"type": ["integer", "string"]}
    closed = {name: _closed(one) for name, one in schema.items()}
    if "properties" in closed and "additionalProperties" not in closed:
        closed["additionalProperties"] = False
    return closed


def conform(files: Sequence[Path], schemas: Path) -> list[str]:
    """What kubeconform finds wrong, one line each."""
    location = f"{schemas}/{{{{ .ResourceKind }}}}-{{{{ .Group }}}}.json"
    command = [str(tool.find("kubeconform")), "-strict", "-output=json", f"-schema-location={location}", "-verbose"]
    answer = subprocess.run([*command, *map(str, files)], capture_output=True, text=True, check=False)
    found = json.loads(answer.stdout)["resources"]
    if not found:
        raise ValueError(f"kubeconform looked at nothing: {answer.stderr}")
    return [
        f"{Path(one['filename']).name}: {one['kind']} {one['name']}: {one['msg']}"
        for one in found
        if one["status"] != "statusValid"
    ]


def score(files: Sequence[Path]) -> dict[str, set[str]]:
    """What kube-score finds, by ID: the files and objects."""
    found: dict[str, set[str]] = {}
    for file in files:
        command = [
            str(tool.find("kube-score")),
            "score",
            "--output-format=json",
            "--kubernetes-version=v1.29",
            str(file),
        ]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        for scored in json.loads(answer.stdout):
            for check in scored["checks"]:
                if not check["skipped"] and check["grade"] < _OK:
                    found.setdefault(check["check"]["id"], set()).add(f"{file.name}: {scored['object_name']}")
    return found


_OK = 10
"""kube-score's grade for a passed check."""


def kinds_of(files: Sequence[Path]) -> list[tuple[str, str]]:
    """The (apiVersion, kind) of everything in them."""
    documents: Iterator[Document] = (
        document for file in files for document in yaml.load_all(file.read_text(), Loader=yaml.CSafeLoader)
    )
    return sorted({(document["apiVersion"], document["kind"]) for document in documents if document})
