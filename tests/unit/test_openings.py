"""Extension points work: made-up methods, grants and conditions are added from outside, without other changes."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qs

import pytest
from integration_token.api.condition import Condition, ConditionType, Reason, condition_of
from integration_token.api.endpoint import RequestEncoding
from integration_token.api.names import TOKEN_ENDPOINTS
from integration_token.controller import condition
from integration_token.controller.outcome import Outcome
from integration_token.oauth.authentication import METHODS
from integration_token.oauth.grant_type import GRANT_TYPES
from integration_token.oauth.part import Contribution, GrantInputs, Needs, TokenRequestSpec
from integration_token.oauth.request import build_request, needs

from tests.fakes.fault.kind import says
from tests.fakes.reply import Reply, error
from tests.unit.virtual import EPOCH
from tests.unit.world import NAMESPACE, SECRET, World, encoded, play

PIN = "the-pin-of-the-shop-31415926"
INPUTS = GrantInputs(
    token_url="https://login.example/oauth/token",
    encoding=RequestEncoding.FORM,
    authentication="ClientSecretPost",
    parameters=(("tenant", "1"),),
    audience="",
    scopes=("read",),
)


class Signed:
    """Sends the client's secret, and signs the time with a third key in the credentials Secret."""

    def needs(self, inputs: GrantInputs) -> Needs:
        """Three keys."""
        return Needs(("client_id", "client_secret", "pin"))

    def contribute(self, spec: TokenRequestSpec, now: float) -> Contribution:
        """Adds two fields and two headers."""
        given = spec.credentials
        signature = hmac.new(given["pin"].encode(), str(int(now)).encode(), hashlib.sha256).hexdigest()
        return Contribution(
            fields={"client_id": given["client_id"], "client_secret": given["client_secret"]},
            headers={"X-Time": str(int(now)), "X-Signature": signature},
            secrets=(given["client_secret"], given["pin"], signature),
        )


class Exchange:
    """Exchanges another token, stored in the credentials Secret, for the requested one."""

    def needs(self, inputs: GrantInputs) -> Needs:
        """The other token."""
        return Needs(("subject_token",))

    def contribute(self, spec: TokenRequestSpec, now: float) -> Contribution:
        """Adds the grant's fields."""
        token = spec.credentials["subject_token"]
        return Contribution({"grant_type": "urn:example:exchange", "subject_token": token}, secrets=(token,))


