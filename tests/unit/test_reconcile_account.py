"""A resource with a ServiceAccount and no credentials Secret: what it costs, and whose consent it needs."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
from integration_token.api.names import (
    ALLOWED_AUDIENCES_ANNOTATION,
    ALLOWED_HOSTS_ANNOTATION,
    CREDENTIALS_LABEL,
    GRANT_HASH_ANNOTATION,
)
from integration_token.cluster.collection import Object
from integration_token.errors import ClusterError, Denied, Unavailable

from tests.fakes.cluster import account_token
from tests.unit.virtual import EPOCH
from tests.unit.world import NAMESPACE, OPERATORS, URL, World, encoded, play

DAY = 86400.0
ACCOUNTS = "serviceaccounts"


def edit(world: World, **metadata: dict[str, str]) -> None:
    """Changes the account's labels or annotations."""

    def change(body: Object) -> None:
        for part, values in metadata.items():
            body["metadata"][part] = {**body["metadata"].get(part, {}), **values}

    world.cluster.edit(ACCOUNTS, NAMESPACE, "shop", change)


def made_again(world: World) -> None:
    """The account is deleted, and one with the same name created."""
    world.cluster.remove(ACCOUNTS, NAMESPACE, "shop")
    world.account()


def test_a_namespace_without_a_secret_costs_one_token_of_its_account_for_each_request() -> None:
    """Three renewals, each with a ten-minute token for the token URL only; no Secret but the target is read."""

    async def story(world: World) -> None:
        await world.begin_with_account()
        assert world.ready == ("True", "TokenValid")
        await world.until(EPOCH + 3 * DAY)
        assert world.requests == len(world.cluster.token_requests) == len(world.seen) >= 4
        assert set(world.cluster.token_requests) == {("shop", URL, 600)}
        read = {name for verb, plural, name in world.cluster.calls if verb == "get" and plural == "secrets"}
        assert read <= {"shop"}

    play(story)


def test_a_restart_asks_for_no_token_of_the_account() -> None:
    """The stored token is known to belong to that account."""

    async def story(world: World) -> None:
        await world.begin_with_account()
        writes = len(world.cluster.writes)
        await world.restart()
        assert (world.requests, len(world.cluster.token_requests), world.ready) == (1, 1, ("True", "TokenValid"))
        assert len(world.cluster.writes) == writes

    play(story)


def test_resources_with_the_same_account_share_a_token() -> None:
    """They share one request, as it would be the same; the account's own token doesn't distinguish grants."""

    async def story(world: World) -> None:
        for name in ("till", "office"):
            world.account_integration(name)
        await world.begin_with_account()
        assert world.requests == 1
        assert {world.token(name) for name in ("shop", "till", "office")} == {1}

    play(story)


def test_a_longer_lifetime_is_asked_for() -> None:
    """From the endpoint's spec, if it exceeds the minimum."""

    async def story(world: World) -> None:
        await world.begin_with_account()
        world.endpoint(
            clientAuthenticationMethod="ServiceAccountToken", requestEncoding="Form", assertion={"lifetime": "30m"}
        )
        await world.settle()
        assert world.cluster.token_requests[-1] == ("shop", URL, 1800)

    play(story)


def test_an_account_that_was_made_again_is_another() -> None:
    """Its token is requested once a pass sees the new account; until then the old token stays."""

    async def story(world: World) -> None:
        await world.begin_with_account()
        before = world.secret()["metadata"]["annotations"][GRANT_HASH_ANNOTATION]
        made_again(world)
        await world.until(EPOCH + 61)
        world.request_renewal("look")
        await world.settle()
        assert world.requests == 2
        assert world.secret()["metadata"]["annotations"][GRANT_HASH_ANNOTATION] != before
        assert world.ready == ("True", "TokenValid")

    play(story)


def test_an_account_that_was_made_again_a_moment_ago_is_not_taken_for_the_old_one() -> None:
    """It is read again right before its token is requested, even if it was known a second ago."""

    async def story(world: World) -> None:
        await world.begin_with_account()
        made_again(world)
        world.request_renewal("look")
        await world.settle()
        assert world.requests == 2
        assert len(world.cluster.token_requests) == 2
        annotations = world.secret()["metadata"]["annotations"]
        assert annotations["integrationtoken.dev/credentials-uid"].endswith("-2")

    play(story)


