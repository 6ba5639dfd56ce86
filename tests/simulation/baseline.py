"""How simple clients fare at the same endpoints: what the operator is compared with."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tests.simulation.chronicle import Chronicle, Written
from tests.simulation.endpoint import SECRET, Endpoint
from tests.simulation.story import Member, Story
from tests.unit.virtual import EPOCH

RETRY: Final = 60.0
"""Seconds between attempts while responses bring no token."""
FLOOR: Final = 5.0
"""Minimum seconds between two requests: otherwise shares of the remaining time end in a loop."""
ASSUMED: Final = 3600.0
"""Seconds that a token is assumed to live if the response doesn't say."""

Strategy = Callable[[float], float]
"""From the `expires_in` of a response to the seconds until the next request."""


def every_hour(_: float) -> float:
    """A fixed interval, as in operators that generate Secrets."""
    return 3600.0


def at_two_thirds(expires_in: float) -> float:
    """A share of the remaining time, as many clients do."""
    return max(FLOOR, expires_in * 2 / 3)


def ten_minutes_before(expires_in: float) -> float:
    """A fixed margin, as in client libraries: within it every call sends a request."""
    return max(30.0, expires_in - 600.0)


@dataclass(frozen=True, slots=True)
class _Answer:
    token: str
    expires_in: float


def simulate(story: Story, strategy: Strategy) -> Chronicle:
    """The course of the story's first resource; restarts and the operator's clock don't affect such a client."""
    chronicle, member = Chronicle(), Member()
    endpoint = Endpoint(member.host, story, chronicle)
    body = json.dumps(
        {"grant_type": "client_credentials", "client_id": member.client, "client_secret": SECRET}
    ).encode()
    written = chronicle.written[member.namespace, member.name]
    now, held = 0.0, ""
    while now < story.seconds:
        answer = _ask(endpoint, body, now)
        if answer is None:
            now += RETRY
            continue
        if answer.token != held:
            held, minted = answer.token, endpoint.find(answer.token)
            if minted is None:
                raise AssertionError("the endpoint answered a token that it did not mint")
            written.append(Written(now, minted, member.host, minted.expires - EPOCH, assumed=False))
            chronicle.writes += 1
        now += strategy(answer.expires_in)
    chronicle.end = story.seconds
    return chronicle


def _ask(endpoint: Endpoint, body: bytes, now: float) -> _Answer | None:
    reply = endpoint.ask({"content-type": "application/json"}, body, now, 0)
    if reply is None or reply.status != 200 or not (fields := dict(reply.fields)).get("access_token"):
        return None
    expires_in = float(fields.get("expires_in") or ASSUMED) if "expires_in" in fields else ASSUMED
    return _Answer(fields["access_token"], expires_in if math.isfinite(expires_in) else ASSUMED)
