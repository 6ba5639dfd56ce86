"""TokenEndpoint and ClusterTokenEndpoint: where tokens come from, and how to request them."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from integration_token.api.condition import Reason
from integration_token.api.grant import (
    CLIENT_CREDENTIALS,
    Assertion,
    TokenExchange,
    parse_assertion,
    parse_token_exchange,
)
from integration_token.api.header import MAX_HEADER, check_names
from integration_token.api.header import fits as fits_header
from integration_token.api.pointer import check_pointer
from integration_token.api.size import fits
from integration_token.api.value import parse_duration
from integration_token.errors import UserActionRequired

_SMALL = 6144
"""The largest endpoint that is kept in memory, in bytes: an ordinary one, with its status and a private authority,
takes 5,600."""


_TOKEN_TYPE = re.compile(r"[!-~]([ -~]{0,62}[!-~])?")
_NEVER_BEARER = frozenset({"dpop", "mac", "n_a"})

_SET_BY_OPERATOR = frozenset(
    {
        *("grant_type", "client_id", "client_secret", "audience", "scope"),
        *("client_assertion", "client_assertion_type"),
    }
)
_SET_BY_GRANT = {
    "TokenExchange": frozenset({"subject_token", "subject_token_type", "requested_token_type"}),
    "JWTBearer": frozenset({"assertion"}),
}
"""Fields of the body that no parameter may replace."""


class EndpointKind(StrEnum):
    """The two kinds. Only the namespaced one is treated as if a stranger had written it."""

    NAMESPACED = "TokenEndpoint"
    CLUSTER = "ClusterTokenEndpoint"

    @property
    def is_cluster_scoped(self) -> bool:
        """Whether resources of several namespaces may refer to one."""
        return self is EndpointKind.CLUSTER

    @property
    def is_trusted(self) -> bool:
        """Whether only the cluster's administrator can write it: it may then name hosts in private networks."""
        return self is EndpointKind.CLUSTER

    @property
    def selects_namespaces(self) -> bool:
        """Whether its spec selects the namespaces that may refer to it."""
        return self is EndpointKind.CLUSTER


class RequestEncoding(StrEnum):
    """How the body of the token request is encoded."""

    JSON = "JSON"
    FORM = "Form"


class BasicEncoding(StrEnum):
    """How the client ID and the client secret are encoded before they become HTTP Basic."""

    FORM = "Form"
    """As in RFC 6749, 2.3.1."""
    NONE = "None"
    """For servers that do not decode them."""


@dataclass(frozen=True, slots=True)
class EndpointRef:
    """A reference to an endpoint: `namespace` is empty for the cluster kind."""

    kind: EndpointKind
    namespace: str
    name: str

    @property
    def title(self) -> str:
        """Kind and name, as in messages."""
        return f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class CABundle:
    """The authorities that an endpoint's certificate is checked against."""

    digest: bytes
    """SHA-256 of the text."""
    text: str | None = field(repr=False)
    """PEM; None if it is too long to keep, and must be read again when needed."""


@dataclass(frozen=True, slots=True)
class ConfigMapKey:
    """The location of a CA bundle: a key of a ConfigMap in the operator's own namespace."""

    name: str
    key: str

    @property
    def title(self) -> str:
        """Key and name, as in messages."""
        return f"key {self.key} of ConfigMap {self.name}"


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
    """The name of a client authentication method, which may not exist."""
    basic_encoding: BasicEncoding
    grant: str
    """The name of a grant type, which may not exist."""
    assertion: Assertion
    token_exchange: TokenExchange
    parameters: tuple[tuple[str, str | tuple[str, ...]], ...]
    """Additional fields of the body; one with several values is repeated."""
    headers: tuple[tuple[str, str], ...]
    """Additional headers; their values are not secret."""
    headers_from: tuple[tuple[str, str], ...]
    """Additional headers, each with the key of the credentials Secret that its value is read from."""
    access_token_pointer: str
    """Where the response holds the token (RFC 6901); if empty, as in RFC 6749."""
    expires_in_pointer: str
    """Where it holds the lifetime."""
    token_type: str
    """The endpoint's additional name for a Bearer token; empty if it has none."""
    ca_bundle: CABundle | None
    """None for the system's roots, and until the ConfigMap that `ca_bundle_ref` names has been read."""
    ca_bundle_ref: ConfigMapKey | None
    """Where the CA bundle is read from; None if the spec contains it, or has none."""
    timeout: float
    default_lifetime: float
    """Assumed if a response states no expiry."""
    maximum_lifetime: float | None
    """The longest lifetime that is believed; None if there is no limit."""
    rollover_lead: float | None
    """The known lead; None if it must be learned."""
    requests_per_minute: int
    namespace_selector: Mapping[str, Any]
    status: Mapping[str, Any] = field(repr=False)

    @property
    def kept(self) -> "Endpoint | None":
        """The part that may be kept in memory: everything if it is small, without the authorities if they are long,
        else nothing."""
        ref = self.ca_bundle_ref
        place = () if ref is None else (ref.name, ref.key)
        assertion, exchange = self.assertion, self.token_exchange
        values = (
            *(self.token_url, self.audience, self.authentication, self.grant, self.token_type, *place),
            *(assertion.audience, assertion.signing_algorithm, assertion.key_id, assertion.subject, assertion.claims),
            *(exchange.subject_token_type, exchange.requested_token_type),
            *(self.parameters, self.headers, self.headers_from, self.access_token_pointer, self.expires_in_pointer),
            *(self.namespace_selector, self.status),
        )
        if not fits(values, _SMALL):
            return None
        if self.ca_bundle is None or fits((*values, self.ca_bundle.text), _SMALL):
            return self
        return replace(self, ca_bundle=CABundle(self.ca_bundle.digest, None))


