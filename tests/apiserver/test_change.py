"""What happens when a user changes the resource, its endpoint or its credentials, or deletes them."""

from datetime import datetime
from functools import partial

import pytest

from tests.apiserver.stage import SOON, TARGET_LABEL, Stage, Token
from tests.fakes.fault import status as answers
from tests.fakes.issuer import Policy

PROMPT = 2.0
"""Seconds from fixed credentials to a token, as promised."""


def _until_gone(token: Token, secret: str) -> None:
    token.until(lambda: token.kube.find("Secret", token.namespace, secret) is None, f"Secret {secret} to go")


def test_fixed_credentials_bring_a_token_within_two_seconds(stage: Stage) -> None:
    """A wrong secret is AccessDenied and Stalled; the right one brings a token at once, and an event."""
    wrong = stage.ledger.odd_secret()
    stage.credentials("wrong-secret-credentials", "change.wrong-secret", wrong)
    token = stage.token("wrong-secret", credentials=False)
    message = token.until_failing("AccessDenied")["message"]
    assert message == (
        "the endpoint answered 401 access_denied: Unauthorized;"
        " check the credentials, the audience and the client's permissions; the next attempt is due within 5 min"
    )
    assert token.condition("Stalled")["status"] == token.condition("Stalled")["status"] == "True"

    token.set_credentials(client_secret=stage.login.clients[token.client_id])

    token.until_ready(PROMPT)
    token.until_event("Recovered")
    assert token.events() == ["AccessDenied", "Issued", "Recovered"]
    assert token.condition("Stalled")["status"] == "False"
    assert len(token.requests()) == 2


def test_changed_credentials_act_at_once(stage: Stage) -> None:
    """Another client in the credentials Secret brings that client's token; while it is refused Ready is False."""
    token = stage.token("rotated").until_ready()
    stage.client("change.rotated-2", secret=(secret := stage.ledger.odd_secret()))

    token.set_credentials(client_id="change.rotated-2")
    token.until_failing("AccessDenied")
    token.set_credentials(client_secret=secret)

    token.until_ready(PROMPT)
    assert [token.held] == list(stage.login.endpoint.tokens("change.rotated-2"))


def test_touched_credentials_cost_no_request(stage: Stage) -> None:
    """Changing a credentials Secret without changing values costs no request, and the token stays."""
    token = stage.token("touched").until_ready()
    held = token.held

    stage.kube.patch("Secret", stage.namespace, token.credentials, {"metadata": {"labels": {"touched": "yes"}}})

    version = stage.kube.get("Secret", stage.namespace, token.credentials)["metadata"]["resourceVersion"]
    key = "integrationtoken.dev/credentials-resource-version"
    token.until(lambda: (token.secret() or {})["metadata"]["annotations"][key] == version, "the new version")
    token.until_ready()
    assert token.held == held
    assert len(token.requests()) == 1
    assert token.events() == ["Issued"]


def test_changed_secret_is_not_verified_by_the_endpoints_cache(stage: Stage) -> None:
    """A new secret answered with the old token is reported as unverified; the next token ends that silently."""
    token = stage.token("unverified").until_ready()
    held = token.held
    stage.client(token.client_id, secret=(secret := stage.ledger.odd_secret()))

    token.set_credentials(client_secret=secret)

    (message,) = token.until_event("CredentialsNotVerified")
    assert message == (
        "Secret unverified-credentials was changed, but the endpoint returned the token that it had issued before from"
        " its cache; it will check the new credentials only when it next issues a token"
    )
    token.until_ready()
    assert token.held == held
    assert len(token.requests()) == 2
    stage.login.endpoint.roll_over(token.client_id)
    token.request_poll()
    token.until_event("Renewed")
    assert token.events() == ["Issued", "CredentialsNotVerified", "Renewed"]


def test_changed_spec_acts_at_once(stage: Stage) -> None:
    """New scopes, or a new audience, bring another token at once."""
    token = stage.token("spec").until_ready()

    token.patch(scopes=["read"])
    token.until(lambda: token.condition()["status"] == "True" and token.status()["scope"] == ["read"], "the scope")
    token.patch(audience="https://other.example", scopes=["write"])
    token.until(lambda: token.status()["scope"] == ["write"], "the other scope")

    token.until_ready()
    assert [(record.audience, record.scopes) for record in token.requests()] == [
        ("https://api.example", ()),
        ("https://api.example", ("read",)),
        ("https://other.example", ("write",)),
    ]
    assert token.held == token.minted()[-1]


