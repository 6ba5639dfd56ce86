"""An IntegrationToken as the watch last reported it, in a tenth of its size.

A pass starts from it instead of reading the resource. It may be outdated by as much as the watch lags behind: then the
API server refuses the status that the pass writes, and the next pass reads the resource.
"""

import zlib
from typing import Any, Final

from integration_token.api.integration import renew_request
from integration_token.api.names import RENEW_ANNOTATION
from integration_token.cluster.wire import decoded, encoded

Object = dict[str, Any]

_NAMES = ("creationTimestamp", "generation", "name", "namespace", "resourceVersion", "uid")

_LONGEST: Final = 16384
"""Bytes of JSON from which a resource isn't packed: an ordinary one has 2,000."""

_LARGEST: Final = 1024
"""Bytes of a packed resource that are kept: an ordinary one takes 250."""


def _usual_condition(kind: str, status: str, reason: str, message: str = "") -> Object:
    return {
        "lastTransitionTime": "2026-01-01T00:00:00Z",
        "message": message,
        "observedGeneration": 1,
        "reason": reason,
        "status": status,
        "type": kind,
    }


_USUAL: Final = encoded(
    {
        "metadata": {
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "generation": 1,
            "name": "",
            "namespace": "",
            "resourceVersion": "",
            "uid": "",
        },
        "spec": {
            "audience": "https://",
            "credentialsSecretRef": {"clientIDKey": "client_id", "clientSecretKey": "client_secret", "name": ""},
            "endpointRef": {"kind": "TokenEndpoint", "name": ""},
            "renewBefore": "1h0m0s",
            "scopes": ["", ""],
            "target": {
                "deletionPolicy": "Delete",
                "name": "",
                "template": {"data": {"": "${token}"}, "metadata": {"labels": {}}, "type": "Opaque"},
            },
        },
        "status": {
            "conditions": [
                _usual_condition("Ready", "True", "TokenValid", "the token is valid until 2026-01-01T00:00:00Z"),
                _usual_condition("Refreshed", "True", "Refreshed"),
                _usual_condition("Stalled", "False", "Progressing"),
                _usual_condition("RolloverTooLate", "Unknown", "RolloverUnknown"),
                _usual_condition("RolloverTooLate", "False", "RolloverInTime"),
            ],
            "expirationTime": "2026-01-01T00:00:00Z",
            "issueTime": "2026-01-01T00:00:00Z",
            "lifetimeSeconds": 86400,
            "observedGeneration": 1,
            "renewalTime": "2026-01-01T00:00:00Z",
            "rolloverLeadSeconds": 3600,
            "scope": ["", ""],
            "targetName": "",
        },
    }
)
"""What the JSON of most resources repeats, as the API server orders it: only the differences take space."""

_WINDOW: Final = -12
"""Bits of zlib's window, without a header: the smallest that reaches across an ordinary resource. Setting up a larger
one takes longer than packing."""
_MEMORY: Final = 4
"""zlib's memory level, for the same reason."""


def pack(body: Object) -> bytes:
    """The resource's spec, status and essential metadata; empty if they are too large to keep."""
    metadata = body["metadata"]
    kept = {name: metadata[name] for name in _NAMES if name in metadata}
    if wish := renew_request(body):
        kept["annotations"] = {RENEW_ANNOTATION: wish}
    text = encoded({"metadata": kept, "spec": body.get("spec"), "status": body.get("status")})
    if len(text) > _LONGEST:
        return b""
    packer = zlib.compressobj(1, zlib.DEFLATED, _WINDOW, _MEMORY, zlib.Z_DEFAULT_STRATEGY, _USUAL)
    packed = packer.compress(text) + packer.flush()
    return packed if len(packed) <= _LARGEST else b""


def unpack(packed: bytes) -> Object:
    """What was packed."""
    unpacked: Object = decoded(zlib.decompressobj(_WINDOW, _USUAL).decompress(packed))
    return unpacked