MISSING: dict[str, tuple[Callable[[World], object], str, str]] = {
    "there is none": (
        lambda world: world.cluster.remove(ACCOUNTS, NAMESPACE, "shop"),
        "ServiceAccountNotFound",
        "create it",
    ),
    "it is not labelled": (
        lambda world: edit(world, labels={CREDENTIALS_LABEL: "false"}),
        "ServiceAccountNotLabelled",
        f"run: kubectl label serviceaccount --namespace {NAMESPACE} shop {CREDENTIALS_LABEL}=true",
    ),
    "it lists no host": (
        lambda world: edit(world, annotations={ALLOWED_HOSTS_ANNOTATION: ""}),
        "HostNotAllowed",
        "login.example",
    ),
    "it lists other hosts": (
        lambda world: edit(world, annotations={ALLOWED_HOSTS_ANNOTATION: "other.example"}),
        "HostNotAllowed",
        "login.example",
    ),
    "its list of hosts is too long": (
        lambda world: edit(world, annotations={ALLOWED_HOSTS_ANNOTATION: "login.example" + ",a" * 2000}),
        "HostNotAllowed",
        "2048",
    ),
}


@pytest.mark.parametrize("what", MISSING)
def test_without_the_owners_consent_nothing_is_asked_for(what: str) -> None:
    """The resource says what to do, without Stalled; it continues within a minute once consent is given."""

    async def story(world: World) -> None:
        spoil, reason, told = MISSING[what]
        world.endpoint(clientAuthenticationMethod="ServiceAccountToken", requestEncoding="Form")
        world.account()
        spoil(world)
        world.account_integration()
        await world.operator.start()
        await world.settle()
        assert world.ready == ("False", reason)
        assert told in world.message
        assert world.stalled[0] == "False"
        assert (world.requests, world.cluster.token_requests) == (0, [])
        await world.until(EPOCH + 600)
        if what == "there is none":
            world.account()
        else:
            edit(world, labels={CREDENTIALS_LABEL: "true"}, annotations={ALLOWED_HOSTS_ANNOTATION: "login.example"})
        await world.until(EPOCH + 661)
        assert world.ready == ("True", "TokenValid")

    play(story)


@pytest.mark.parametrize("what", MISSING)
def test_a_consent_that_is_taken_back_counts_at_once(what: str) -> None:
    """The account's token isn't requested, even if consent was seen a second ago; the current token stays."""

    async def story(world: World) -> None:
        spoil, reason, _ = MISSING[what]
        await world.begin_with_account()
        spoil(world)
        world.request_renewal("now")
        await world.settle()
        assert (world.requests, len(world.cluster.token_requests)) == (1, 1)
        assert world.refreshed == ("False", reason)

    play(story)


OWN_AUDIENCES = {
    "the API server's name": "https://kubernetes.default.svc",
    "its whole name": "https://kubernetes.default.svc.cluster.local",
    "with another port and a path": "https://kubernetes.default.svc.cluster.local:443/x",
    "its address": "https://10.0.0.1:6443",
    "its address, in another notation": "HTTPS://10.0.0.1:6443/",
    "an audience of the operator's token": "https://api.internal",
    "with a trailing slash": "https://api.internal/",
    "a name alone": "kubernetes.default.svc",
}


@pytest.mark.parametrize("what", OWN_AUDIENCES)
def test_no_token_is_for_the_api_server(what: str) -> None:
    """Whatever audiences the account's owner lists: it would give an endpoint an identity in the cluster."""

    async def story(world: World) -> None:
        audience = OWN_AUDIENCES[what]
        await world.begin_with_account()
        world.account(audiences=audience)
        world.endpoint(
            clientAuthenticationMethod="ServiceAccountToken", requestEncoding="Form", assertion={"audience": audience}
        )
        await world.settle()
        assert world.refreshed == ("False", "AudienceNotAllowed")
        assert "identity in this cluster" in world.message
        assert len(world.cluster.token_requests) == 1

    play(story)


