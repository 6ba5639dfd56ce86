"""The bill of materials: a CycloneDX document of the operator and of the packages in requirements.lock."""

import json
import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from tests.release.commit import Commit
from tests.release.project import Project

LOCK: Final = "requirements.lock"

_ENTRY: Final = re.compile(r"^([\w.-]+)==(\S+)((?:.*\\\n)(?:.*--hash=.*\n?)+)", re.MULTILINE)
_HASH: Final = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Package:
    """An entry of the lock file."""

    name: str
    version: str
    hashes: frozenset[str]
    """SHA-256 of each file that the version may be installed from: a wheel for each platform, and its source."""


def locked(lock: str) -> frozenset[Package]:
    """The packages of a lock file's text."""
    return frozenset(
        Package(name, version, frozenset(_HASH.findall(rest))) for name, version, rest in _ENTRY.findall(lock)
    )


def write(file: Path, project: Project, commit: Commit, lock: str, wheel_digest: str) -> None:
    """Writes the document. It is the same for the same commit: its serial number derives from its content."""
    root = Component(
        type=ComponentType.APPLICATION,
        name=project.name,
        version=project.semantic_version,
        bom_ref=project.name,
        purl=PackageURL.from_string(f"pkg:github/{_path(project)}@v{project.semantic_version}"),
        licenses=[LicenseExpression("Apache-2.0")],
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=wheel_digest)],
        external_references=[ExternalReference(type=ExternalReferenceType.VCS, url=XsUri(project.address))],
    )
    bom = Bom(serial_number=serial_number(project, commit, wheel_digest))
    bom.metadata.timestamp = datetime.fromtimestamp(commit.time, UTC)
    bom.metadata.component = root
    components = [_component(package) for package in locked(lock)]
    bom.components.update(components)
    bom.register_dependency(root, components)
    file.write_text(JsonV1Dot6(bom).output_as_string(indent=2) + "\n")


def serial_number(project: Project, commit: Commit, wheel_digest: str) -> uuid.UUID:
    """It shows which commit a release is built from."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f"{project.address}/commit/{commit.digest}#{wheel_digest}")


def _path(project: Project) -> str:
    return "/".join(project.address.split("/")[-2:])


def _component(package: Package) -> Component:
    purl = PackageURL("pypi", None, package.name, package.version)
    return Component(
        type=ComponentType.LIBRARY,
        name=package.name,
        version=package.version,
        bom_ref=purl.to_string(),
        purl=purl,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest) for digest in package.hashes],
    )


def fault(text: str, lock: str, version: str, wheel_digest: str) -> str:
    """What is wrong with a document, in one line; empty if it describes this wheel and the whole lock file."""
    if problem := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        return f"not valid CycloneDX: {str(problem.data).splitlines()[0]}"
    document: dict[str, Any] = json.loads(text)
    root = document["metadata"]["component"]
    if root["version"] != version:
        return f"describes version {root['version']}, not {version}"
    if root["hashes"] != [{"alg": "SHA-256", "content": wheel_digest}]:
        return "describes another wheel"
    listed = {
        Package(one["name"], one["version"], frozenset(each["content"] for each in one.get("hashes", [])))
        for one in document["components"]
    }
    wanted = locked(lock)
    if odd := {package.name for package in listed ^ wanted}:
        return f"does not agree with {LOCK} about {', '.join(sorted(odd))}"
    return "" if wanted else f"{LOCK} is empty"