def test_changed_template_is_written_without_a_request(stage: Stage) -> None:
    """A new template changes the Secret at once, without a request."""
    token = stage.token("template", target={"template": {"data": {"old": "x"}}}).until_ready()

    token.patch(target={"template": {"data": {"old": None, "new": "is ${token}"}}})

    token.until(lambda: token.data().get("new") == f"is {token.held}", "the new key")
    assert "old" not in token.data()
    token.until_ready()
    assert len(token.requests()) == 1


def test_changed_endpoint_acts_at_once(stage: Stage) -> None:
    """A change to the endpoint causes a request only if it affects requests."""
    stage.endpoint("moving")
    token = stage.token("moving", endpoint="moving").until_ready()
    spec = {"spec": {"audience": "https://other.example"}}

    stage.kube.patch("TokenEndpoint", stage.namespace, "moving", spec)
    token.until_requests(2)
    token.until(lambda: token.held == token.minted()[-1], "the token for the other audience")
    stage.kube.patch("TokenEndpoint", stage.namespace, "moving", {"spec": {"timeout": "20s", "defaultLifetime": "2h"}})
    stage.kube.patch("TokenEndpoint", stage.namespace, "moving", {"spec": {"parameters": {"tenant": "2"}}})
    token.until(lambda: token.held == token.minted()[-1] and len(token.minted()) == 3, "the token for the tenant")

    token.until_ready()
    assert len(token.requests()) == 3


def test_endpoint_that_comes_later_or_again(stage: Stage) -> None:
    """A missing endpoint is EndpointNotFound until it is created; after its deletion the valid token stays.

    Within the first ten seconds none of this causes a warning.
    """
    token = stage.token("early", endpoint="late")
    message = token.until_failing("EndpointNotFound")["message"]
    assert message == "TokenEndpoint late does not exist; create it or fix spec.endpointRef"
    assert token.condition("Stalled")["status"] == "False"

    stage.endpoint("late")
    token.until_ready()
    held = token.held
    stage.kube.delete("TokenEndpoint", stage.namespace, "late")
    token.until_condition("Refreshed", "False", "EndpointNotFound")
    assert token.condition()["status"] == "True"
    assert token.held == held
    stage.endpoint("late")
    token.until_condition("Refreshed", "True")

    token.until_ready()
    assert token.held == held
    assert len(token.requests()) == 2
    token.until_event("Issued")
    assert token.events() == ["Issued"]


def test_renamed_target_leaves_no_orphan_and_asks_for_nothing(stage: Stage) -> None:
    """A new target name moves the token: the old Secret is gone, the new one is valid, and nothing was requested."""
    token = stage.token("renamed", target={"name": "renamed-1"}).until_ready()
    held = token.held

    token.patch(target={"name": "renamed-2"})

    _until_gone(token, "renamed-1")
    token.target = "renamed-2"
    token.until_ready()
    assert token.held == held
    assert token.status()["targetName"] == "renamed-2"
    assert len(token.requests()) == 1


def test_target_renamed_while_nothing_can_be_written_leaves_no_orphan(stage: Stage) -> None:
    """If a target is renamed while suspended, or without credentials, it is moved once that is over."""
    suspended = stage.token("renamed-asleep", target={"name": "asleep-1"}).until_ready()
    lost = stage.token("renamed-lost", target={"name": "lost-1"}).until_ready()
    suspended.patch(suspend=True, target={"name": "asleep-2"})
    stage.kube.delete("Secret", stage.namespace, lost.credentials)
    lost.until_condition("Refreshed", "False", "CredentialsNotFound")
    lost.patch(target={"name": "lost-2"})
    suspended.until_condition("Refreshed", "False", "Suspended")
    lost.until_condition("Refreshed", "False", "CredentialsNotFound")

    suspended.patch(suspend=False)
    stage.credentials(lost.credentials, lost.client_id, stage.login.clients[lost.client_id])

    for token, name in (suspended, "asleep"), (lost, "lost"):
        token.target = f"{name}-2"
        token.until_ready()
        assert token.held == token.minted()[0]
        _until_gone(token, f"{name}-1")
    assert len(suspended.requests()) == 1


