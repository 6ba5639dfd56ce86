"""IntegrationToken: which token to keep current, and in which Secret."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from integration_token.api.condition import Reason
from integration_token.api.endpoint import EndpointKind, EndpointRef
from integration_token.api.names import RENEW_ANNOTATION
from integration_token.api.size import fits
from integration_token.api.value import parse_duration, parse_time
from integration_token.errors import UserActionRequired

DEFAULT_RENEW_BEFORE_PERCENTAGE = 20
"""Of 24 h that is almost 5 h: several polls before the last hour, in which the real endpoint rolls over."""

DEFAULT_RENEW_BEFORE = 240.0
"""Minimum of the default window in seconds, limited to half of the lifetime: the kubelet needs 90 s to bring a changed
Secret into a mounted file, and there should be time for an outage or two."""

MAX_CONSUMER_DELAY = 600.0
"""Seconds: no known library keeps a token for longer than a minute, and a program that reads its file only once needs a
restart."""

DEFAULT_TYPE: Final = "Opaque"
"""The type of target Secrets: the one for which the API server requires no keys."""

MAX_RENEW_REQUEST: Final = 256
"""Characters of a renewal request that are kept unchanged: the annotation may have 256 KiB."""

PRIVATE_KEY_KEY: Final = "tls.key"
CERTIFICATE_KEY: Final = "tls.crt"
"""The keys of a Secret of type kubernetes.io/tls, such as cert-manager's."""

CLIENT_ID: Final = "client_id"
CLIENT_SECRET: Final = "client_secret"
PRIVATE_KEY: Final = "private_key"
CERTIFICATE: Final = "certificate"
"""The names of the credentials. The first two are also the default keys of the Secret, and all are the default members
of a JSON object: service account files use the third name."""

_EPOCH = "1970-01-01T00:00:00Z"
"""The creation time of an object that no API server has stored."""

_SMALL = 5350
"""The largest IntegrationToken that is kept in memory until its first pass, in bytes."""


class DeletionPolicy(StrEnum):
    """What happens to the target Secret when its IntegrationToken is deleted or names another target."""

    DELETE = "Delete"
    RETAIN = "Retain"


class MountRefresh(StrEnum):
    """Whether a renewal is propagated at once to the files of the pods that mount the target."""

    AUTO = "Auto"
    """If the kubelet might be too late."""
    ALWAYS = "Always"
    NEVER = "Never"


@dataclass(frozen=True, slots=True)
class RenewBefore:
    """How long before expiry polling begins: a share of the full lifetime, or seconds; exactly one is set."""

    share: float | None
    seconds: float | None
    least: float = 0.0
    """Minimum in seconds."""


@dataclass(frozen=True, slots=True)
class Template:
    """The type of the target Secret, and its additional content."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    data: Mapping[str, str]
    type: str = DEFAULT_TYPE
    """The Secret's type."""


@dataclass(frozen=True, slots=True)
class Integration:
    """An IntegrationToken as specified, with its status when it was read."""

    namespace: str
    name: str
    uid: str
    generation: int
    resource_version: str
    created: float
    """Seconds since the epoch by the API server's clock, rounded down."""
    renew_request: str
    """The value of the annotation that requests a poll; empty without it."""
    endpoint: EndpointRef
    credentials: str
    """The name of the credentials Secret; empty if there is none."""
    client_id_key: str
    client_secret_key: str
    private_key_key: str
    certificate_key: str
    """Empty if the spec names none."""
    json_key: str
    """The key whose value is a JSON object with all of them; empty if each has its own key."""
    client_id: str
    """Empty if it is in the credentials Secret or not needed."""
    service_account: str
    """The name of the ServiceAccount whose token is sent; empty if there is none."""
    audience: str
    scopes: tuple[str, ...]
    target: str
    deletion_policy: DeletionPolicy
    template: Template
    renew_before: RenewBefore
    consumer_delay: float
    """Seconds for which consumers may keep using an old token after their file has a new one."""
    mount_refresh: MountRefresh
    suspend: bool
    status: Mapping[str, Any] = field(repr=False)

    def credentials_key(self, name: str) -> str:
        """The key of the credentials Secret for the value of this name; by default the name itself."""
        keys = {
            CLIENT_ID: self.client_id_key,
            CLIENT_SECRET: self.client_secret_key,
            PRIVATE_KEY: self.private_key_key,
            CERTIFICATE: self.certificate_key or (CERTIFICATE if self.json_key else CERTIFICATE_KEY),
        }
        return keys.get(name, name)

    @property
    def small(self) -> bool:
        """Whether it is small enough to be kept in memory as a whole."""
        template = self.template
        values = (
            self.endpoint.name,
            self.credentials,
            self.client_id_key,
            self.client_secret_key,
            self.private_key_key,
            self.certificate_key,
            self.json_key,
            self.client_id,
            self.service_account,
            self.audience,
            self.scopes,
            self.target,
            self.renew_request,
            template.labels,
            template.annotations,
            template.data,
            template.type,
            self.status,
        )
        return fits(values, _SMALL)


