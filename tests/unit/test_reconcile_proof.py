"""Faulty keys, certificates and accounts, and refusals by servers: the message says what to do, without secrets."""

import base64
import logging
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest
from integration_token.api.names import INTEGRATION_TOKENS
from integration_token.cluster.collection import Object
from integration_token.errors import Denied
from integration_token.oauth.client import Route
from integration_token.oauth.request import TokenRequest
from integration_token.oauth.response import Answer

from tests.fakes import fault
from tests.fakes.assertion import AssertionJudge, KnownKey
from tests.unit.signing import DAY, Key, certificate_pem, key_of, pem, rsa_key
from tests.unit.virtual import EPOCH
from tests.unit.world import NAMESPACE, SECRET, URL, World, encoded, play

FORM: dict[str, Any] = {"requestEncoding": "Form"}
SIGNED: dict[str, Any] = FORM | {"clientAuthenticationMethod": "PrivateKeyJWT"}
SHOWN: dict[str, Any] = FORM | {"clientAuthenticationMethod": "TLSClientAuth"}
FEDERATED: dict[str, Any] = FORM | {"clientAuthenticationMethod": "ServiceAccountToken"}
PIECE = 16
"""Characters that appear in a secret and nowhere else."""


@pytest.fixture(autouse=True)
def threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs a thread's work at once, since virtual time can't wait for threads."""

    async def at_once(call: Callable[..., Any], *arguments: Any) -> Any:
        return call(*arguments)

    monkeypatch.setattr("asyncio.to_thread", at_once)


def store(world: World, **values: str) -> None:
    """Writes keys of the credentials Secret; `tls_key` stands for `tls.key`."""

    def change(body: Object) -> None:
        body["data"] |= {name.replace("_", "."): encoded(value) for name, value in values.items()}

    world.cluster.edit("secrets", NAMESPACE, "shop-integration", change)


def register(world: World, key: Key, key_id: str = "") -> None:
    """Makes the server know the client's public key, and judge assertions only by it."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: PLC0415  # of this alone

    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    world.service._federated = None
    world.service.url = URL
    world.service._assertions = AssertionJudge({"shop": KnownKey("ES256", public, key_id)})


def sent_by(world: World) -> list[TokenRequest]:
    """The requests sent from now on; the endpoint knows the client by another method."""
    sent: list[TokenRequest] = []
    carry = world.client._carry

    async def carried(request: TokenRequest, route: Route) -> Answer:
        sent.append(request)
        plain = {"grant_type": "client_credentials", "client_id": "shop", "client_secret": SECRET}
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return await carry(replace(request, headers=headers, body=urlencode(plain).encode()), route)

    world.client._carry = carried  # type: ignore[method-assign]  # a server that trusts everybody
    return sent


async def begin(world: World, endpoint: dict[str, Any], **values: str) -> None:
    """Starts the operator with a resource that has these credentials at such an endpoint."""
    world.endpoint(**endpoint)
    world.credentials()
    store(world, **values)
    world.integration()
    await world.operator.start()
    await world.settle()


def assert_hidden(world: World, log: str, *texts: str) -> None:
    """No part of a secret appears in debug logs, events, conditions or metrics."""
    shown = f"{log}{world.cluster.events}{world.status()}{b''.join(world.operator.metrics.pieces()).decode()}"
    assert not re.search(r"\beyJ", shown)  # as every JWT begins
    lines = [line for text in texts for line in text.splitlines() if "-----" not in line]
    assert not [line for line in lines if any(line[at : at + PIECE] in shown for at in range(0, len(line), PIECE))]


BAD_KEYS: dict[str, tuple[str, dict[str, Any], str]] = {
    "no key": ("c4n4ry-of-a-text-that-is-no-key", {}, "is not a private key in PEM or JWK format; store"),
    "a certificate": (certificate_pem(key_of("P-256")), {}, "store the private key that belongs to it"),
    "of a kind without signatures": (pem(key_of("secp256k1")), {}, "of an unsupported type; store"),
    "of the wrong kind": (pem(key_of("P-256")), {"signingAlgorithm": "RS256"}, "store a key of type RSA"),
    "too short": (pem(rsa_key(1024)), {}, "is an RSA key of 1024 bits; store one of 2048 to 4096"),
    "encrypted": (pem(key_of("P-256"), password="c4n4ry"), {}, "is encrypted; store it without a password"),
}


