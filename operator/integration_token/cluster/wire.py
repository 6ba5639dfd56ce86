"""JSON of the Kubernetes API: by orjson, and what that refuses by Python's own parser.

Tenants choose parts of an object. Text that only orjson refuses, such as half of a surrogate pair, must not end the
watch of all others.
"""

import json
from typing import Any

import orjson


def encoded(value: Any) -> bytes:
    """The JSON of a value."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        return json.dumps(value).encode()


def decoded(text: bytes | bytearray) -> Any:
    """The value of JSON.

    :raises ValueError: if it is none.
    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return json.loads(text)
