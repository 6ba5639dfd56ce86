"""The audit log records which token was issued to whom and for what, without anything that identifies the token."""

import base64
import json
import logging
from typing import Any

import pytest

from tests.fakes.issuer import Policy
from tests.unit.world import NAMESPACE, SECRET, Operator, World, play, true_time


@pytest.fixture(autouse=True)
def _all(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="integration_token")


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """The audit lines, parsed."""
    told = [getattr(record, "values", {}) for record in caplog.records]
    return [values for values in told if values.get("event") == "TokenIssued"]


def claims(world: World) -> dict[str, Any]:
    """The claims of the JWT in the target Secret."""
    token = base64.b64decode(world.secret("shop-token")["data"]["token"]).decode()
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    return found


def test_each_issued_token_has_one_line(caplog: pytest.LogCaptureFixture) -> None:
    """It names the resource, endpoint, authentication and lifetime; a poll that returns the same token logs nothing."""

    async def story(world: World) -> None:
        await world.begin(scopes=["read"], target={"name": "shop-token"})
        version = world.cluster.object("secrets", NAMESPACE, "shop-integration")["metadata"]["resourceVersion"]
        assert lines(caplog) == [
            {
                "event": "TokenIssued",
                "namespace": NAMESPACE,
                "name": "shop",
                "endpoint_kind": "TokenEndpoint",
                "endpoint_name": "login",
                "credentials_secret": "shop-integration",
                "credentials_resource_version": version,
                "scopes": ["read"],
                "lifetime_seconds": 3600,
            }
        ]
        requests = world.requests
        world.request_renewal("now")
        await world.settle()
        assert world.requests == requests + 1
        assert len(lines(caplog)) == 1
        await world.until(true_time(world.clock) + 3700)
        assert len(lines(caplog)) == 2

    play(story, Policy(lifetime=3600, lead=0))


@pytest.mark.parametrize("told", [False, True])
def test_the_id_of_a_jwt_is_logged_only_if_that_is_switched_on(caplog: pytest.LogCaptureFixture, *, told: bool) -> None:
    """At some servers the ID is the opaque token itself."""

    async def story(world: World) -> None:
        world.audit_token_ids = told
        world.operator = Operator(world)
        await world.begin(target={"name": "shop-token"})
        [line] = lines(caplog)
        assert line.get("jti") == (claims(world)["jti"] if told else None)

    play(story, Policy(lifetime=3600, lead=0, jwt=True))


def test_the_line_holds_nothing_of_token_or_secret(caplog: pytest.LogCaptureFixture) -> None:
    """Nor a digest of one: the values are names, versions, scopes and a number."""

    async def story(world: World) -> None:
        await world.begin(target={"name": "shop-token"})
        data = world.secret("shop-token")["data"]
        text = json.dumps(lines(caplog))
        assert base64.b64decode(data["token"]).decode() not in text
        assert SECRET not in text

    play(story, Policy(lifetime=3600, lead=0))
