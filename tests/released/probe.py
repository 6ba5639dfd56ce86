"""What one version of the operator would write and read: cases as JSON on stdin, results as JSON on stdout.

It runs with the first version on the path, and uses only public names. If a later tree moves them, the released
versions are still asked by this probe, and the tree gets its own.
"""

import json
import sys
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Any, get_type_hints

import integration_token
from integration_token.api import names
from integration_token.api.condition import ConditionType, Reason
from integration_token.api.endpoint import EndpointKind, parse_endpoint
from integration_token.api.integration import parse_integration
from integration_token.api.token import StoredToken, Token
from integration_token.cluster.target import build_target, read_target

Object = dict[str, Any]


def answers(cases: list[Object]) -> Object:
    """The version's results for all cases, and its names."""
    return {
        "code": str(Path(integration_token.__file__ or "").parent),
        "names": {
            "annotations": _named("_ANNOTATION"),
            "labels": _named("_LABEL"),
            "manager": names.MANAGER,
            "group_version": f"{names.GROUP}/{names.VERSION}",
            "plurals": [names.INTEGRATION_TOKENS, names.TOKEN_ENDPOINTS, names.CLUSTER_TOKEN_ENDPOINTS],
        },
        "condition_types": _values(ConditionType),
        "reasons": sorted(_values(Reason)),
        "cases": [answer(case) for case in cases],
    }


def answer(case: Object) -> Object:
    """What it writes for an integration's token at an endpoint.

    If the case has a Secret: also what it reads there, whether that is a token of the grant as specified, and whether
    it would rewrite the Secret.
    """
    endpoint = parse_endpoint(EndpointKind(case["endpoint"]["kind"]), case["endpoint"])
    integration = parse_integration(case["integration"])
    token = case["token"] | {"scope": tuple(case["token"]["scope"])}
    digest = _module("oauth.request", "cluster.target").grant_hash(endpoint, integration)
    uid, version = case["credentials"]["uid"], case["credentials"]["resourceVersion"]
    kind = get_type_hints(StoredToken)["identity"]
    # 0.1.0 has them side by side.
    credentials = (f"{uid}/{version}",) if "credentials_revision" in kind.__annotations__ else (uid, version)
    identity = kind(endpoint.uid, digest, *credentials)
    stored = StoredToken(Token(**token), identity)
    write = build_target(None, integration, stored)
    assert write is not None  # there is no Secret yet
    found: Object = {"hash": digest, "body": write.body}
    secret = case.get("secret")
    if secret is not None:
        read = read_target(secret)
        found["read"] = None if read is None else _fields(read)
        found["current"] = read is not None and read.identity == identity
        found["rewritten"] = build_target(secret, integration, read or stored) is not None
    return found


def _fields(stored: StoredToken) -> Object:
    token = stored.token
    return {
        "access_token": token.access_token,
        "issued": token.issued,
        "expires": token.expires,
        "assumed": token.assumed,
        "scope": list(token.scope or ()),
    }


def _module(today: str, released: str) -> Any:
    """The module that has a function today, or had it in 0.1.0."""
    module = import_module(f"integration_token.{today}")
    return module if hasattr(module, "grant_hash") else import_module(f"integration_token.{released}")


def _named(ending: str) -> list[str]:
    return sorted(value for name, value in vars(names).items() if name.endswith(ending))


def _values(enumeration: type[StrEnum]) -> list[str]:
    return [member.value for member in enumeration]


if __name__ == "__main__":
    json.dump(answers(json.load(sys.stdin)), sys.stdout)