@pytest.fixture(autouse=True)
def tables(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tables with an additional row."""
    monkeypatch.setitem(METHODS, "Signed", Signed())
    monkeypatch.setitem(GRANT_TYPES, "Exchange", Exchange())


def add_pin(world: World, pin: str | None = PIN) -> None:
    """Adds the third key to the credentials Secret, or removes it."""

    def edit(body: dict[str, Any]) -> None:
        body["data"].pop("pin", None)
        body["data"] |= {} if pin is None else {"pin": encoded(pin)}

    world.cluster.edit("secrets", NAMESPACE, "shop-integration", edit)


def ready_message(world: World) -> str:
    """The message of the resource's Ready condition."""
    return str(condition_of(world.status(), ConditionType.READY)["message"])


def test_a_made_up_method_gets_a_token_by_what_it_adds(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the name in the endpoint's spec to the sent request, with a key that only this method needs."""

    async def story(world: World) -> None:
        sent: list[dict[str, str]] = []
        answer = world.service.answer

        def noting(method: str, path: str, headers: Mapping[str, str], *rest: Any) -> Reply:
            sent.append(dict(headers))
            return answer(method, path, headers, *rest)

        monkeypatch.setattr(world.service, "answer", noting)
        world.endpoint(clientAuthenticationMethod="Signed")
        world.credentials()
        add_pin(world)
        world.integration()
        await world.operator.start()
        await world.settle()
        assert world.ready[0] == "True"
        [headers] = sent
        time = headers["x-time"]
        assert abs(int(time) - EPOCH) < 5
        assert headers["x-signature"] == hmac.new(PIN.encode(), time.encode(), hashlib.sha256).hexdigest()

    play(story)


def test_a_made_up_methods_key_is_missed_by_its_name() -> None:
    """As with other methods; once the key is there, a token follows."""

    async def story(world: World) -> None:
        world.endpoint(clientAuthenticationMethod="Signed")
        world.credentials()
        world.integration()
        await world.operator.start()
        await world.settle()
        assert world.ready == ("False", "CredentialsInvalid")
        assert ready_message(world).startswith("key pin of Secret shop-integration is missing")
        add_pin(world)
        await world.settle()
        assert world.ready[0] == "True"

    play(story)


def test_what_a_made_up_method_calls_secret_never_comes_back() -> None:
    """Not in a message, even if the endpoint echoes it, and not in anything that can be printed."""

    async def story(world: World) -> None:
        world.endpoint(clientAuthenticationMethod="Signed")
        world.credentials()
        add_pin(world)
        world.integration()
        world.fault(says("echo", lambda _: error(400, "invalid_request", f"who is {SECRET}, and what is {PIN}")))
        await world.operator.start()
        await world.settle()
        message = ready_message(world)
        assert message.startswith("the endpoint answered 400 invalid_request: who is")
        assert not [text for text in (SECRET, PIN) if text in message]

    play(story)
    credentials = {"client_id": "shop", "client_secret": SECRET, "pin": PIN}
    spec = TokenRequestSpec(replace(INPUTS, authentication="Signed"), credentials)
    request = build_request(spec, EPOCH)
    assert not [text for text in (SECRET, PIN, request.headers["X-Signature"]) if text in f"{spec!r} {request!r}"]


def test_another_value_of_a_made_up_methods_key_is_another_grant() -> None:
    """Resources with different values share no token; resources with the same value do."""

    async def story(world: World) -> None:
        world.endpoint(clientAuthenticationMethod="Signed")
        world.credentials()
        add_pin(world)
        world.integration()
        world.credentials(name="other")
        world.cluster.edit("secrets", NAMESPACE, "other", lambda body: body["data"].update(pin=encoded("another-pin")))
        world.integration("other", credentialsSecretRef={"name": "other"}, target={"name": "other-token"})
        world.integration("third", target={"name": "third-token"})
        await world.operator.start()
        await world.settle()
        assert world.requests == 2

    play(story)


def test_a_made_up_grant_type_asks_by_its_own_fields() -> None:
    """In addition to the usual fields, with what it needs from the credentials."""
    inputs = replace(INPUTS, grant_type="Exchange")
    assert set(needs(inputs).credentials) == {"client_id", "client_secret", "subject_token"}
    credentials = {"client_id": "shop", "client_secret": SECRET, "subject_token": "s" * 20}
    request = build_request(TokenRequestSpec(inputs, credentials), EPOCH)
    assert parse_qs(request.body.decode()) == {
        "grant_type": ["urn:example:exchange"],
        "subject_token": ["s" * 20],
        "scope": ["read"],
        "tenant": ["1"],
        "client_id": ["shop"],
        "client_secret": [SECRET],
    }
    assert "s" * 20 in request.secrets


def test_an_unknown_method_is_reported_by_its_name() -> None:
    """As on an endpoint stored under another version's schema: reported there and on resources that refer to it."""

    async def story(world: World) -> None:
        world.endpoint(clientAuthenticationMethod="mTLS")
        world.credentials()
        world.integration()
        await world.operator.start()
        await world.settle()
        message = f"spec.clientAuthenticationMethod is not valid; set it to one of {', '.join(METHODS)}"
        assert (*world.ready, ready_message(world)) == ("False", "InvalidSpec", message)
        endpoint = world.cluster.object(TOKEN_ENDPOINTS, NAMESPACE, "login")
        told = [(each["status"], each["reason"], each["message"]) for each in endpoint["status"]["conditions"]]
        assert told == [("False", "InvalidSpec", message), ("True", "InvalidSpec", message)]
        assert world.requests == 0
        world.endpoint()
        await world.settle()
        assert world.ready[0] == "True"

    play(story)


class MadeUp(StrEnum):
    """A condition type that doesn't exist yet."""

    TALKATIVE = "Talkative"


def test_a_condition_is_one_function_and_one_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """It appears in the status with the others, with its own transition time."""

    def talkative(outcome: Outcome) -> Condition:
        return Condition(MadeUp.TALKATIVE, outcome.asked, Reason.VALID, "it asks")  # type: ignore[arg-type]  # made up

    monkeypatch.setattr(condition, "CONDITIONS", (*condition.CONDITIONS, talkative))

    async def story(world: World) -> None:
        await world.begin()
        [found] = [each for each in world.status()["conditions"] if each["type"] == "Talkative"]
        assert (found["status"], found["message"]) == ("True", "it asks")
        assert found["lastTransitionTime"]

    play(story)
