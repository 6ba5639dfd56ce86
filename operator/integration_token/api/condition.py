"""Condition types and their reasons: what `kubectl describe` shows, and what users' alerts are keyed by."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from functools import lru_cache
from typing import Any, NamedTuple


class ConditionType(StrEnum):
    """The types, in the order in which they are written."""

    READY = "Ready"
    """True exactly while the target Secret holds an unexpired token of the grant as now specified."""
    REFRESHED = "Refreshed"
    """True while the last request to the token endpoint succeeded; False says why a refresh fails."""
    STALLED = "Stalled"
    """True where no token is held, or an endpoint cannot be used, and only a change by a person helps: whoever waits
    for the resource may give up at once. Never for what may still arrive."""
    ROLLOVER_TOO_LATE = "RolloverTooLate"
    """True where the endpoint has been seen to answer with a new token so late that a mounted file may hold an expired
    one; Unknown until a rollover has been seen."""


class Trait(Enum):
    """What else there is to know of a reason."""

    WAIT = auto()
    """No failure: a token is not refreshed all the same."""
    SHOWN_BY_REQUEST = auto()
    """Only the next request can show that it is over, be it after a restart."""
    NOT_OURS = auto()
    """Even a good token in the target is none of the resource's own."""
    UNWATCHED = auto()
    """No watch tells that it is over: ServiceAccounts, and Secrets without our labels, are not watched."""
    STALLS = auto()
    """An IntegrationToken that holds no token for it is Stalled. Helm and Flux give up on that at once, so it is never
    for what may still arrive: they create a Secret, then an IntegrationToken, then its endpoint; others bring Secrets,
    their labels and their keys, permissions and authorities seconds or minutes later."""
    STALLS_ENDPOINT = auto()
    """An endpoint that cannot be used for it is Stalled: its own spec is at fault. Those that refer to it are not: it
    may be mended by the very release that they are waited for in."""
    MAY_ARRIVE = auto()
    """What a resource refers to is not there, or not complete, or not granted: right after the resource's creation it
    may just be on its way, and nobody is warned yet."""
    FIXED_MESSAGE = auto()
    """The message tells no more than the reason, or what it was at first."""