@pytest.mark.parametrize("what", BAD_KEYS)
def test_a_key_that_cannot_sign_is_reported_at_the_resource(what: str, caplog: pytest.LogCaptureFixture) -> None:
    """Not Stalled, since its author may not be done; nothing is sent, and a valid key acts at once."""
    caplog.set_level(logging.DEBUG)

    async def story(world: World) -> None:
        text, assertion, told = BAD_KEYS[what]
        register(world, key_of("P-256"))
        await begin(world, SIGNED | {"assertion": assertion}, tls_key=text)
        assert world.ready == ("False", "CredentialsInvalid")
        assert told in world.message
        assert "tls.key of Secret shop-integration" in world.message
        assert world.stalled[0] == "False"
        assert world.requests == 0
        assert_hidden(world, caplog.text, text)
        world.endpoint(**SIGNED)
        store(world, tls_key=pem(key_of("P-256")))
        await world.settle()
        assert world.ready == ("True", "TokenValid")
        assert_hidden(world, caplog.text, text, pem(key_of("P-256")))

    play(story)


def test_no_namespace_learns_the_name_of_anothers_secret() -> None:
    """Both have the same invalid key: a finding counts for both, without the Secret's name."""

    async def story(world: World) -> None:
        world.cluster_endpoint(**SIGNED)
        secrets = {NAMESPACE: "keys-of-the-store", "other": "keys-of-the-other"}
        for namespace, name in secrets.items():
            world.credentials(name=name, namespace=namespace)
            world.cluster.edit(
                "secrets", namespace, name, lambda body: body["data"].update({"tls.key": encoded("no key")})
            )
            for number in range(20):
                world.integration(
                    f"till-{number}",
                    namespace,
                    endpointRef={"kind": "ClusterTokenEndpoint", "name": "login"},
                    credentialsSecretRef={"name": name},
                )
        await world.operator.start()
        await world.until(EPOCH + 60)
        assert {world.condition_of(f"till-{number}") for number in range(20)} == {("False", "CredentialsInvalid")}
        for namespace, name in secrets.items():
            tills = [world.cluster.object(INTEGRATION_TOKENS, namespace, f"till-{number}") for number in range(20)]
            told = "".join(str(till["status"]) for till in tills)
            assert not [other for other in secrets.values() if other != name and other in told]
        assert world.operator.looks <= 40 * 20

    play(story)


def test_a_later_resource_does_not_learn_the_name_of_anothers_secret() -> None:
    """One namespace has found its key invalid: another with the same key doesn't learn the Secret's name."""

    async def story(world: World) -> None:
        def bring(namespace: str, name: str) -> None:
            world.credentials(name=name, namespace=namespace)
            world.cluster.edit(
                "secrets", namespace, name, lambda body: body["data"].update({"tls.key": encoded("no key")})
            )
            world.integration(
                namespace,
                namespace,
                endpointRef={"kind": "ClusterTokenEndpoint", "name": "login"},
                credentialsSecretRef={"name": name},
            )

        world.cluster_endpoint(**SIGNED)
        bring("other", "c4n4ry-credentials")
        await world.operator.start()
        await world.until(EPOCH + 5)
        assert "c4n4ry" in str(world.cluster.object(INTEGRATION_TOKENS, "other", "other")["status"])
        bring(NAMESPACE, "shop-integration")
        await world.until(EPOCH + 10)
        assert world.condition_of(NAMESPACE) == ("False", "CredentialsInvalid")
        assert "c4n4ry" not in str(world.status(NAMESPACE))

    play(story)


MINE, OTHER = pem(rsa_key()), pem(rsa_key(number=1))
BAD_CERTIFICATES: dict[str, tuple[str, str, str]] = {
    "of another key": (certificate_pem(rsa_key(number=1)), MINE, "Secret shop-integration"),
    "expired": (certificate_pem(rsa_key(), EPOCH - 2 * DAY, EPOCH - DAY), MINE, "expired at"),
    "not valid yet": (certificate_pem(rsa_key(), EPOCH + DAY, EPOCH + 2 * DAY), MINE, "Secret shop-integration"),
    "no certificate": ("c4n4ry-of-no-certificate", MINE, "no PEM certificate; store the one that belongs"),
}


