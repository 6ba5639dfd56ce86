"""An hour without any client secret: what it costs, and what a pod's API sees of it."""

from typing import TYPE_CHECKING

import pytest

from tests.cluster.plane import ControlPlane
from tests.cluster.poll import poll
from tests.fakes.call import Verdict, gaps, switches
from tests.node.federation import HOUR, NAMESPACE, RENEWALS, STATUS, Federation
from tests.node.release import USER

if TYPE_CHECKING:
    from concurrent.futures import Future


def test_an_hour(federation: "Future[Federation]", plane: ControlPlane, capsys: pytest.CaptureFixture[str]) -> None:
    """Of Keycloak's tokens of 5 min, in less time: no call with an expired token, each token in the mounted file, and a
    renewal is one TokenRequest, one token request and two writes, with nothing of the kind for anything else."""
    running = federation.result()
    poll(lambda: len(running.answers()) > RENEWALS, f"{RENEWALS} renewals", 2 * HOUR)
    running.end()

    calls, answers, writes = running.api.calls, running.answers(), running.writes()
    seen = switches(calls)
    expired = sum(gap.seconds for gap in gaps(calls))
    with capsys.disabled():
        print(f"\n{len(answers) - 1} renewals, each in use with {min(each.left for each in seen):.1f} s left or more;")
        print(f"{expired:.1f} s with an expired token, by {len(calls)} calls")
    assert expired == 0
    assert {call.verdict for call in calls} == {Verdict.ACCEPTED}
    assert len(seen) >= RENEWALS - 1  # the pod may have started with the second token

    assert set(answers) == {200}
    touched = writes.pop("patch pods")
    assert len(seen) <= touched < len(answers)
    assert writes == {
        "create serviceaccounts/token": len(answers),
        "create secrets": 1,
        "update secrets": len(answers) - 1,
        STATUS: len(answers) + 1,  # the last one for the suspension
        "patch tokenendpoints/status": 1,
    }
    own = [event.get("objectRef", {}) for event in plane.audit_events() if event["user"]["username"] == USER]
    assert {about["namespace"] for about in own if about.get("subresource") == "token"} == {NAMESPACE}
    secrets = [about for about in own if (about.get("resource"), about.get("namespace")) == ("secrets", NAMESPACE)]
    assert {about.get("name") for about in secrets} == {"shop"}
    assert [secret["metadata"]["name"] for secret in running.trial.kube.list("Secret", NAMESPACE)] == ["shop"]
