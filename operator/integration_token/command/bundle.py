"""A support bundle: what may be shared of a resource, by an allow-list of fields. Pure except for the file."""

import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from integration_token.command.diagnosis import Found
from integration_token.oauth.token_url import host_for_people

_METADATA: Final = ("namespace", "name", "uid", "generation", "resourceVersion", "creationTimestamp")
_TOKEN: Final = (
    "endpointRef",
    "audience",
    "scopes",
    "renewBefore",
    "renewBeforePercentage",
    "consumerDelay",
    "mountRefresh",
    "suspend",
)
_ENDPOINT: Final = (
    "audience",
    "requestEncoding",
    "clientAuthenticationMethod",
    "timeout",
    "rolloverLead",
    "defaultLifetime",
    "maximumLifetime",
    "rateLimit",
)
_STATUS: Final = (
    "conditions",
    "observedGeneration",
    "targetName",
    "scope",
    "issueTime",
    "expirationTime",
    "expirationAssumed",
    "renewalTime",
    "lifetimeSeconds",
    "rolloverLeadSeconds",
    "host",
)
_EVENT: Final = ("type", "reason", "message", "count", "eventTime", "firstTimestamp", "lastTimestamp")


def contents(found: Found, diagnosis: list[dict[str, str]], version: str) -> dict[str, Any]:
    """The bundle's files by name. Of parameters and templates only the names: values may be anything."""
    files: dict[str, Any] = {"version.json": {"integration-token-operator": version}, "diagnosis.json": diagnosis}
    if found.token is not None:
        files["integrationtoken.json"] = _object(found.token, _token(found.token.get("spec") or {}))
    if found.endpoint is not None:
        files["endpoint.json"] = _object(found.endpoint, _endpoint(found.endpoint.get("spec") or {}))
    files["events.json"] = [_chosen(event, _EVENT) for event in found.events]
    return files


def write(file: Path, files: Mapping[str, Any]) -> None:
    """Writes a compressed tar archive that only its owner may read.

    :raises OSError: if it cannot be written, or already exists.
    """
    with file.open("xb") as target:
        file.chmod(0o600)
        with tarfile.open(fileobj=target, mode="w:gz") as archive:
            for name, content in files.items():
                data = json.dumps(content, indent=2).encode()
                entry = tarfile.TarInfo(f"integration-token/{name}")
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))


def _object(body: Mapping[str, Any], spec: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "kind": body.get("kind"),
        "metadata": _chosen(body["metadata"], _METADATA),
        "spec": spec,
        "status": _chosen(body.get("status") or {}, _STATUS),
    }


def _token(spec: Mapping[str, Any]) -> dict[str, Any]:
    target = spec.get("target") or {}
    template = target.get("template") or {}
    return {
        **_chosen(spec, _TOKEN),
        "credentialsSecretRef": _chosen(
            spec.get("credentialsSecretRef") or {}, ("name", "clientIDKey", "clientSecretKey")
        ),
        "target": {
            **_chosen(target, ("name", "deletionPolicy")),
            "template": {"type": template.get("type"), "keys": sorted(template.get("data") or {})},
        },
    }


def _endpoint(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **_chosen(spec, _ENDPOINT),
        "host": host_for_people(str(spec.get("tokenURL") or "")),
        "parameters": sorted(spec.get("parameters") or {}),
        "caBundle": bool(spec.get("caBundle")),
        "caBundleRef": _chosen(spec.get("caBundleRef") or {}, ("name", "key")),
        "namespaceSelector": bool(spec.get("namespaceSelector")),
    }


def _chosen(source: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: source[name] for name in names if name in source}