def test_target_renamed_to_a_name_that_is_taken_stays_where_it_is(stage: Stage) -> None:
    """A new name that somebody else uses is SecretNotOwned; yet another name moves the token from where it was."""
    stage.secret("taken", {"token": "theirs"})
    token = stage.token("moved", target={"name": "moved-1"}).until_ready()
    token.patch(target={"name": "taken"})
    token.until_failing("SecretNotOwned")
    assert token.status()["targetName"] == "moved-1"

    token.patch(target={"name": "moved-2"})

    _until_gone(token, "moved-1")
    token.target = "moved-2"
    token.until_ready()
    assert len(token.requests()) == 1


def test_target_renamed_twice_at_once_leaves_no_orphan(stage: Stage) -> None:
    """Names that change faster than the operator can follow leave one Secret, the last."""
    token = stage.token("restless", target={"name": "restless-0"}).until_ready()

    for number in range(1, 8):
        token.patch(target={"name": f"restless-{number}"})

    token.target = "restless-7"
    token.until_ready()

    def ours() -> list[str]:
        found = stage.kube.list("Secret", stage.namespace)
        return [s["metadata"]["name"] for s in found if s["metadata"].get("labels", {}).get(TARGET_LABEL) == "restless"]

    token.until(lambda: ours() == ["restless-7"], "one Secret alone")
    assert len(token.requests()) <= 2


def test_deletion_policy_can_be_changed(stage: Stage) -> None:
    """Changing deletionPolicy removes the owner from the Secret or restores it, without a request."""
    token = stage.token("policy").until_ready()

    token.patch(target={"deletionPolicy": "Retain"})
    token.until(lambda: "ownerReferences" not in (token.secret() or {})["metadata"], "no owner")
    token.patch(target={"deletionPolicy": "Delete"})
    token.until(lambda: "ownerReferences" in (token.secret() or {})["metadata"], "an owner")

    token.until_ready()
    assert len(token.requests()) == 1


def test_suspended_resource_is_left_alone(stage: Stage) -> None:
    """While suspended, nothing is requested or repaired, but the generation is observed; then everything resumes."""
    token = stage.token("asleep").until_ready()
    never = stage.token("never", suspend=True)

    token.patch(suspend=True)
    token.until_condition("Refreshed", "False", "Suspended")
    assert token.condition()["status"] == "True"
    token.patch(scopes=["read"])
    token.until_failing("Suspended")
    assert token.status()["observedGeneration"] == token.document()["metadata"]["generation"] == 3
    never.until_failing("Suspended")
    assert never.secret() is None
    token.patch(scopes=None)
    token.until_condition("Ready", "True")
    token.edit_secret(stringData={"extra": "x"})
    token.request_poll()

    token.patch(suspend=False)
    never.patch(suspend=False)
    token.until(lambda: "extra" not in token.data(), "the repair")
    token.until_condition("Refreshed", "True", "Refreshed")
    never.until_ready()
    assert "Recovered" not in token.events() + never.events()
    assert len(never.requests()) == 1
    assert len(token.requests()) == 2, "the poll that was asked for while it was suspended, once"


def test_suspended_token_expires_in_its_condition(stage: Stage) -> None:
    """A suspended resource whose token expires is no longer Ready, and says why."""
    token = stage.token("overslept", policy=Policy(lifetime=3, lead=0)).until_ready()

    token.patch(suspend=True)

    message = token.until_failing("Suspended")["message"]
    assert message == "spec.suspend is true and there is no valid token; set it to false"
    token.patch(suspend=False)
    token.until_ready()
    token.delete()