@pytest.mark.parametrize("what", BAD_CERTIFICATES)
def test_a_certificate_that_cannot_be_shown_is_reported_at_the_resource(
    what: str, caplog: pytest.LogCaptureFixture
) -> None:
    """No connection is made with it, and a matching one acts at once."""
    caplog.set_level(logging.DEBUG)

    async def story(world: World) -> None:
        text, key, told = BAD_CERTIFICATES[what]
        sent = sent_by(world)
        await begin(world, SHOWN, tls_key=key, tls_crt=text)
        assert world.ready == ("False", "CredentialsInvalid")
        assert told in world.message
        assert "; " in world.message
        assert sent == []
        store(world, tls_crt=certificate_pem(rsa_key()))
        await world.settle()
        assert world.ready == ("True", "TokenValid")
        assert len(sent) == 1
        assert_hidden(world, caplog.text, key)

    play(story)


def test_a_certificate_that_expires_is_reported_while_the_token_stays(caplog: pytest.LogCaptureFixture) -> None:
    """It was valid when first read, and is checked again for each request."""
    caplog.set_level(logging.DEBUG)

    async def story(world: World) -> None:
        sent = sent_by(world)
        await begin(world, SHOWN, tls_key=MINE, tls_crt=certificate_pem(rsa_key(), ends=EPOCH + 60))
        assert world.ready == ("True", "TokenValid")
        await world.until(EPOCH + 120)
        world.request_renewal("now")
        await world.settle()
        assert world.refreshed == ("False", "CredentialsInvalid")
        assert "expired at" in world.message
        assert "renew it" in world.message
        assert world.ready == ("True", "TokenValid")
        assert len(sent) == 1
        assert_hidden(world, caplog.text, MINE)

    play(story)


def test_a_certificate_that_changes_while_its_request_waits_is_never_shown_with_the_old_key() -> None:
    """They are read again before sending, so certificate and key are of the same version."""

    async def story(world: World) -> None:
        tills = [f"till-{number}" for number in range(4)]
        sent = sent_by(world)
        old, new = certificate_pem(rsa_key()), certificate_pem(rsa_key(number=1))
        await begin(world, SHOWN, tls_key=MINE, tls_crt=old)
        world.client.latency = 5.0
        for till in tills:
            world.credentials(till, SECRET, f"{till}-credentials")
            world.cluster.edit(
                "secrets",
                NAMESPACE,
                f"{till}-credentials",
                lambda body: body["data"].update({"tls.key": encoded(MINE), "tls.crt": encoded(old)}),
            )
            world.integration(till, credentialsSecretRef={"name": f"{till}-credentials"})
        await world.settle()
        world.request_renewal("now")
        await world.settle()
        assert world.client.in_flight == 4
        store(world, tls_key=OTHER, tls_crt=new)
        await world.until(EPOCH + 30)
        shown = [(request.certificate.chain, request.certificate.key) for request in sent if request.certificate]
        assert len(shown) == len(sent) == 6
        assert shown[-1] == (new, OTHER)
        assert set(shown) == {(old, MINE), (new, OTHER)}

    play(story)


def test_a_key_that_the_server_forgets_and_knows_again_needs_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """While the server lacks the key, the token stays and the advice names the key; then it recovers by itself."""
    caplog.set_level(logging.DEBUG)

    async def story(world: World) -> None:
        mine, text = key_of("P-256"), pem(key_of("P-256"))
        register(world, mine)
        await begin(world, SIGNED, tls_key=text)
        assert world.ready == ("True", "TokenValid")
        world.service._assertions = AssertionJudge({})
        world.request_renewal("now")
        await world.settle()
        assert world.refreshed[0] == "False"
        assert "that the public key matching the credentials Secret's private key is registered" in world.message
        assert_hidden(world, caplog.text, text)
        register(world, mine)
        await world.until(EPOCH + 310)
        assert world.refreshed == ("True", "Refreshed")
        assert world.ready == ("True", "TokenValid")

    play(story)