class Reason(StrEnum):
    """Why a condition has its status; after the value its traits, by which the other rooms treat it."""

    traits: frozenset[Trait]

    def __new__(cls, value: str, *traits: Trait) -> "Reason":
        """A reason with these traits."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.traits = frozenset(traits)
        return member

    # Good.
    TOKEN_VALID = "TokenValid"
    """The target Secret holds a valid token."""
    REFRESHED = "Refreshed"
    """The last request was answered with a usable token, new or the same."""
    SCOPES_REDUCED = "ScopesReduced", Trait.FIXED_MESSAGE
    """The last new token has fewer scopes than the one before: the integration's permissions were changed."""
    PROGRESSING = "Progressing"
    """Nothing stands in the way."""
    VALID = "Valid"
    """An endpoint's spec can be used."""

    # The rollover.
    ROLLOVER_TOO_LATE = "RolloverTooLate"
    """The old token was answered less than 4 min and spec.consumerDelay before its expiry."""
    ROLLOVER_IN_TIME = "RolloverInTime"
    """New tokens are answered 4 min and spec.consumerDelay, or more, before the old ones expire; where these live less
    than twice as long, as soon as half of that is over."""
    LIFETIME_TOO_SHORT = "LifetimeTooShort"
    """Nothing is late, but tokens live less than 3 min: a mounted file may follow too late whenever a new one comes."""
    CONSUMER_DELAY_TOO_LONG = "ConsumerDelayTooLong"
    """Nothing is late, but spec.consumerDelay is more than half of what tokens live less 90 s: consumers may still go
    on with the old token when it expires, whenever a new one comes."""
    ROLLOVER_UNKNOWN = "RolloverUnknown"
    """Too few rollovers have been seen to tell."""

    # Waiting.
    TOKEN_EXPIRED = "TokenExpired", Trait.FIXED_MESSAGE
    """The token in the target Secret has expired and the endpoint has not answered with a better one yet."""
    SUSPENDED = "Suspended", Trait.WAIT, Trait.FIXED_MESSAGE
    """spec.suspend is true: nothing is asked for and nothing is written."""
    RATE_LIMITED = "RateLimited", Trait.WAIT
    """The request waits for the endpoint's rate limit, for the operator's own, for others that are not answered yet, or
    as the endpoint asked to be left alone. The message says which."""

    # The spec, which stalls, and what it refers to, which may still come or be mended there.
    INVALID_SPEC = "InvalidSpec", Trait.STALLS, Trait.STALLS_ENDPOINT
    """A field has a value that the operator cannot use: of the resource, which stalls it, or of its endpoint, which
    stalls that alone."""
    ENDPOINT_NOT_FOUND = "EndpointNotFound", Trait.MAY_ARRIVE
    """spec.endpointRef names an endpoint that does not exist, or one of a kind that this installation doesn't serve."""
    NOT_ALLOWED = "NotAllowed", Trait.NOT_OURS, Trait.MAY_ARRIVE
    """The ClusterTokenEndpoint's namespaceSelector does not select this namespace."""
    INSECURE_URL = "InsecureURL", Trait.STALLS_ENDPOINT
    """The token URL is http, which would show the client secret to the network."""
    INVALID_CA_BUNDLE = "InvalidCABundle", Trait.STALLS_ENDPOINT
    """spec.caBundle, or the ConfigMap that spec.caBundleRef names, holds no PEM certificate that can be read."""
    CA_BUNDLE_NOT_FOUND = "CABundleNotFound", Trait.MAY_ARRIVE
    """The ConfigMap that spec.caBundleRef names doesn't exist, lacks the key, or may not be read."""
    HOST_NOT_ALLOWED = "HostNotAllowed", Trait.STALLS_ENDPOINT, Trait.UNWATCHED, Trait.MAY_ARRIVE
    """The token URL's host is not on the list of hosts of the installation, of the credentials Secret or of the
    ServiceAccount. The latter two's may come with their next version; the installation's is set as the operator
    starts."""
    ADDRESS_NOT_ALLOWED = "AddressNotAllowed", Trait.SHOWN_BY_REQUEST
    """The host has an address to which credentials are never sent: by what the name server answers now."""
    CREDENTIALS_NOT_FOUND = "CredentialsNotFound", Trait.UNWATCHED, Trait.MAY_ARRIVE
    """The credentials Secret does not exist."""
    CREDENTIALS_NOT_LABELLED = "CredentialsNotLabelled", Trait.NOT_OURS, Trait.MAY_ARRIVE
    """The credentials Secret lacks the label by which its owner consents to its use."""
    CREDENTIALS_INVALID = "CredentialsInvalid", Trait.SHOWN_BY_REQUEST, Trait.MAY_ARRIVE
    """A key of the credentials Secret is missing, empty, not UTF-8, or has a line break in it: whoever writes it may
    not be done yet."""
    SERVICE_ACCOUNT_NOT_FOUND = "ServiceAccountNotFound", Trait.UNWATCHED, Trait.MAY_ARRIVE
    """The ServiceAccount does not exist."""
    SERVICE_ACCOUNT_NOT_LABELLED = "ServiceAccountNotLabelled", Trait.NOT_OURS, Trait.UNWATCHED, Trait.MAY_ARRIVE
    """The ServiceAccount lacks the label by which its owner consents to its use."""
    AUDIENCE_NOT_ALLOWED = "AudienceNotAllowed", Trait.UNWATCHED, Trait.MAY_ARRIVE
    """The ServiceAccount's token would be for an audience that its owner does not list, or for the API server, where
    it would be an identity in the cluster."""
    SERVICE_ACCOUNT_TOKEN_REFUSED = "ServiceAccountTokenRefused", Trait.UNWATCHED, Trait.MAY_ARRIVE
    """The API server gives the operator no token of the ServiceAccount, or not the one that was asked for: most often
    the chart's value `serviceAccounts` does not name the account."""

    # The endpoint's answer: a refusal stalls, a fault may pass.
    INVALID_CLIENT = "InvalidClient", Trait.SHOWN_BY_REQUEST, Trait.STALLS
    """The endpoint does not know the client or its secret (RFC 6749, 5.2)."""
    ACCESS_DENIED = "AccessDenied", Trait.SHOWN_BY_REQUEST, Trait.STALLS
    """The endpoint refuses this client the audience or the grant."""
    UNAUTHORIZED_CLIENT = "UnauthorizedClient", Trait.SHOWN_BY_REQUEST, Trait.STALLS
    """The client may not use the client credentials grant (RFC 6749, 5.2)."""
    INVALID_SCOPE = "InvalidScope", Trait.SHOWN_BY_REQUEST, Trait.STALLS
    """The endpoint refuses the scopes asked for (RFC 6749, 5.2)."""
    REQUEST_REJECTED = "RequestRejected", Trait.SHOWN_BY_REQUEST, Trait.STALLS
    """The endpoint answered with another client error."""
    ENDPOINT_UNREACHABLE = "EndpointUnreachable", Trait.SHOWN_BY_REQUEST
    """The name does not resolve, or no connection comes about."""
    TLS_FAILED = "TLSFailed", Trait.SHOWN_BY_REQUEST
    """The endpoint's certificate is not trusted, or TLS fails otherwise."""
    TIMEOUT = "Timeout", Trait.SHOWN_BY_REQUEST
    """The endpoint did not answer within spec.timeout."""
    ENDPOINT_ERROR = "EndpointError", Trait.SHOWN_BY_REQUEST
    """The endpoint answered with a server error."""
    INVALID_RESPONSE = "InvalidResponse", Trait.SHOWN_BY_REQUEST
    """The endpoint's answer holds no usable token."""

    # The cluster: permissions, quotas and other controllers' peace may come, a Secret of that name goes by hand alone.
    FORBIDDEN = "Forbidden", Trait.MAY_ARRIVE
    """The API server refuses the operator a call that it needs."""
    SECRET_NOT_OWNED = "SecretNotOwned", Trait.NOT_OURS, Trait.UNWATCHED, Trait.STALLS
    """The target's name is taken by a Secret that is not ours."""
    TARGET_CONTESTED = "TargetContested"
    """Somebody else keeps deleting or changing the target Secret, which is left alone for a while."""
    WRITE_FAILED = "WriteFailed"
    """The API server refused the target Secret."""


