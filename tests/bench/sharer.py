"""The cost of one renewal of a grant that very many resources share, and how it delays others."""

import time
from collections.abc import Iterable
from typing import Final

from tests.bench.api import SECRETS, TOKENS
from tests.bench.audit import Write
from tests.bench.manifest import TARGET, credentials, moved, names, token
from tests.bench.row import BenchError, Row
from tests.bench.stage import Stage
from tests.cluster.poll import poll
from tests.cluster.progress import say

SHARERS: Final = 1500
ELSEWHERE: Final = "bench-elsewhere"
FIRST: Final = "bench-first"
CREDENTIALS: Final = "bench-shared"
LONGEST: Final = 120.0
"""Maximum seconds until all have the token."""
RENEW: Final = {"metadata": {"annotations": {"integrationtoken.dev/renew-requested-at": "now"}}}


def measure(stage: Stage) -> list[Row]:
    """Renews a grant of 1,500, and requests another namespace's first token meanwhile."""
    say(f"one renewal of a grant that {SHARERS:,} resources share: about 1 min")
    endpoint = stage.endpoint("shared")
    stage.api.create(credentials(CREDENTIALS))
    wanted = names("sharer", SHARERS)
    stage.api.create_all(token(name, "shared", credentialsSecretRef={"name": CREDENTIALS}) for name in wanted)
    stage.api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ELSEWHERE}})
    stage.api.create(moved(credentials(FIRST), ELSEWHERE))
    with stage.operator() as operator:
        operator.await_ready()
        audit = stage.audit()
        poll(lambda: _held(stage) == SHARERS, "all sharers to hold a token", LONGEST)
        audit.await_quiet(operator.check)
        endpoint.roll_over()
        audit = stage.audit()
        began = time.time()
        stage.api.merge(f"{TOKENS}/{wanted[0]}", RENEW)
        poll(lambda: audit.read() and len(_written(audit.writes)) > SHARERS / 10, "the first copies", LONGEST)
        asked = time.time()
        stage.api.create(moved(token(FIRST, "shared"), ELSEWHERE))
        audit.await_quiet(operator.check)
    copies = _written(audit.writes)
    first = [write.time for write in audit.writes if write.resource == "secrets" and write.name == FIRST + TARGET]
    if len(copies) != SHARERS or len(first) != 1 or endpoint.count() != 1 + 1 + 1:
        raise BenchError(f"{len(copies)} copies, {len(first)} first tokens, {endpoint.count()} token requests")
    return [
        Row(f"one renewal of a grant with {SHARERS:,} sharers: the last Secret", (max(copies) - began,), 10, "s"),
        Row("another namespace's first token meanwhile", (first[0] - asked,), 1, "s"),
    ]


def _written(writes: Iterable[Write]) -> list[float]:
    return [write.time for write in writes if write.resource == "secrets" and write.name.startswith("bench-sharer")]


def _held(stage: Stage) -> int:
    selector = "labelSelector=integrationtoken.dev%2Fintegration-token&limit=5000"
    return len(stage.api.get(f"{SECRETS}?{selector}")["items"])
