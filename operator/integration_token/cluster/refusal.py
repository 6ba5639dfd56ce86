"""The errors for the API server's refusals, without any data that they repeat."""

import base64

from integration_token.cluster.collection import Object
from integration_token.errors import ClusterError, Conflict, Denied, Unauthorized, Unavailable
from integration_token.telemetry.redaction import redact


def refusal_of(status: int, answer: Object, body: Object | None) -> ClusterError:
    """The error for a response.

    :param status: 300 or more; statuses that the caller handles are excluded.
    :param answer: a `Status` object; empty if the body was not one.
    :param body: what was sent.
    """
    if status == 409:
        return Conflict("409 the object was changed meanwhile, or already exists")
    if status == 410:
        return Conflict("410 the watch's resourceVersion is too old")
    message = f"{status} {redact(str(answer.get('message', '')), _data(body))}".strip()
    if status == 401:
        return Unauthorized(message)
    if status in {408, 429} or status >= 500:
        return Unavailable(message)
    return Denied(message, status=status)


def _data(body: Object | None) -> list[str]:
    """What an admission webhook's refusal of a target may echo: the token, which all of its secret values contain."""
    token = str(((body or {}).get("data") or {}).get("token", ""))
    return [token, base64.b64decode(token).decode(errors="replace")] if token else []