def renew_request(body: Mapping[str, Any]) -> str:
    """The last request for a poll by annotation; empty if there was none."""
    return shortened(str((body["metadata"].get("annotations") or {}).get(RENEW_ANNOTATION, "")))


def shortened(wish: str) -> str:
    """The renewal request as it is kept, compared and written to the status. A long one is replaced by its SHA-256,
    since it only matters whether it changed."""
    if len(wish) <= MAX_RENEW_REQUEST:
        return wish
    return f"sha256:{hashlib.sha256(wish.encode(errors='surrogatepass')).hexdigest()}"


def is_going(body: Mapping[str, Any]) -> bool:
    """Whether the object is being deleted and only waits for its dependents or a finalizer."""
    return bool(body["metadata"].get("deletionTimestamp"))


def parse_integration(body: Mapping[str, Any]) -> Integration:
    """Reads an IntegrationToken from the API's JSON.

    :raises UserActionRequired: if a field cannot be used.
    """
    metadata, spec = body["metadata"], body.get("spec") or {}
    try:
        endpoint, credentials = spec["endpointRef"], spec.get("credentialsSecretRef") or {}
        target = spec.get("target") or {}
        kind = EndpointKind(endpoint.get("kind") or EndpointKind.NAMESPACED)
        return Integration(
            namespace=metadata["namespace"],
            name=metadata["name"],
            uid=metadata["uid"],
            generation=int(metadata.get("generation", 1)),
            resource_version=str(metadata.get("resourceVersion", "")),
            created=parse_time(str(metadata.get("creationTimestamp") or _EPOCH)),
            renew_request=renew_request(body),
            endpoint=EndpointRef(kind, "" if kind.is_cluster_scoped else metadata["namespace"], endpoint["name"]),
            credentials=_name(spec, "credentialsSecretRef", other="serviceAccountRef"),
            client_id_key=credentials.get("clientIDKey") or CLIENT_ID,
            client_secret_key=credentials.get("clientSecretKey") or CLIENT_SECRET,
            private_key_key=credentials.get("privateKeyKey")
            or (PRIVATE_KEY if credentials.get("jsonKey") else PRIVATE_KEY_KEY),
            certificate_key=credentials.get("certificateKey") or "",
            json_key=credentials.get("jsonKey") or "",
            client_id=str(spec.get("clientID") or ""),
            service_account=_name(spec, "serviceAccountRef", other="credentialsSecretRef"),
            audience=str(spec.get("audience") or ""),
            scopes=tuple(spec.get("scopes") or ()),
            target=target.get("name") or metadata["name"],
            deletion_policy=DeletionPolicy(target.get("deletionPolicy") or DeletionPolicy.DELETE),
            template=_template(target.get("template") or {}),
            renew_before=_renew_before(spec),
            consumer_delay=_consumer_delay(spec),
            mount_refresh=MountRefresh(spec.get("mountRefresh") or MountRefresh.AUTO),
            suspend=bool(spec.get("suspend", False)),
            status=body.get("status") or {},
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UserActionRequired(Reason.INVALID_SPEC, f"spec: {error}; fix this field") from None


def _name(spec: Mapping[str, Any], field: str, *, other: str) -> str:
    """The name in a reference, or empty if only the other reference is set."""
    if spec.get(field) is not None:
        return str(spec[field]["name"])
    if spec.get(other) is None:
        raise ValueError(f"neither {field} nor {other} is set")
    return ""


def _template(template: Mapping[str, Any]) -> Template:
    metadata = template.get("metadata") or {}
    return Template(
        labels=metadata.get("labels") or {},
        annotations=metadata.get("annotations") or {},
        data=template.get("data") or {},
        type=str(template.get("type") or DEFAULT_TYPE),
    )


def _renew_before(spec: Mapping[str, Any]) -> RenewBefore:
    if spec.get("renewBefore"):
        return RenewBefore(share=None, seconds=parse_duration(spec["renewBefore"]))
    if spec.get("renewBeforePercentage"):
        return RenewBefore(share=int(spec["renewBeforePercentage"]) / 100, seconds=None)
    least = DEFAULT_RENEW_BEFORE + _consumer_delay(spec)
    return RenewBefore(DEFAULT_RENEW_BEFORE_PERCENTAGE / 100, seconds=None, least=least)


def _consumer_delay(spec: Mapping[str, Any]) -> float:
    told = spec.get("consumerDelay") or "0s"
    seconds = parse_duration(told)
    if not 0.0 <= seconds <= MAX_CONSUMER_DELAY:
        raise ValueError(f"consumerDelay of {str(told)[:64]!r} is not a duration from 0s to 10m")
    return seconds
