"""Tokens from endpoints with their own dialect, and credentials in one JSON value."""

import json
from dataclasses import replace
from typing import Any

import pytest
from integration_token.oauth.client import Route
from integration_token.oauth.request import TokenRequest
from integration_token.oauth.response import Answer

from tests.unit.world import NAMESPACE, SECRET, World, encoded, play

API_KEY = "kX7-qPz0.Wm4_Ty9"
SPEC: dict[str, Any] = {
    "requestEncoding": "Form",
    "headers": {"X-Tenant": "1"},
    "headersFrom": {"X-Api-Key": "api key"},
    "repeatedParameters": {"resource": ["urn:a"]},
    "response": {"accessTokenPointer": "/data/0/token", "expiresInPointer": "/data/0/ttl"},
}


def wrapped(answer: Answer) -> Answer:
    """A response in a server's own format."""
    fields = json.loads(answer.body)
    data = [{"token": fields.pop("access_token"), "ttl": fields.pop("expires_in")}]
    return replace(answer, body=json.dumps({**fields, "data": data}).encode())


def keep_in_one_value(world: World, **members: Any) -> None:
    """Replaces the credentials with a Secret that holds one JSON object."""
    world.credentials()
    document = json.dumps({"client_id": "shop", "client_secret": SECRET, "api key": API_KEY} | members)
    world.cluster.edit(
        "secrets", NAMESPACE, "shop-integration", lambda body: body.update(data={"key.json": encoded(document)})
    )


async def begin(world: World, **members: Any) -> list[TokenRequest]:
    """The resource at such an endpoint; returns the requests as they are sent."""
    sent: list[TokenRequest] = []
    send = world.client.send

    async def noting(request: TokenRequest, route: Route, **rest: Any) -> Answer:
        sent.append(request)
        return wrapped(await send(request, route, **rest))

    world.client.send = noting  # type: ignore[method-assign]
    world.endpoint(**SPEC)
    keep_in_one_value(world, **members)
    world.integration(credentialsSecretRef={"name": "shop-integration", "jsonKey": "key.json"})
    await world.operator.start()
    await world.settle()
    return sent


def test_headers_repeated_parameters_pointers_and_one_json_value() -> None:
    """One request uses all of it and yields a token, and nothing secret shows where others may read."""

    async def story(world: World) -> None:
        [request] = await begin(world)
        assert request.headers["X-Tenant"] == "1"
        assert request.headers["X-Api-Key"] == API_KEY
        assert b"resource=urn%3Aa" in request.body
        assert world.ready == ("True", "TokenValid")
        assert world.token() == 1
        status = world.status()
        assert status["lifetimeSeconds"] > 0
        assert "expirationAssumed" not in status
        shown = f"{status} {world.cluster.reasons()} {world.secret()['metadata']}"
        assert not [text for text in (API_KEY, SECRET) if text in shown]

    play(story)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"client_secret": 7}, "member client_secret of the JSON object in key key.json of Secret shop-"),
        ({"api key": f"{API_KEY}é"}, "key api key of the credentials Secret, which the endpoint's spec.headersFrom"),
    ],
)
def test_what_the_json_value_lacks_is_reported_and_a_fix_acts_at_once(members: dict[str, Any], message: str) -> None:
    """Nothing is sent, nothing of the value is shown, and a fixed Secret is used at once."""

    async def story(world: World) -> None:
        sent = await begin(world, **members)
        assert sent == []
        assert world.ready == ("False", "CredentialsInvalid")
        assert message in str(world.status())
        assert API_KEY not in str(world.status())
        keep_in_one_value(world)
        await world.settle()
        assert len(sent) == 1
        assert world.ready == ("True", "TokenValid")

    play(story)


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({"headers": {"Host": "other.example"}}, id="a forbidden header"),
        pytest.param({"headers": {"X-A": "1\r\nHost: other.example"}}, id="a header of two lines"),
        pytest.param({"headersFrom": {"Authorization": "api key"}}, id="a forbidden header from the Secret"),
        pytest.param({"response": {"accessTokenPointer": "token"}}, id="a pointer that is none"),
        pytest.param({"parameters": {"grant_type": "password"}}, id="another grant as a parameter"),
    ],
)
def test_what_an_older_schema_let_through_is_refused_by_the_operator(spec: dict[str, Any]) -> None:
    """Nothing is sent with it."""

    async def story(world: World) -> None:
        world.endpoint(**spec)
        world.credentials()
        world.integration()
        await world.operator.start()
        await world.settle()
        assert world.requests == 0
        assert world.ready[0] == "False"
        assert "spec of TokenEndpoint login: " in str(world.status())

    play(story)
