"""What an endpoint's status says about its own spec, before any token is requested."""

from typing import Any

import pytest
from integration_token.api.names import CLUSTER_TOKEN_ENDPOINTS, TOKEN_ENDPOINTS

from tests.unit.world import NAMESPACE, World, play

NOT_STALLED = ("Stalled", "False", "Progressing")


def told(world: World, plural: str = TOKEN_ENDPOINTS) -> list[tuple[str, str, str]]:
    """Type, status and reason of each of the endpoint's conditions."""
    namespace = NAMESPACE if plural == TOKEN_ENDPOINTS else ""
    status = world.cluster.object(plural, namespace, "login")["status"]
    return [(condition["type"], condition["status"], condition["reason"]) for condition in status["conditions"]]


def test_a_good_spec_is_ready_and_not_stalled() -> None:
    """For both kinds, with one write each."""

    async def story(world: World) -> None:
        world.cluster_endpoint()
        with world.counting() as writes:
            await world.begin()
        for plural in (TOKEN_ENDPOINTS, CLUSTER_TOKEN_ENDPOINTS):
            assert told(world, plural) == [("Ready", "True", "Valid"), NOT_STALLED]
            assert writes.count(("patch status", plural, "login")) == 1

    play(story)


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"tokenURL": "http://login.example/t"}, "InsecureURL"),
        ({"tokenURL": "https://[login]/t"}, "InvalidSpec"),
        ({"caBundle": "x"}, "InvalidCABundle"),
        ({"timeout": "soon"}, "InvalidSpec"),
        ({"clientAuthenticationMethod": "Telepathy"}, "InvalidSpec"),
        ({"namespaceSelector": {"matchExpressions": [{"key": "a", "operator": "Perhaps"}]}}, "InvalidSpec"),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_a_bad_spec_is_stalled_and_those_that_refer_to_it_are_not(spec: dict[str, Any], reason: str) -> None:
    """Tools that wait for the endpoint fail with its message; after the fix no IntegrationToken has to recover."""

    async def story(world: World) -> None:
        world.cluster_endpoint(**spec)
        await world.begin(endpointRef={"kind": "ClusterTokenEndpoint", "name": "login"})
        assert told(world, CLUSTER_TOKEN_ENDPOINTS) == [("Ready", "False", reason), ("Stalled", "True", reason)]
        conditions = world.cluster.object(CLUSTER_TOKEN_ENDPOINTS, "", "login")["status"]["conditions"]
        assert conditions[0]["message"] == conditions[1]["message"] != ""
        assert (world.ready, world.stalled) == (("False", reason), ("False", "Progressing"))
        world.cluster_endpoint()
        await world.settle()
        assert told(world, CLUSTER_TOKEN_ENDPOINTS) == [("Ready", "True", "Valid"), NOT_STALLED]
        assert world.ready == ("True", "TokenValid")

    play(story)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://login.example/oauth/token", "login.example"),
        ("https://login.example:8443/oauth/token", "login.example:8443"),
        ("https://user:pass@login.example/oauth/token", "login.example"),
        ("https://[login]/t", None),
    ],
)
def test_the_host_is_shown_when_endpoints_are_listed(url: str, host: str | None) -> None:
    """As `kubectl get` shows it, without any user name and password in the URL."""

    async def story(world: World) -> None:
        world.endpoint(tokenURL=url)
        await world.operator.start()
        await world.settle()
        status = world.cluster.object(TOKEN_ENDPOINTS, NAMESPACE, "login")["status"]
        assert status.get("host") == host

    play(story)


def test_a_status_of_before_there_was_the_condition_gets_it_by_one_write() -> None:
    """There is no second write at the next start."""

    async def story(world: World) -> None:
        await world.begin()

        def take(body: dict[str, Any]) -> None:
            del body["status"]["conditions"][1]

        world.cluster.edit(TOKEN_ENDPOINTS, NAMESPACE, "login", take)
        for expected in ([("patch status", TOKEN_ENDPOINTS, "login")], []):
            with world.counting() as writes:
                await world.restart()
            assert writes == expected
        assert told(world) == [("Ready", "True", "Valid"), NOT_STALLED]

    play(story)
