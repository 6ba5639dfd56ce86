"""TokenEndpoint and ClusterTokenEndpoint: where tokens come from, and how to ask there."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from integration_token.api.condition import Reason
from integration_token.api.size import fits
from integration_token.api.value import parse_duration
from integration_token.errors import UserActionRequired

_SMALL = 6144
"""Bytes of an endpoint that are kept: an ordinary one, with its status and a private authority, has 5,600."""


_TOKEN_TYPE = re.compile(r"[!-~]([ -~]{0,62}[!-~])?")
_NEVER_BEARER = frozenset({"dpop", "mac", "n_a"})


class EndpointKind(StrEnum):
    """The two kinds; only the namespaced one is judged as if a stranger had written it."""

    NAMESPACED = "TokenEndpoint"
    CLUSTER = "ClusterTokenEndpoint"

    @property
    def is_cluster_scoped(self) -> bool:
        """Whether resources of several namespaces may refer to one."""
        return self is EndpointKind.CLUSTER

    @property
    def is_trusted(self) -> bool:
        """Whether only the cluster's administrator writes it: it may then name hosts of private networks."""
        return self is EndpointKind.CLUSTER

    @property
    def selects_namespaces(self) -> bool:
        """Whether its spec tells which namespaces may refer to it."""
        return self is EndpointKind.CLUSTER


class RequestEncoding(StrEnum):
    """How the body of the token request is written."""

    JSON = "JSON"
    FORM = "Form"


@dataclass(frozen=True, slots=True)
class EndpointRef:
    """Which endpoint: `namespace` is empty for the cluster kind."""

    kind: EndpointKind
    namespace: str
    name: str

    @property
    def title(self) -> str:
        """Kind and name, as messages have it."""
        return f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class CABundle:
    """The authorities that an endpoint's certificate is checked against."""

    digest: bytes
    """SHA-256 of the text."""
    text: str | None = field(repr=False)
    """PEM; None where it is too long to be kept, and is read again when it is needed."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint as specified; times in seconds."""

    ref: EndpointRef
    uid: str
    generation: int
    resource_version: str
    token_url: str
    audience: str
    encoding: RequestEncoding
    authentication: str
    """The name of a method of client authentication, of which there may be none."""
    parameters: tuple[tuple[str, str], ...]
    token_type: str
    """What it calls a Bearer token beside that; empty where it has no other word."""
    ca_bundle: CABundle | None
    """None for the system's roots."""
    timeout: float
    default_lifetime: float
    """Assumed where an answer tells no expiry."""
    maximum_lifetime: float | None
    """Beyond which no expiry is believed; None where any is."""
    rollover_lead: float | None
    """As far as it is known; None where it is to be learned alone."""
    requests_per_minute: int
    namespace_selector: Mapping[str, Any]
    status: Mapping[str, Any] = field(repr=False)

    @property
    def kept(self) -> "Endpoint | None":
        """What may be kept of it: all where it is small, without the authorities where these are long, else
        nothing."""
        texts = (self.token_url, self.audience, self.authentication, self.token_type)
        values = (*texts, self.parameters, self.namespace_selector, self.status)
        if not fits(values, _SMALL):
            return None
        if self.ca_bundle is None or fits((*values, self.ca_bundle.text), _SMALL):
            return self
        return replace(self, ca_bundle=CABundle(self.ca_bundle.digest, None))


def parse_endpoint(kind: EndpointKind, body: Mapping[str, Any]) -> Endpoint:
    """Reads an endpoint from the API's JSON.

    The CRD's schema has seen it before; an object stored under an older schema may still hold what today's rejects.

    :raises UserActionRequired: where a field cannot be used.
    """
    metadata, spec = body["metadata"], body.get("spec") or {}
    try:
        return Endpoint(
            ref=EndpointRef(kind, metadata.get("namespace") or "", metadata["name"]),
            uid=metadata["uid"],
            generation=int(metadata.get("generation", 1)),
            resource_version=str(metadata.get("resourceVersion", "")),
            token_url=str(spec["tokenURL"]),
            audience=str(spec.get("audience") or ""),
            encoding=RequestEncoding(spec.get("requestEncoding") or RequestEncoding.JSON),
            authentication=str(spec.get("clientAuthenticationMethod") or "ClientSecretPost"),
            parameters=tuple(sorted((spec.get("parameters") or {}).items())),
            token_type=_token_type(str((spec.get("response") or {}).get("tokenType") or "")),
            ca_bundle=_ca_bundle(str(spec.get("caBundle") or "")),
            timeout=parse_duration(spec.get("timeout") or "10s"),
            default_lifetime=parse_duration(spec.get("defaultLifetime") or "1h"),
            maximum_lifetime=parse_duration(spec["maximumLifetime"]) if spec.get("maximumLifetime") else None,
            rollover_lead=parse_duration(spec["rolloverLead"]) if spec.get("rolloverLead") else None,
            requests_per_minute=int((spec.get("rateLimit") or {}).get("requestsPerMinute") or 60),
            namespace_selector=spec.get("namespaceSelector") or {},
            status=body.get("status") or {},
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UserActionRequired(
            Reason.INVALID_SPEC, f"spec of {kind} {metadata.get('name')}: {error}; mend the field"
        ) from None


def may_be_taken_for_bearer(token_type: str) -> bool:
    """Whether a type may be another word for Bearer: in no case one that means a key (RFC 9449), or no access token at
    all (RFC 8693, 2.2.1)."""
    return _TOKEN_TYPE.fullmatch(token_type) is not None and token_type.lower() not in _NEVER_BEARER


def _token_type(text: str) -> str:
    if text and not may_be_taken_for_bearer(text):
        raise ValueError(f"response.tokenType {text[:64]!r} is no word for Bearer")
    return text


def _ca_bundle(text: str) -> CABundle | None:
    return CABundle(hashlib.sha256(text.encode(errors="surrogatepass")).digest(), text) if text else None