def test_a_key_id_that_the_server_does_not_know_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    """The advice names the kid; the right one acts at once."""
    caplog.set_level(logging.DEBUG)

    async def story(world: World) -> None:
        text = pem(key_of("P-256"))
        register(world, key_of("P-256"), "new")
        await begin(world, SIGNED | {"assertion": {"keyID": "old"}}, tls_key=text)
        assert world.ready == ("False", "InvalidClient")
        assert "under the kid that is sent, if any" in world.message
        assert_hidden(world, caplog.text, text)
        world.endpoint(**SIGNED, assertion={"keyID": "new"})
        await world.settle()
        assert world.ready == ("True", "TokenValid")

    play(story)


@pytest.mark.parametrize("seconds", [120.0, -120.0], ids=["ahead", "behind"])
def test_an_assertion_by_a_clock_that_is_wrong_is_refused_with_a_word_about_clocks(seconds: float) -> None:
    """Two minutes exceed what a strict server accepts; once the clock is right, the next attempt succeeds."""

    async def story(world: World) -> None:
        register(world, key_of("P-256"))
        world.clock.step(seconds)
        await begin(world, SIGNED, tls_key=pem(key_of("P-256")))
        assert world.ready == ("False", "InvalidClient")
        assert "the clock of the operator's node is right" in world.message
        world.clock.step(-seconds)
        await world.until(EPOCH + 310)
        assert world.ready == ("True", "TokenValid")

    play(story)


REFUSALS: dict[str, tuple[fault.Fault, str, str]] = {
    "500, as to a date ahead": (fault.status(500), "EndpointError", "dated ahead of their clock: check the clock"),
    "413": (fault.status(413), "RequestRejected", "the request is too large for the server"),
    "431": (fault.status(431), "RequestRejected", "the request is too large for the server"),
    "400 without a message": (fault.status(400), "RequestRejected", "check spec.tokenURL"),
    "a client that is unknown or disabled": (
        fault.status(401, "invalid_client"),
        "InvalidClient",
        "check that the client is enabled at the server",
    ),
}


@pytest.mark.parametrize("what", REFUSALS)
def test_a_refused_token_of_an_account_is_reported(what: str, caplog: pytest.LogCaptureFixture) -> None:
    """The advice says what to do, and it recovers by itself once the server accepts the token."""
    caplog.set_level(logging.DEBUG)

    async def story(world: World) -> None:
        spoiled, reason, told = REFUSALS[what]
        world.fault(spoiled)
        await world.begin_with_account()
        assert world.ready == ("False", reason)
        assert told in world.message
        assert_hidden(world, caplog.text)
        world.mend()
        await world.until(EPOCH + 310)
        assert world.ready == ("True", "TokenValid")

    play(story)


@pytest.mark.parametrize("seconds", [60, 365 * 86400], ids=["shorter", "longer"])
def test_a_token_that_lives_for_another_time_than_asked_is_sent_all_the_same(seconds: int) -> None:
    """It is used at once, whatever lifetime the API server chose; each request has its own token."""

    async def story(world: World) -> None:
        world.cluster.misissued = {"exp": int(EPOCH) + seconds}
        await world.begin_with_account()
        await world.until(EPOCH + 1.5 * DAY)
        assert world.ready == ("True", "TokenValid")
        assert len(world.cluster.token_requests) == world.requests >= 2

    play(story)


def test_a_token_request_that_the_api_server_refuses_as_such_is_reported() -> None:
    """Such as for its audience: the chart's values aren't at fault, and the message points to the endpoint."""

    async def story(world: World) -> None:
        refusal = Denied("422 spec.audiences: Invalid value", status=422)
        world.cluster.fail("create token", "serviceaccounts", refusal, 99)
        await world.begin_with_account()
        assert world.ready == ("False", "ServiceAccountTokenRefused")
        assert "422 spec.audiences" in world.message
        assert "check spec.assertion of TokenEndpoint login" in world.message
        assert "chart's value" not in world.message
        world.cluster.fail_no_more()
        await world.until(EPOCH + 61)
        assert world.ready == ("True", "TokenValid")

    play(story)


