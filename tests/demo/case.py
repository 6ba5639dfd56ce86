"""The demo's tokens, and the manifests that a user would write for them."""

import json
from dataclasses import dataclass
from typing import Any

from tests.fakes.issuer import Grant, Policy

API_VERSION = "integrationtoken.dev/v1alpha1"
NAMESPACE = "store"
CONSUMER_ACCOUNT = "consumer"


@dataclass(frozen=True, slots=True)
class Case:
    """One IntegrationToken, and what is expected of it."""

    lifetime: int
    lead: int
    longest_gap: float
    """Seconds that a consumer may be without a valid token at a rollover."""

    @property
    def name(self) -> str:
        """The name of the IntegrationToken, its target Secret and the client at the endpoint."""
        return f"lifetime-{self.lifetime}s-lead-{self.lead}s"


CASES = (
    Case(lifetime=20, lead=8, longest_gap=0.0),
    # The endpoint has no new token before the old one expires, so the only option is to get it soon afterwards.
    Case(lifetime=20, lead=0, longest_gap=1.0),
)


def policy(grant: Grant) -> Policy:
    """How the endpoint issues tokens for a case's client."""
    case = next(case for case in CASES if case.name == grant.client_id)
    return Policy(lifetime=case.lifetime, lead=case.lead)


def manifests(token_url: str, audience: str, secrets: dict[str, str]) -> str:
    """The endpoint, and credentials and token for each case; `secrets` are the clients' at the endpoint."""
    endpoint = {"kind": "ClusterTokenEndpoint", "name": "demo"}
    documents: list[dict[str, Any]] = [
        {
            "apiVersion": API_VERSION,
            "kind": "ClusterTokenEndpoint",
            "metadata": {"name": "demo"},
            "spec": {"tokenURL": token_url, "audience": audience},
        }
    ]
    for client_id, secret in secrets.items():
        credentials = f"{client_id}-credentials"
        documents += [
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": _metadata(credentials, labels={"integrationtoken.dev/credentials": "true"}),
                "stringData": {"client_id": client_id, "client_secret": secret},
            },
            {
                "apiVersion": API_VERSION,
                "kind": "IntegrationToken",
                "metadata": _metadata(client_id),
                "spec": {"endpointRef": endpoint, "credentialsSecretRef": {"name": credentials}},
            },
        ]
    return _list(documents)


def access() -> str:
    """The namespace, and the consumers' account: it can only read the target Secrets."""
    rbac = "rbac.authorization.k8s.io"
    rule = {
        "apiGroups": [""],
        "resources": ["secrets"],
        "resourceNames": [case.name for case in CASES],
        "verbs": ["get"],
    }
    role = {"apiGroup": rbac, "kind": "Role", "name": CONSUMER_ACCOUNT}
    subject = {"kind": "ServiceAccount", "name": CONSUMER_ACCOUNT, "namespace": NAMESPACE}
    metadata = _metadata(CONSUMER_ACCOUNT)
    return _list(
        [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata},
            {"apiVersion": f"{rbac}/v1", "kind": "Role", "metadata": metadata, "rules": [rule]},
            {
                "apiVersion": f"{rbac}/v1",
                "kind": "RoleBinding",
                "metadata": metadata,
                "roleRef": role,
                "subjects": [subject],
            },
        ]
    )


def _metadata(name: str, labels: dict[str, str] | None = None) -> dict[str, Any]:
    return {"name": name, "namespace": NAMESPACE} | ({"labels": labels} if labels else {})


def _list(documents: list[dict[str, Any]]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": documents})
