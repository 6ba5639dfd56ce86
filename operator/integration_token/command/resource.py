"""An IntegrationToken's JSON, summarised for people. Pure."""

from collections.abc import Mapping
from typing import Any

from integration_token.api.condition import ConditionType, Reason, condition_of
from integration_token.api.value import parse_time
from integration_token.command.output import harmless, span

_LATE = 60.0
"""Seconds after which an expiry counts as past whatever the clocks' differences: the operator writes it to the status
at once."""

HEAD = ("NAMESPACE", "NAME", "READY", "STATUS", "EXPIRES", "RENEWS", "MESSAGE")


def summary(body: Mapping[str, Any], now: float) -> dict[str, Any]:
    """A summary for programs. Times are RFC 3339, None if unknown; `now` is in seconds since the epoch. Texts are cut:
    anyone who can write a status could fill the memory."""
    metadata, status = body["metadata"], body.get("status") or {}
    ready, refreshed = (condition_of(status, kind) for kind in (ConditionType.READY, ConditionType.REFRESHED))
    why = ready if refreshed.get("status") == "True" and ready.get("status") != "True" else refreshed
    return {
        "namespace": str(metadata["namespace"]),
        "name": str(metadata["name"]),
        "ready": ready.get("status") == "True",
        "reason": harmless(why.get("reason", "")),
        "message": harmless(why.get("message", "")),
        "suspended": (body.get("spec") or {}).get("suspend") is True,
        "observed": status.get("observedGeneration") == metadata.get("generation"),
        "expired": ready.get("status") == "True" and _has_expired(status, now),
        "expirationTime": _cut(status.get("expirationTime")),
        "renewalTime": _cut(status.get("renewalTime")),
        "secret": _cut(status.get("targetName")),
    }


def _cut(value: object) -> str | None:
    return harmless(value, 253) if value else None


def _has_expired(status: Mapping[str, Any], now: float) -> bool:
    """Whether the token has expired, although the status does not say so; an assumed expiry is no deadline."""
    if status.get("expirationAssumed") is True:
        return False
    try:
        return parse_time(str(status.get("expirationTime"))) < now - _LATE
    except ValueError:
        return False


def is_good(found: Mapping[str, Any]) -> bool:
    """Whether no attention is needed: there is a valid token, and refreshing it works or waits for its turn.

    :param found: a :func:`summary`.
    """
    return bool(found["ready"]) and not found["expired"] and found["reason"] in _GOOD


_GOOD = frozenset({Reason.REFRESHED, Reason.SCOPES_REDUCED, Reason.RATE_LIMITED, Reason.SUSPENDED})


def cells(found: Mapping[str, Any], now: float) -> tuple[str, ...]:
    """Its row under :data:`HEAD`."""
    return (
        found["namespace"],
        found["name"],
        str(found["ready"]),
        found["reason"] if found["observed"] else found["reason"] or "not seen by an operator yet",
        told(found["expirationTime"], now),
        told(found["renewalTime"], now),
        "has expired since; check that an operator is running" if found["expired"] else found["message"],
    )


def urgency(found: Mapping[str, Any]) -> tuple[bool, bool, str, str, str]:
    """The sort key: resources without a token first, then those whose refresh fails, then by expiry."""
    return (
        found["ready"] and not found["expired"],
        is_good(found),
        found["expirationTime"] or "",
        found["namespace"],
        found["name"],
    )


def told(time: object, now: float) -> str:
    """A time of a status, for people; empty without one."""
    try:
        return span(parse_time(str(time)) - now) if time else ""
    except ValueError:
        return harmless(time, 32)
