"""What is to come has its place: made-up parts are added from outside, and nothing else is touched for them."""

from collections.abc import Callable
from dataclasses import fields, replace
from enum import StrEnum
from typing import Any

import pytest
from integration_token.api.condition import Condition, Reason
from integration_token.api.endpoint import EndpointKind, EndpointRef, RequestEncoding, parse_endpoint
from integration_token.controller import condition
from integration_token.controller.outcome import Outcome
from integration_token.oauth.authentication import METHODS, Authentication, ClientCredentials
from integration_token.oauth.client import Route
from integration_token.oauth.request import GrantInputs, TokenRequest, TokenRequestSpec
from integration_token.oauth.response import Answer
from integration_token.state.grant import GrantState
from integration_token.state.grants import Grants
from integration_token.workqueue.key import token_key
from integration_token.workqueue.scheduler import Scheduler

from tests.unit.virtual import FakeClock
from tests.unit.world import World, play


class Riddle:
    """A method that nobody has: the secret backwards in a header, beside what the endpoint wants."""

    def authenticate(self, credentials: ClientCredentials) -> Authentication:
        """As the protocol has it."""
        answer = credentials.client_secret[::-1]
        body = {"client_id": credentials.client_id, "client_secret": credentials.client_secret}
        return Authentication(fields=body, headers={"Riddle": answer}, secrets=(credentials.client_secret, answer))


def test_a_method_of_client_authentication_is_one_class_and_one_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """An endpoint that names it is used with it, and the token arrives."""
    monkeypatch.setattr("integration_token.oauth.request.METHODS", {**METHODS, "Riddle": Riddle()})

    async def story(world: World) -> None:
        sent: list[TokenRequest] = []
        send = world.client.send

        async def listen(request: TokenRequest, route: Route, *, ended: Callable[[], None] = lambda: None) -> Answer:
            sent.append(request)
            return await send(request, route, ended=ended)

        monkeypatch.setattr(world.client, "send", listen)
        world.credentials()
        world.endpoint(clientAuthenticationMethod="Riddle")
        world.integration()
        await world.operator.start()
        await world.settle()
        assert world.ready == ("True", "TokenValid")
        assert [request.headers["Riddle"] for request in sent] == ["noitargetni-pohs-eht-fo-t3rc3s"]

    play(story)


class MadeUp(StrEnum):
    """A type that no condition has yet."""

    TALKATIVE = "Talkative"


def test_a_condition_is_one_function_and_one_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """It stands in the status with the others, with a time of its own."""

    def talkative(outcome: Outcome) -> Condition:
        return Condition(MadeUp.TALKATIVE, outcome.asked, Reason.VALID, "it asks")  # type: ignore[arg-type]  # made up

    monkeypatch.setattr(condition, "CONDITIONS", (*condition.CONDITIONS, talkative))

    async def story(world: World) -> None:
        await world.begin()
        [found] = [each for each in world.status()["conditions"] if each["type"] == "Talkative"]
        assert (found["status"], found["message"]) == ("True", "it asks")
        assert found["lastTransitionTime"]

    play(story)


INPUTS = GrantInputs("https://login.example", RequestEncoding.JSON, "ClientSecretPost", (), "audience", ("read",))


def test_an_input_of_the_grant_is_listed_once() -> None:
    """Each tells grants apart wherever that is done, without being named there."""
    others = []
    for each in fields(INPUTS):
        change: dict[str, Any] = {each.name: "another"}
        others.append(replace(INPUTS, **change))
    assert len({str(each.fingerprint) for each in (INPUTS, *others)}) == len(others) + 1

    async def work(_: object) -> None:
        raise AssertionError("nothing is worked on here")

    grants = Grants(Scheduler(FakeClock(lambda: 0.0), work))
    metadata = {"name": "login", "namespace": "store", "uid": "uid"}
    endpoint = parse_endpoint(EndpointKind.NAMESPACED, {"metadata": metadata, "spec": {"tokenURL": "https://a"}})
    assert endpoint.ref == EndpointRef(EndpointKind.NAMESPACED, "store", "login")
    joined = [
        grants.join(
            token_key("store", str(number)), GrantState(), endpoint, TokenRequestSpec(each, ClientCredentials("a", "b"))
        )
        for number, each in enumerate((INPUTS, INPUTS, *others))
    ]
    assert joined[0] is joined[1]
    assert len({id(each) for each in joined}) == len(others) + 1


def test_an_input_that_is_added_leaves_what_is_stored_as_it_is() -> None:
    """One with a default counts only where it differs from that."""
    assert INPUTS.fingerprint == ("https://login.example", "JSON", "ClientSecretPost", (), "audience", ("read",))
    assert replace(INPUTS, grant_type="Another").fingerprint == (*INPUTS.fingerprint, ["grant_type", "Another"])