def parse_endpoint(kind: EndpointKind, body: Mapping[str, Any]) -> Endpoint:
    """Reads an endpoint from the API's JSON.

    The CRD's schema has already validated it, but an object stored under an older schema may not fit the current one.

    :raises UserActionRequired: if a field cannot be used.
    """
    metadata, spec = body["metadata"], body.get("spec") or {}
    try:
        response = spec.get("response") or {}
        headers, headers_from = _headers(spec)
        return Endpoint(
            ref=EndpointRef(kind, metadata.get("namespace") or "", metadata["name"]),
            uid=metadata["uid"],
            generation=int(metadata.get("generation", 1)),
            resource_version=str(metadata.get("resourceVersion", "")),
            token_url=str(spec["tokenURL"]),
            audience=str(spec.get("audience") or ""),
            encoding=RequestEncoding(spec.get("requestEncoding") or RequestEncoding.JSON),
            authentication=str(spec.get("clientAuthenticationMethod") or "ClientSecretPost"),
            basic_encoding=BasicEncoding(spec.get("basicEncoding") or BasicEncoding.FORM),
            grant=str(spec.get("grant") or CLIENT_CREDENTIALS),
            assertion=parse_assertion(spec.get("assertion") or {}),
            token_exchange=parse_token_exchange(spec.get("tokenExchange") or {}),
            parameters=_parameters(spec),
            headers=headers,
            headers_from=headers_from,
            access_token_pointer=_pointer(response, "accessTokenPointer"),
            expires_in_pointer=_pointer(response, "expiresInPointer"),
            token_type=_token_type(str(response.get("tokenType") or "")),
            ca_bundle=_ca_bundle(str(spec.get("caBundle") or "")),
            ca_bundle_ref=_ca_bundle_ref(kind, spec),
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
            Reason.INVALID_SPEC, f"spec of {kind} {metadata.get('name')}: {error}; fix this field"
        ) from None


def may_be_taken_for_bearer(token_type: str) -> bool:
    """Whether a type may be another name for Bearer. A type that requires a key (RFC 9449), or means no access token at
    all (RFC 8693, 2.2.1), never is."""
    return _TOKEN_TYPE.fullmatch(token_type) is not None and token_type.lower() not in _NEVER_BEARER


def _token_type(text: str) -> str:
    if text and not may_be_taken_for_bearer(text):
        raise ValueError(f"response.tokenType {text[:64]!r} cannot be another name for Bearer")
    return text


def _parameters(spec: Mapping[str, Any]) -> tuple[tuple[str, str | tuple[str, ...]], ...]:
    single, repeated = spec.get("parameters") or {}, spec.get("repeatedParameters") or {}
    fields = {name: str(value) for name, value in single.items()}
    lists = {name: tuple(map(str, values)) for name, values in repeated.items()}
    for name in (*fields, *lists):
        if name in _SET_BY_OPERATOR | _SET_BY_GRANT.get(str(spec.get("grant")), frozenset()):
            raise ValueError(f"parameter {name} is set by the operator and cannot be replaced")
        if name in fields and name in lists:
            raise ValueError(f"parameter {name[:64]} is in both parameters and repeatedParameters")
    return tuple(sorted((fields | lists).items()))


def _headers(spec: Mapping[str, Any]) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]:
    """Headers with values in the spec, and headers with values read from a key."""
    headers, headers_from = spec.get("headers") or {}, spec.get("headersFrom") or {}
    check_names((*headers, *headers_from))
    for name, value in headers.items():
        if len(value) > MAX_HEADER or not fits_header(value):
            raise ValueError(f"header {name} is not printable ASCII of at most {MAX_HEADER} characters")
    return tuple(sorted(headers.items())), tuple(sorted(headers_from.items()))


def _pointer(response: Mapping[str, Any], name: str) -> str:
    text = str(response.get(name) or "")
    try:
        check_pointer(text)
    except ValueError as error:
        raise ValueError(f"response.{name} {error}") from None
    return text


def _ca_bundle(text: str) -> CABundle | None:
    return CABundle(hashlib.sha256(text.encode(errors="surrogatepass")).digest(), text) if text else None


def _ca_bundle_ref(kind: EndpointKind, spec: Mapping[str, Any]) -> ConfigMapKey | None:
    ref = spec.get("caBundleRef")
    if not ref:
        return None
    if not kind.is_cluster_scoped:
        raise ValueError(f"caBundleRef may only be set in a {EndpointKind.CLUSTER}")
    if spec.get("caBundle"):
        raise ValueError("caBundle and caBundleRef are mutually exclusive")
    return ConfigMapKey(str(ref["name"]), str(ref.get("key") or "ca.crt"))
