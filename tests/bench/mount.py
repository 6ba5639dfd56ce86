"""How long a renewed token takes from its Secret into the files of pods, with mountRefresh and by the kubelet alone."""

import time
from collections.abc import Iterable
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
from tests.fakes.call import Call, switches
from tests.node.consumer import INTERVAL, Consumer
from tests.node.delay import delays
from tests.node.release import Release

PODS: Final = 5
"""With each of the two tokens: when the kubelet looks by itself differs from pod to pod."""

RENEWALS: Final = 5
"""Of the token whose pods are refreshed."""

PAUSE: Final = 5.0
"""Seconds from one renewal to the next, as short as they ever are: a kubelet that still syncs the pod for the last one
syncs it for the next only afterwards."""

REFRESHED, ALONE = "refreshed", "alone"
PROMISE: Final = 0.5
KUBELET: Final = 120.0
"""Seconds. Nothing that we promise: its sync period of a minute, spread over half a minute more, and its caches."""


def measure() -> list[Row]:
    """Both rows. Needs root, Linux and what a node needs of Debian."""
    say(f"a node, {2 * PODS} pods that read their token every {INTERVAL} s, and renewals: about 4 min")
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
        wishes = {REFRESHED: "Always", ALONE: "Never"}
        tokens = {name: stage.token(name, mountRefresh=wish).until_ready() for name, wish in wishes.items()}
        for name, token in tokens.items():
            for number in range(PODS):
                pod = f"{name}-{number}"
                Consumer(plane, stage.namespace, pod, "go", token.target, api.url(pod))
        poll(lambda: len({call.consumer for call in api.calls}) == 2 * PODS, "every pod to call", 120)
        _renew(login, tokens[ALONE], 1)
        for number in range(RENEWALS):
            time.sleep(PAUSE)
            _renew(login, tokens[REFRESHED], number + 1)
            _await(api, REFRESHED, PODS * (number + 1))
        _await(api, ALONE, PODS)
        found = {name: delays(plane, token, _of(api.calls, name)) for name, token in tokens.items()}
        kube.close()
    return [
        Row("a renewed token in a pod's file, with mountRefresh", tuple(found[REFRESHED]), PROMISE, "s"),
        Row("a renewed token in a pod's file, by the kubelet alone", tuple(found[ALONE]), KUBELET, "s"),
    ]


def _renew(login: Login, token: Token, number: int) -> None:
    """Have the endpoint roll over, and the operator ask."""
    login.endpoint.roll_over(token.client_id)
    token.request_poll()
    poll(lambda: len(token.minted()) == number + 1, "the renewal")


def _await(api: EnvironmentAPI, name: str, switched: int) -> None:
    """Wait until the pods have begun to call with another token so many times."""
    poll(lambda: len(switches(_of(api.calls, name))) == switched, f"{switched} pods to have a new token", KUBELET)


def _of(calls: Iterable[Call], name: str) -> list[Call]:
    """Those of the token's pods."""
    return [call for call in calls if call.consumer.startswith(f"{name}-")]