def test_audiences_of_a_token_that_has_been_renewed_count() -> None:
    """The operator's own token changes every hour, and its audiences are read at each use."""

    async def story(world: World) -> None:
        await world.begin_with_account()
        world.cluster.own_token = account_token("operators", "operator", "uid", "unused", aud=[URL, "x"])
        world.request_renewal("now")
        await world.settle()
        assert world.refreshed == ("False", "AudienceNotAllowed")
        assert len(world.cluster.token_requests) == 1

    play(story)


def test_an_operator_that_is_known_by_a_certificate_gives_no_token_for_the_api_server_either() -> None:
    """The usual names of the API server and its address are excluded."""

    async def story(world: World) -> None:
        world.cluster.own_token = None
        await world.begin_with_account()
        assert world.ready == ("True", "TokenValid")
        for audience in ("https://kubernetes.default.svc", "https://10.0.0.1:6443"):
            world.account(audiences=audience)
            world.endpoint(
                clientAuthenticationMethod="ServiceAccountToken",
                requestEncoding="Form",
                assertion={"audience": audience},
            )
            await world.settle()
            assert world.refreshed == ("False", "AudienceNotAllowed")
        assert len(world.cluster.token_requests) == 1

    play(story)


def test_no_token_is_sent_to_whom_it_is_issued_by() -> None:
    """The API server accepts tokens for its issuer, which an operator with a certificate learns only from them."""

    async def story(world: World) -> None:
        world.cluster.own_token = None
        world.cluster.misissued = {"iss": URL}
        await world.begin_with_account()
        assert world.requests == 0
        assert world.ready == ("False", "AudienceNotAllowed")
        assert "identity in this cluster" in world.message

    play(story)


def test_another_audience_than_the_token_url_takes_the_owners_word() -> None:
    """A listed audience is requested alone; an unlisted one is named in the message."""

    async def story(world: World) -> None:
        realm = "https://login.example/realms/shop"
        world.assertion_audiences.append([realm])
        await world.begin_with_account()
        world.endpoint(
            clientAuthenticationMethod="ServiceAccountToken", requestEncoding="Form", assertion={"audience": realm}
        )
        await world.settle()
        assert world.refreshed == ("False", "AudienceNotAllowed")
        assert realm in world.message
        assert ALLOWED_AUDIENCES_ANNOTATION in world.message
        world.account(audiences=f"urn:other, {realm}")
        await world.until(EPOCH + 60)
        assert world.ready == ("True", "TokenValid")
        assert world.cluster.token_requests[-1] == ("shop", realm, 600)

    play(story)


def test_the_operators_own_account_is_never_sent() -> None:
    """Whatever its labels."""

    async def story(world: World) -> None:
        world.cluster.own_token = account_token(NAMESPACE, "shop", "uid", "https://api.internal")
        await world.begin_with_account()
        assert world.ready == ("False", "InvalidSpec")
        assert "the operator's own" in world.message
        assert world.cluster.token_requests == []

    play(story)


MISISSUED: dict[str, dict[str, Any]] = {
    "more audiences": {"aud": [URL, "https://kubernetes.default.svc"]},
    "another audience": {"aud": ["https://kubernetes.default.svc"]},
    "no audience": {"aud": []},
    "another account": {"sub": f"system:serviceaccount:{OPERATORS}:operator"},
    "another of its name": {"kubernetes.io": {"serviceaccount": {"name": "shop", "uid": "other"}}},
    "no account": {"kubernetes.io": "?"},
}


@pytest.mark.parametrize("what", MISISSUED)
def test_a_token_that_was_not_asked_for_is_not_sent(what: str) -> None:
    """The API server's response is checked before the token is sent."""

    async def story(world: World) -> None:
        world.cluster.misissued = MISISSUED[what]
        await world.begin_with_account()
        assert world.requests == 0
        assert world.ready == ("False", "ServiceAccountTokenRefused")
        world.cluster.misissued = {}
        await world.until(EPOCH + 60)
        assert world.ready == ("True", "TokenValid")

    play(story)


