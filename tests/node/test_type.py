"""The Secret's type changes while pods mount it."""

import json
from typing import Final

from tests.apiserver.stage import Login, Stage
from tests.cluster.plane import ControlPlane
from tests.fakes.api import EnvironmentAPI
from tests.fakes.call import Verdict
from tests.node.consumer import CURL, Consumer

PATIENCE: Final = 60.0
"""Seconds for a pod to start, and for a call with the next token."""


def test_running_pods_get_what_comes_after(plane: ControlPlane, stage: Stage, login: Login) -> None:
    """A pod keeps using its token, and gets the next one from the kubelet, although that is in a new Secret.

    It needs no restart, and the event doesn't advise one.
    """
    target = {"template": {"data": {"curl.conf": CURL}}}
    token = stage.token("shop", target=target, mountRefresh="Always").until_ready()
    first, inside = token.held, f"--namespace={stage.namespace}"
    with EnvironmentAPI(login.endpoint.issuer) as api:
        consumer = Consumer(plane, stage.namespace, "shop", "shell", token.target, api.url("shop"))
        api.wait_for(lambda calls: len(calls) >= 3, PATIENCE)

        token.patch(target={"template": {"type": "kubernetes.io/basic-auth", "data": {"username": "shop"}}})
        (message,) = token.until_event("TargetReplaced")
        token.until_ready()
        assert "restart" not in message
        assert token.held == first
        count = len(api.calls)
        api.wait_for(lambda calls: len(calls) >= count + 10, PATIENCE)

        login.endpoint.roll_over(token.client_id)
        token.request_poll()
        token.until(lambda: token.held not in {first, ""}, "the next token")
        minted = login.endpoint.issuer.find(token.held)
        assert minted is not None
        api.wait_for(lambda calls: calls[-1].serial == minted.serial, PATIENCE)
        assert {call.verdict for call in api.calls} == {Verdict.ACCEPTED}
        pod = json.loads(plane.kubectl("get", "pod", consumer.name, inside, "--output=json"))
        assert pod["status"]["containerStatuses"][0]["restartCount"] == 0
        plane.kubectl("delete", "pod", consumer.name, inside)
