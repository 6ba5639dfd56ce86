"""How long it takes from a leader's sudden end to the other's first write, and its cost at the endpoint."""

from contextlib import ExitStack
from functools import partial
from typing import Final

from tests.bench.api import API, SECRETS
from tests.bench.cold import all_ready
from tests.bench.manifest import credentials, names, token
from tests.bench.repair import repaired
from tests.bench.row import Row
from tests.bench.stage import RELEASE, Operator, Stage
from tests.cluster.poll import poll
from tests.cluster.progress import say

RESOURCES: Final = 20
TIMES: Final = 3
LIMIT: Final = 20.0
"""In seconds."""


def measure() -> list[Row]:
    """Both rows."""
    say(f"a leader killed {TIMES} times: about {TIMES * 20 + 20} s")
    lease = f"--lease-namespace={RELEASE}"
    with Stage("replicas=2") as stage, ExitStack() as replicas:
        endpoint = stage.endpoint("bench")
        wanted = names("led", RESOURCES)
        stage.api.create_all(credentials(name) for name in wanted)
        stage.api.create_all(token(name, "bench") for name in wanted)
        leader = replicas.enter_context(stage.operator(lease))
        poll(partial(all_ready, stage), "the leader to bring all tokens", 60)
        requests, seconds = endpoint.count(), []
        for name in wanted[:TIMES]:
            standby = replicas.enter_context(stage.operator(lease))
            standby.await_ready()
            seconds.append(repaired(stage.api, name, partial(_kill_and_change, leader)))
            leader = standby
        more = endpoint.count() - requests
    return [
        Row("a killed leader to the other's next write", tuple(seconds), LIMIT, "s"),
        Row(f"token requests of {TIMES} such changes of leader", (more,), 0),
    ]


def _kill_and_change(leader: Operator, api: API, target: str) -> None:
    leader.kill()
    # Everything to repair this is there, while a changed token would have to be requested.
    api.merge(f"{SECRETS}/{target}", {"stringData": {"extra": "changed by hand"}})