@pytest.mark.parametrize("verb", ["get", "create token"])
def test_a_refusal_names_the_charts_value(verb: str) -> None:
    """The installation doesn't grant this account, or not yet; other calls still work."""

    async def story(world: World) -> None:
        error = Denied('403 serviceaccounts "shop" is forbidden: cannot do that', status=403)
        world.cluster.fail(verb, ACCOUNTS, error, 99)
        await world.begin_with_account()
        assert world.ready == ("False", "ServiceAccountTokenRefused")
        message = world.message
        assert f"add {{namespace: {NAMESPACE}, name: shop}} to the chart's value serviceAccounts" in message
        assert world.stalled[0] == "False"
        world.cluster.fail_no_more()
        await world.until(EPOCH + 61)
        assert world.ready == ("True", "TokenValid")

    play(story)


@pytest.mark.parametrize("verb", ["get", "create token"])
def test_an_api_server_that_is_away_is_asked_again(verb: str) -> None:
    """The endpoint gets only one request."""

    async def story(world: World) -> None:
        world.cluster.fail(verb, ACCOUNTS, Unavailable("503"), 3)
        await world.begin_with_account()
        await world.until(EPOCH + 60)
        assert world.ready == ("True", "TokenValid")
        assert world.requests == 1

    play(story)


def test_an_account_that_is_deleted_before_its_token_comes_is_reported() -> None:
    """Between reading it and requesting its token."""

    async def story(world: World) -> None:
        world.cluster.before("create token", ACCOUNTS, lambda: world.cluster.remove(ACCOUNTS, NAMESPACE, "shop"))
        await world.begin_with_account()
        assert world.ready == ("False", "ServiceAccountNotFound")
        assert world.requests == 0

    play(story)


UNFIT: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "a missing account": (
        {"clientAuthenticationMethod": "ServiceAccountToken"},
        {"serviceAccountRef": None, "credentialsSecretRef": {"name": "shop-integration"}},
        "set spec.serviceAccountRef",
    ),
    "an unused account": ({}, {}, "remove spec.serviceAccountRef"),
    "both": (
        {"clientAuthenticationMethod": "ServiceAccountToken"},
        {"credentialsSecretRef": {"name": "shop-integration"}},
        "remove spec.credentialsSecretRef or spec.serviceAccountRef",
    ),
    "a missing Secret": (
        {"grant": "TokenExchange", "clientAuthenticationMethod": "ClientSecretPost"},
        {},
        "set spec.credentialsSecretRef",
    ),
}


@pytest.mark.parametrize("what", UNFIT)
def test_what_does_not_fit_the_endpoint_is_reported_at_the_resource(what: str) -> None:
    """The message says what to set, and nothing is requested."""

    async def story(world: World) -> None:
        endpoint, spec, told = UNFIT[what]
        world.endpoint(**endpoint)
        world.account()
        world.credentials()
        world.account_integration(**spec)
        await world.operator.start()
        await world.settle()
        assert world.ready == ("False", "InvalidSpec")
        assert told in world.message
        assert (world.requests, world.cluster.token_requests) == (0, [])

    play(story)


def test_an_unknown_grant_is_reported_at_the_endpoint() -> None:
    """As on an endpoint stored under a later schema."""

    async def story(world: World) -> None:
        await world.begin()
        world.endpoint(grant="Password")
        await world.settle()
        (ready, _) = world.cluster.object("tokenendpoints", NAMESPACE, "login")["status"]["conditions"]
        assert (ready["status"], ready["reason"]) == ("False", "InvalidSpec")
        assert "spec.grant" in ready["message"]

    play(story)


def test_a_secrets_consent_that_is_taken_back_while_a_request_waits_counts() -> None:
    """What was read more than a second before the request is sent is checked again."""

    async def story(world: World) -> None:
        await world.begin()
        world.client.latency = 5.0
        tills = [f"till-{number}" for number in range(4)]
        for till in tills:
            world.clients[till] = f"secret-of-{till}"
            world.credentials(till, f"secret-of-{till}", f"{till}-credentials")
            world.integration(till, credentialsSecretRef={"name": f"{till}-credentials"})
        await world.settle()
        world.request_renewal("now")
        await world.settle()
        assert world.client.in_flight == 4
        world.cluster.edit("secrets", NAMESPACE, "shop-integration", lambda body: body["metadata"].update(labels={}))
        await world.until(EPOCH + 30)
        assert world.requests == 5
        assert world.refreshed == ("False", "CredentialsNotLabelled")

    play(story)


