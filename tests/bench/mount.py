"""How long a renewed token takes from its Secret into pods' files, with mountRefresh and with the kubelet alone.

It also measures for how long a file has held an expired token.
"""

import time
from collections.abc import Iterable, Sequence
from typing import Final

from tests.apiserver.kube import Kube
from tests.apiserver.ledger import Ledger
from tests.apiserver.stage import Login, Stage, Token
from tests.bench.row import Row
from tests.cluster import image as images
from tests.cluster.plane import ControlPlane
from tests.cluster.poll import poll
from tests.cluster.progress import say
from tests.fakes.api import EnvironmentAPI
from tests.fakes.call import Call, gaps, switches
from tests.fakes.issuer import Policy
from tests.node.consumer import INTERVAL, Consumer
from tests.node.delay import delays
from tests.node.release import Release

PODS: Final = 5
"""Pods for each token: when the kubelet syncs by itself differs between pods."""

RENEWALS: Final = 5
"""Renewals of the token whose pods are refreshed."""

PAUSE: Final = 5.0
"""Seconds between two renewals, as short as they ever are.

A kubelet that is still syncing the pod for the last one only syncs it for the next one afterwards.
"""

HEARD: Final = 75.0
"""Seconds until a renewal request is followed at the latest: the operator follows three a minute."""

REFRESHED, ALONE = "refreshed", "alone"
PROMISE: Final = 0.5

AHEAD, LATE = "ahead", "late"
POLICIES: Final = {AHEAD: Policy(lifetime=300, lead=240), LATE: Policy(lifetime=30, lead=0)}
"""Lifetimes of tokens renewed by their expiry: as late as a kubelet alone still manages, and the worst case."""

EXPIRED: Final = 1.0
"""Seconds that the worst case may cost."""
KUBELET: Final = 120.0
"""Seconds. Not our promise: the kubelet's sync period of a minute, spread over half a minute more, plus its caches."""


def measure() -> list[Row]:
    """All rows. Needs root, Linux and a node's Debian packages."""
    say(f"a node, {4 * PODS} pods that read their token every {INTERVAL} s, and renewals: about 6 min")
    login = Login()
    with (
        images.built() as image,
        ControlPlane(node=True) as plane,
        login.endpoint,
        EnvironmentAPI(login.endpoint.issuer) as api,
    ):
        image.load(plane)
        Release(plane).install()
        kube = Kube(plane)
        stage = Stage(kube, Ledger(), login, "mount", labels={"pod-security.kubernetes.io/enforce": "privileged"})
        wishes = {REFRESHED: "Always", ALONE: "Never", AHEAD: "Never", LATE: "Auto"}
        tokens = {
            name: stage.token(
                name, mountRefresh=wish, policy=POLICIES.get(name), renewBeforePercentage=50
            ).until_ready()
            for name, wish in wishes.items()
        }
        for name, token in tokens.items():
            for number in range(PODS):
                pod = f"{name}-{number}"
                Consumer(plane, stage.namespace, pod, "go", token.target, api.url(pod))
        poll(lambda: len({call.consumer for call in api.calls}) == 4 * PODS, "every pod to call", 120)
        _renew(login, tokens[ALONE], 1)
        for number in range(RENEWALS):
            time.sleep(PAUSE)
            _renew(login, tokens[REFRESHED], number + 1)
            _await(api, REFRESHED, PODS * (number + 1))
        _await(api, ALONE, PODS)
        poll(lambda: _has_expired(_of(api.calls, AHEAD)), "a token to expire", POLICIES[AHEAD].lifetime + 10)
        found = {name: delays(plane, tokens[name], _of(api.calls, name)) for name in (REFRESHED, ALONE)}
        expired = {name: _expired(_of(api.calls, name)) for name in POLICIES}
        kube.close()
    return [
        Row("a renewed token in a pod's file, with mountRefresh", tuple(found[REFRESHED]), PROMISE, "s"),
        Row("a renewed token in a pod's file, by the kubelet alone", tuple(found[ALONE]), KUBELET, "s"),
        Row("an expired token in a pod's file, lead 4 min, by the kubelet alone", expired[AHEAD], 0, "s"),
        Row("an expired token in a pod's file, lead 0, with mountRefresh", expired[LATE], EXPIRED, "s"),
    ]


def _renew(login: Login, token: Token, number: int) -> None:
    """Makes the endpoint roll over, and the operator request a token."""
    login.endpoint.roll_over(token.client_id)
    token.request_poll()
    poll(lambda: len(token.minted()) == number + 1, "the renewal", HEARD)


def _await(api: EnvironmentAPI, name: str, switched: int) -> None:
    """Waits until the pods have started to use another token this many times."""
    poll(lambda: len(switches(_of(api.calls, name))) == switched, f"{switched} pods to have a new token", KUBELET)


def _of(calls: Iterable[Call], name: str) -> list[Call]:
    """The calls of the token's pods."""
    return [call for call in calls if call.consumer.startswith(f"{name}-")]


def _has_expired(calls: Sequence[Call]) -> bool:
    """Whether the pods have called after the expiry of their first token."""
    first = calls[0].expires
    return first is not None and calls[-1].received > first + 10 * INTERVAL


def _expired(calls: Iterable[Call]) -> tuple[float, ...]:
    """The longest time in seconds for which each pod's file has held an expired token."""
    longest = {call.consumer: 0.0 for call in calls}
    for gap in gaps(calls):
        longest[gap.consumer] = max(longest[gap.consumer], gap.seconds)
    return tuple(longest.values())