def has_trait(reason: object, trait: Trait) -> bool:
    """Whether a reason, as it stands in a condition, has the trait; one that another version wrote has none."""
    return reason in _BY_VALUE and trait in _BY_VALUE[str(reason)].traits


_BY_VALUE = {str(reason): reason for reason in Reason}


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition, without the time of its last transition, which depends on what stood there before."""

    type: ConditionType
    status: bool | None
    """None for Unknown."""
    reason: Reason
    message: str


def with_transition_times(
    conditions: Iterable[Condition], before: Iterable[Mapping[str, Any]], generation: int, now: str
) -> list[Any]:
    """The conditions as they stand in status: `now` (RFC 3339) is the transition time of each that changed its
    status."""
    known = {str(condition.get("type")): condition for condition in before}
    result = []
    for condition in conditions:
        status = {True: "True", False: "False", None: "Unknown"}[condition.status]
        old = known.get(condition.type, {})
        kept = old.get("lastTransitionTime") if old.get("status") == status else None
        result.append(
            {
                "type": str(condition.type),
                "status": status,
                "reason": str(condition.reason),
                "message": condition.message,
                "observedGeneration": generation,
                "lastTransitionTime": kept or now,
            }
        )
    return result


def condition_of(status: Mapping[str, Any], kind: ConditionType) -> Mapping[str, Any]:
    """A condition of a status, empty where there is none."""
    for condition in status.get("conditions") or ():
        if condition.get("type") == kind:
            found: Mapping[str, Any] = condition
            return found
    return {}


class ToldCondition(NamedTuple):
    """A condition as it stands in a status, without its message and times."""

    type: str
    status: str
    reason: str


Told = tuple[ToldCondition, ...]
"""What a status tells by its conditions; empty before it told any."""


@lru_cache(maxsize=1024)
def _shared(told: Told) -> Told:
    """One for all that are equal: there are few, and of resources there may be ten thousand."""
    return told


def told_by(conditions: Iterable[Mapping[str, Any]]) -> Told:
    """The conditions of a status as :func:`with_transition_times` made them."""
    return _shared(tuple(ToldCondition(each["type"], each["status"], each["reason"]) for each in conditions))
