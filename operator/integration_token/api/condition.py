"""Condition types and their reasons: `kubectl describe` shows them, and users' alerts match on them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from functools import lru_cache
from typing import Any, NamedTuple


class ConditionType(StrEnum):
    """The types, in the order in which they are written."""

    READY = "Ready"
    """True if and only if the target Secret holds an unexpired token of the grant as currently specified."""
    REFRESHED = "Refreshed"
    """True while the last request to the token endpoint succeeded; if False, it says why the refresh fails."""
    STALLED = "Stalled"
    """True if there is no token, or an endpoint cannot be used, and only a change by a person helps: tools that wait
    for the resource may give up at once. Never True for something that may still arrive."""
    ROLLOVER_TOO_LATE = "RolloverTooLate"
    """True if the endpoint has been seen to issue a new token so late that a mounted file may hold an expired one;
    Unknown until a rollover has been seen."""


class Trait(Enum):
    """A property of a reason that other rooms act on."""

    WAIT = auto()
    """Not a failure, though the token is not refreshed."""
    SHOWN_BY_REQUEST = auto()
    """Only the next request can show that the problem is over, even after a restart."""
    NOT_OURS = auto()
    """Even a valid token in the target does not belong to the resource."""
    UNWATCHED = auto()
    """No watch event shows that the problem is over: ServiceAccounts, and Secrets without our labels, are not
    watched."""
    STALLS = auto()
    """An IntegrationToken without a token is Stalled for this reason. Helm and Flux give up on Stalled at once, so it
    must never be set for something that may still arrive: they create a Secret, then an IntegrationToken, then its
    endpoint. Others add Secrets, their labels and keys, permissions and authorities seconds or minutes later."""
    STALLS_ENDPOINT = auto()
    """An endpoint that cannot be used for this reason is Stalled: its own spec is invalid. Resources that refer to it
    are not: the release that waits for them may be the one that fixes the endpoint."""
    MAY_ARRIVE = auto()
    """An object that the resource refers to is missing, incomplete or not granted. Right after the resource's creation
    it may be about to arrive, so no warning is issued yet."""
    FIXED_MESSAGE = auto()
    """The message adds no facts to the reason, or keeps those that it had at first."""


class Reason(StrEnum):
    """Why a condition has its status. The traits after the value decide how other rooms treat the reason."""

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
    """The last request returned a usable token, new or the same."""
    SCOPES_REDUCED = "ScopesReduced", Trait.FIXED_MESSAGE
    """The last new token has fewer scopes than the one before: the client's permissions were changed."""
    PROGRESSING = "Progressing"
    """Nothing prevents progress."""
    VALID = "Valid"
    """An endpoint's spec can be used."""

    # The rollover.
    ROLLOVER_TOO_LATE = "RolloverTooLate"
    """The endpoint returned the old token less than 4 min and spec.consumerDelay before its expiry."""
    ROLLOVER_IN_TIME = "RolloverInTime"
    """New tokens are issued at least 4 min and spec.consumerDelay before the old ones expire, or, if tokens live less
    than twice as long, once half of their lifetime is over."""
    LIFETIME_TOO_SHORT = "LifetimeTooShort"
    """Nothing is late, but tokens live less than 3 min: a mounted file may follow too late, whenever a new token is
    issued."""
    CONSUMER_DELAY_TOO_LONG = "ConsumerDelayTooLong"
    """Nothing is late, but spec.consumerDelay exceeds half of the tokens' lifetime less 90 s: consumers may still use
    the old token when it expires, whenever a new one is issued."""
    ROLLOVER_UNKNOWN = "RolloverUnknown"
    """Too few rollovers have been seen."""

    # Waiting.
    TOKEN_EXPIRED = "TokenExpired", Trait.FIXED_MESSAGE
    """The token in the target Secret has expired, and the endpoint has not returned a better one yet."""
    SUSPENDED = "Suspended", Trait.WAIT, Trait.FIXED_MESSAGE
    """spec.suspend is true: no token is requested and nothing is written."""
    RATE_LIMITED = "RateLimited", Trait.WAIT
    """The request waits for the endpoint's rate limit, the operator's own limit, other unanswered requests, or the end
    of a pause that the endpoint asked for. The message says which."""

    # The spec, which stalls, and the objects it refers to, which may still arrive or be fixed.
    INVALID_SPEC = "InvalidSpec", Trait.STALLS, Trait.STALLS_ENDPOINT
    """A field has a value that the operator cannot use. In the resource it stalls the resource; in its endpoint it
    stalls only the endpoint."""
    ENDPOINT_NOT_FOUND = "EndpointNotFound", Trait.MAY_ARRIVE
    """spec.endpointRef names an endpoint that does not exist, or a kind that this installation does not serve."""
    NOT_ALLOWED = "NotAllowed", Trait.NOT_OURS, Trait.MAY_ARRIVE
    """The ClusterTokenEndpoint's namespaceSelector does not select this namespace."""
    INSECURE_URL = "InsecureURL", Trait.STALLS_ENDPOINT
    """The token URL is http, which would send the client secret unencrypted."""
    INVALID_CA_BUNDLE = "InvalidCABundle", Trait.STALLS_ENDPOINT
    """spec.caBundle, or the ConfigMap that spec.caBundleRef names, contains no valid PEM certificate."""
    CA_BUNDLE_NOT_FOUND = "CABundleNotFound", Trait.MAY_ARRIVE
    """The ConfigMap that spec.caBundleRef names does not exist, lacks the key, or cannot be read."""
    HOST_NOT_ALLOWED = "HostNotAllowed", Trait.STALLS_ENDPOINT, Trait.UNWATCHED, Trait.MAY_ARRIVE
    """The token URL's host is not in the list of allowed hosts of the installation, the credentials Secret or the
    ServiceAccount. The lists of the latter two may change with their next version; the installation's is read once at
    startup."""
    ADDRESS_NOT_ALLOWED = "AddressNotAllowed", Trait.SHOWN_BY_REQUEST
    """The host has an address to which credentials are never sent, according to the name server's current answer."""
    CREDENTIALS_NOT_FOUND = "CredentialsNotFound", Trait.UNWATCHED, Trait.MAY_ARRIVE
    """The credentials Secret does not exist."""
    CREDENTIALS_NOT_LABELLED = "CredentialsNotLabelled", Trait.NOT_OURS, Trait.MAY_ARRIVE
    """The credentials Secret lacks the label by which its owner consents to its use."""
    CREDENTIALS_INVALID = "CredentialsInvalid", Trait.SHOWN_BY_REQUEST, Trait.MAY_ARRIVE
    """A key of the credentials Secret is missing, empty, not UTF-8, or contains a line break: its author may not be
    done yet."""
    SERVICE_ACCOUNT_NOT_FOUND = "ServiceAccountNotFound", Trait.UNWATCHED, Trait.MAY_ARRIVE
    """The ServiceAccount does not exist."""
    SERVICE_ACCOUNT_NOT_LABELLED = "ServiceAccountNotLabelled", Trait.NOT_OURS, Trait.UNWATCHED, Trait.MAY_ARRIVE
    """The ServiceAccount lacks the label by which its owner consents to its use."""
    AUDIENCE_NOT_ALLOWED = "AudienceNotAllowed", Trait.UNWATCHED, Trait.MAY_ARRIVE
    """The ServiceAccount's token would be for an audience that its owner does not list, or for the API server, where it
    would be an identity in the cluster."""
    SERVICE_ACCOUNT_TOKEN_REFUSED = "ServiceAccountTokenRefused", Trait.UNWATCHED, Trait.MAY_ARRIVE
    """The API server issues no token of the ServiceAccount to the operator, or a different one than requested. Usually
    the chart's value `serviceAccounts` does not name the account."""

    # The endpoint's answer: a refusal stalls, a failure may be temporary.
    INVALID_CLIENT = "InvalidClient", Trait.SHOWN_BY_REQUEST, Trait.STALLS
    """The endpoint does not know the client or its secret (RFC 6749, 5.2)."""
    ACCESS_DENIED = "AccessDenied", Trait.SHOWN_BY_REQUEST, Trait.STALLS
    """The endpoint refuses this client's audience or grant."""
    UNAUTHORIZED_CLIENT = "UnauthorizedClient", Trait.SHOWN_BY_REQUEST, Trait.STALLS
    """The client may not use the client credentials grant (RFC 6749, 5.2)."""
    INVALID_SCOPE = "InvalidScope", Trait.SHOWN_BY_REQUEST, Trait.STALLS
    """The endpoint refuses the requested scopes (RFC 6749, 5.2)."""
    REQUEST_REJECTED = "RequestRejected", Trait.SHOWN_BY_REQUEST, Trait.STALLS
    """The endpoint answered with another client error."""
    ENDPOINT_UNREACHABLE = "EndpointUnreachable", Trait.SHOWN_BY_REQUEST
    """The name does not resolve, or the connection fails."""
    TLS_FAILED = "TLSFailed", Trait.SHOWN_BY_REQUEST
    """The endpoint's certificate is not trusted, or TLS fails otherwise."""
    TIMEOUT = "Timeout", Trait.SHOWN_BY_REQUEST
    """The endpoint did not answer within spec.timeout."""
    ENDPOINT_ERROR = "EndpointError", Trait.SHOWN_BY_REQUEST
    """The endpoint answered with a server error."""
    INVALID_RESPONSE = "InvalidResponse", Trait.SHOWN_BY_REQUEST
    """The endpoint's response contains no usable token."""

    # The cluster: permissions, quotas and a truce with other controllers may come; a Secret of the target's name goes
    # only by hand.
    FORBIDDEN = "Forbidden", Trait.MAY_ARRIVE
    """The API server refuses a call that the operator needs."""
    SECRET_NOT_OWNED = "SecretNotOwned", Trait.NOT_OURS, Trait.UNWATCHED, Trait.STALLS
    """A Secret that is not ours has the target's name."""
    TARGET_CONTESTED = "TargetContested"
    """Another controller or user keeps deleting or changing the target Secret, so it is left alone for a while."""
    WRITE_FAILED = "WriteFailed"
    """The API server refused the target Secret."""