def test_request_for_renewal_polls_once(stage: Stage) -> None:
    """Each new value triggers one request: the same token causes no write and no event, another one is taken."""
    token = stage.token("wished").until_ready()
    before = token.secret()

    token.request_poll()
    token.until(lambda: token.status().get("lastHandledRenewRequest"), "the wish to be handled")
    assert token.secret() == before
    stage.login.endpoint.roll_over(token.client_id)
    token.request_poll()
    token.until(lambda: token.held == token.minted()[-1] != token.minted()[0], "the next token")

    token.until_ready()
    annotations = token.document()["metadata"]["annotations"]
    token.until(
        lambda: token.status()["lastHandledRenewRequest"] == annotations["integrationtoken.dev/renew-requested-at"],
        "the second wish to be handled",
    )
    stage.kube.patch("IntegrationToken", stage.namespace, "wished", {"metadata": {"annotations": None}})
    assert len(token.requests()) == 3
    assert token.until_event("Renewed")
    assert token.events() == ["Issued", "Renewed"]


def test_renewal_request_that_fails_is_repeated_until_it_succeeds(stage: Stage) -> None:
    """If a requested poll fails, the token stays with Refreshed False, and the poll is repeated until it succeeds."""
    token = stage.token("wished-in-vain").until_ready()
    token.fault(answers(503))

    token.request_poll()
    token.until_condition("Refreshed", "False", "EndpointError")
    token.until_requests(3)
    assert token.condition("Refreshed")["status"] == "False"
    assert token.condition("Stalled")["status"] == "False"
    assert token.condition()["status"] == "True"
    token.mend()

    token.until_condition("Refreshed", "True", seconds=20)
    token.until_event("Recovered")
    assert token.events() == ["Issued", "EndpointError", "Recovered"]


def test_an_unrelated_change_does_not_report_a_failing_refresh_as_recovered(stage: Stage) -> None:
    """Changing the spec while a refresh fails triggers a request at once, without reporting success early."""
    token = stage.token("beside").until_ready()
    token.fault(answers(403, "access_denied"))
    token.request_poll()
    token.until_condition("Refreshed", "False", "AccessDenied")
    count = len(token.requests())

    token.patch(renewBeforePercentage=30)

    token.until_requests(count + 1)
    token.until_condition("Refreshed", "False", "AccessDenied")
    assert token.condition("Stalled")["status"] == "False"
    assert "Recovered" not in token.events()
    token.mend()
    token.patch(renewBeforePercentage=31)
    token.until_condition("Refreshed", "True")
    token.until_event("Recovered")


def test_window_follows_the_spec(stage: Stage) -> None:
    """renewBefore, renewBeforePercentage and consumerDelay move renewalTime at once, up to half of the lifetime.

    That costs no request.
    """
    token = stage.token("window").until_ready()

    def opens(seconds: float) -> bool:
        times = [datetime.fromisoformat(token.status()[key]) for key in ("expirationTime", "renewalTime")]
        return abs((times[0] - times[1]).total_seconds() - seconds) <= 1

    for spec, seconds in (
        ({"renewBeforePercentage": 10}, 360),
        ({"renewBeforePercentage": None, "renewBefore": "15m"}, 900),
        ({"renewBefore": "2h"}, 1800),
        ({"renewBefore": None}, 720),
        ({"consumerDelay": "10m"}, 840),
        ({"consumerDelay": None}, 720),
    ):
        token.patch(**spec)
        token.until(partial(opens, seconds), f"the window to be {seconds} s")
    assert len(token.requests()) == 1


@pytest.mark.parametrize("what", ["credentials", "endpoint"])
def test_deleted_reference_leaves_the_good_token(stage: Stage, what: str) -> None:
    """Deleting credentials or endpoint leaves a valid token: Ready True, Stalled False, and Refreshed says why."""
    stage.endpoint(f"vanishing-{what}")
    token = stage.token(f"bereft-{what}", endpoint=f"vanishing-{what}").until_ready()
    before = token.secret()

    if what == "credentials":
        stage.kube.delete("Secret", stage.namespace, token.credentials)
    else:
        stage.kube.delete("TokenEndpoint", stage.namespace, f"vanishing-{what}")

    token.until_condition("Refreshed", "False", seconds=SOON)
    assert token.condition()["status"] == "True"
    assert token.condition("Stalled")["status"] == "False"
    assert token.secret() == before