def test_no_token_of_an_account_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """Nor a part of one: not in debug logs, events, conditions or the target."""
    caplog.set_level(logging.DEBUG)

    async def story(world: World) -> None:
        await world.begin_with_account()
        world.assertion_audiences.clear()
        world.request_renewal("refused")
        await world.settle()
        assert world.refreshed[0] == "False"
        shown = f"{caplog.text}{world.cluster.events}{world.status()}{world.secret()}"
        assert "eyJ" not in shown
        assert ".signature" not in shown

    play(story)


async def at_once(call: Callable[..., Any], *arguments: Any) -> Any:
    """Runs a thread's work at once, since virtual time can't wait for threads."""
    return call(*arguments)


REFUSED = Denied('403 serviceaccounts "shop" is forbidden: cannot do that', status=403)
NO_TOKEN: dict[str, ClusterError] = {"refused": REFUSED, "a webhook that fails": Unavailable("500 webhook")}


def asked_for(world: World) -> int:
    """How often the API server was asked for a ServiceAccount token."""
    return sum(verb == "create token" for verb, _, _ in world.cluster.calls)


@pytest.mark.parametrize("how", NO_TOKEN)
def test_many_resources_of_an_account_without_tokens_cost_one_call_at_a_time(how: str) -> None:
    """Fifty resources cost as many token calls as one; each reports the refusal, and recovers within a minute."""

    async def story(world: World) -> None:
        world.cluster.fail("create token", ACCOUNTS, NO_TOKEN[how], 10**6)
        names = [f"till-{number}" for number in range(50)]
        for name in names:
            world.account_integration(name)
        await world.begin_with_account()
        await world.until(EPOCH + 300)
        assert {world.condition_of(name) for name in names} == {("False", "ServiceAccountTokenRefused")}
        assert world.stalled[0] == "False"
        assert 5 <= asked_for(world) <= 15
        assert world.operator.looks <= 51 * 20
        world.cluster.fail_no_more()
        await world.until(EPOCH + 370)
        assert {world.condition_of(name) for name in names} == {("True", "TokenValid")}
        assert world.requests == 1

    play(story)


@pytest.mark.parametrize("how", NO_TOKEN)
def test_renewal_requests_without_a_token_of_the_account_are_followed_three_times_a_minute(how: str) -> None:
    """However often the resource is annotated; the error stays reported meanwhile, and the current token stays."""

    async def story(world: World) -> None:
        await world.begin_with_account()
        world.cluster.fail("create token", ACCOUNTS, NO_TOKEN[how], 10**6)
        before = asked_for(world)
        for number in range(30):
            world.request_renewal(f"wish {number}")
            await world.settle()
            assert world.refreshed == ("False", "ServiceAccountTokenRefused")
        assert asked_for(world) - before <= 3
        assert world.ready == ("True", "TokenValid")
        world.cluster.fail_no_more()
        await world.until(EPOCH + 65)
        world.request_renewal("now")
        await world.settle()
        assert world.refreshed == ("True", "Refreshed")

    play(story)


def test_renewal_requests_with_a_key_that_cannot_sign_cost_no_tokens_of_the_account(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is requested first and would be thrown away; these, too, are limited to three a minute."""
    monkeypatch.setattr("asyncio.to_thread", at_once)

    async def story(world: World) -> None:
        world.endpoint(grant="TokenExchange", clientAuthenticationMethod="PrivateKeyJWT", requestEncoding="Form")
        world.account()
        world.credentials()
        world.cluster.edit(
            "secrets", NAMESPACE, "shop-integration", lambda body: body["data"].update({"tls.key": encoded("no key")})
        )
        world.account_integration(credentialsSecretRef={"name": "shop-integration"})
        await world.operator.start()
        await world.settle()
        assert world.ready == ("False", "CredentialsInvalid")
        await world.until(EPOCH + 120)
        before = len(world.cluster.token_requests)
        for number in range(30):
            world.request_renewal(f"wish {number}")
            await world.settle()
        assert len(world.cluster.token_requests) - before <= 3
        assert world.requests == 0

    play(story)
