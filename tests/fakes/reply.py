"""A response of the token endpoint before it is sent: its content, and how it is delivered."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Delivery(StrEnum):
    """How a response is sent."""

    PLAIN = "plain"
    DRIP = "drip"
    """The body byte by byte, with `pause` seconds in between."""
    ENDLESS = "endless"
    """The body over and over, as long as somebody reads."""
    TRUNCATED = "truncated"
    """Half of the body that content-length promises, then the end."""
    HANG = "hang"
    """Nothing, until the client disconnects."""
    RESET = "reset"
    """The connection is reset instead."""
    RAW = "raw"
    """Only the body, without a status line."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One response. The fields and the body, which may contain a token, never show in its repr."""

    status: int
    fields: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """The JSON object, unless there is a `body`."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    content_type: str = "application/json"
    delivery: Delivery = Delivery.PLAIN
    delay: float = 0.0
    """Seconds before the first byte."""
    pause: float = 0.0

    def content(self) -> bytes:
        """The bytes of the body."""
        return json.dumps(self.fields).encode() if self.body is None else self.body


def error(status: int, code: str, description: str = "", headers: Mapping[str, str] | None = None) -> Reply:
    """An error response as in RFC 6749, 5.2."""
    fields = {"error": code} | ({"error_description": description} if description else {})
    return Reply(status, fields, headers or {})