def has_trait(reason: object, trait: Trait) -> bool:
    """Whether a reason in a condition has the trait. A reason written by another version has none."""
    return reason in _BY_VALUE and trait in _BY_VALUE[str(reason)].traits


_BY_VALUE = {str(reason): reason for reason in Reason}


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition, without its last transition time, which depends on the condition before."""

    type: ConditionType
    status: bool | None
    """None for Unknown."""
    reason: Reason
    message: str


def with_transition_times(
    conditions: Iterable[Condition], before: Iterable[Mapping[str, Any]], generation: int, now: str
) -> list[Any]:
    """The conditions as written to status: `now` (RFC 3339) is the transition time of each that changed its status."""
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
    """A condition of a status, empty if there is none."""
    for condition in status.get("conditions") or ():
        if condition.get("type") == kind:
            found: Mapping[str, Any] = condition
            return found
    return {}


class ToldCondition(NamedTuple):
    """A condition in a status, without its message and times."""

    type: str
    status: str
    reason: str


Told = tuple[ToldCondition, ...]
"""The conditions of a status; empty before any was written."""


@lru_cache(maxsize=1024)
def _shared(told: Told) -> Told:
    """One object for all that are equal: there are few different ones, but perhaps ten thousand resources."""
    return told


def told_by(conditions: Iterable[Mapping[str, Any]]) -> Told:
    """The conditions of a status as :func:`with_transition_times` made them."""
    return _shared(tuple(ToldCondition(each["type"], each["status"], each["reason"]) for each in conditions))