GRANTS = {
    "TokenExchange": ("urn:ietf:params:oauth:grant-type:token-exchange", "subject_token"),
    "JWTBearer": ("urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion"),
}


@pytest.mark.parametrize("grant", GRANTS)
def test_a_secret_proves_the_client_and_an_accounts_token_is_what_is_exchanged(
    grant: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Each in its own field, with a fresh token for each request, and neither is shown."""
    caplog.set_level(logging.DEBUG)

    async def story(world: World) -> None:
        sent = sent_by(world)
        world.endpoint(**FORM, grant=grant)
        world.account()
        world.credentials()
        world.account_integration(clientID="", credentialsSecretRef={"name": "shop-integration"})
        await world.operator.start()
        await world.settle()
        assert world.ready == ("True", "TokenValid")
        world.request_renewal("now")
        await world.settle()
        bodies = [{name: values[0] for name, values in parse_qs(each.body.decode()).items()} for each in sent]
        name, field = GRANTS[grant]
        assert {(body["grant_type"], body["client_id"], body["client_secret"]) for body in bodies} == {
            (name, "shop", SECRET)
        }
        tokens = {body[field] for body in bodies}
        assert len(tokens) == len(world.cluster.token_requests) == 2
        assert_hidden(world, caplog.text, SECRET, *tokens)
        assert not [token for token in tokens if token in base64.b64decode(world.secret()["data"]["token"]).decode()]

    play(story)


@pytest.mark.parametrize("grant", GRANTS)
@pytest.mark.parametrize("side", ["Secret", "account"])
def test_either_owner_can_take_their_consent_back(grant: str, side: str) -> None:
    """The request needs the consent of both; without either nothing is sent, and the current token stays."""

    async def story(world: World) -> None:
        sent = sent_by(world)
        world.endpoint(**FORM, grant=grant)
        world.account()
        world.credentials()
        world.account_integration(credentialsSecretRef={"name": "shop-integration"})
        await world.operator.start()
        await world.settle()
        plural, name = ("secrets", "shop-integration") if side == "Secret" else ("serviceaccounts", "shop")
        world.cluster.edit(plural, NAMESPACE, name, lambda body: body["metadata"].update(labels={}))
        world.request_renewal("now")
        await world.settle()
        assert len(sent) == len(world.cluster.token_requests) == 1
        labelled = "CredentialsNotLabelled" if side == "Secret" else "ServiceAccountNotLabelled"
        assert world.refreshed == ("False", labelled)

    play(story)


@pytest.mark.parametrize("code", ["invalid_request", "unsupported_token_type", "invalid_target"])
def test_a_type_of_token_that_the_server_does_not_exchange_is_reported(
    code: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The advice names the field that sets it."""
    caplog.set_level(logging.DEBUG)

    async def story(world: World) -> None:
        sent_by(world)
        world.fault(fault.status(400, code))
        world.endpoint(**FORM, grant="TokenExchange")
        world.account()
        world.credentials()
        world.account_integration(credentialsSecretRef={"name": "shop-integration"})
        await world.operator.start()
        await world.settle()
        assert world.ready == ("False", "RequestRejected")
        assert "check spec.tokenExchange of TokenEndpoint login, since servers accept few token types" in world.message
        assert_hidden(world, caplog.text, SECRET)

    play(story)


def test_an_accounts_consent_that_is_taken_back_while_a_request_waits_counts() -> None:
    """The account is read right before its token is requested, however long ago the request was prepared."""

    async def story(world: World) -> None:
        await world.begin_with_account()
        world.client.latency = 5.0
        for scope in ("a", "b", "c", "d"):
            world.account_integration(f"till-{scope}", scopes=[scope])
        await world.settle()
        world.request_renewal("now")
        await world.settle()
        assert world.client.in_flight == 4
        world.cluster.edit("serviceaccounts", NAMESPACE, "shop", lambda body: body["metadata"].update(labels={}))
        await world.until(EPOCH + 30)
        assert len(world.cluster.token_requests) == 5
        assert world.refreshed == ("False", "ServiceAccountNotLabelled")

    play(story)
