"""Which scopes of a response are shown, and what is said if some are left out."""

import base64
import json
import random
import string
from collections.abc import Callable
from dataclasses import replace

import pytest
from integration_token.api.condition import ConditionType, condition_of
from integration_token.api.endpoint import RequestEncoding
from integration_token.oauth.refusal import Asked
from integration_token.oauth.response import Answer, read_answer
from integration_token.oauth.scope import MAX_SCOPE, granted_scopes

from tests.fakes.fault.kind import Fault
from tests.fakes.issuer import Policy
from tests.unit.virtual import EPOCH
from tests.unit.world import NAMESPACE, World, play

HOUR = 3600.0
SECRET = "kT9vQ2xLr7WmZ4bNc8YsJ1hGfD6pAe3U"
_CHOOSE = random.Random(9)  # noqa: S311  # reproducible, not secret


def drawn(length: int) -> str:
    """A token of that length."""
    return "".join(_CHOOSE.choices(string.ascii_letters + string.digits + "-_", k=length))


NAMES: dict[str, Callable[[int], str]] = {
    "short": lambda number: f"s{number}",
    "lower-case words": lambda number: f"template_collection_{'abcdefghij'[number % 10]}:{'rw'[number % 2] * 3}",
    "words and numbers": lambda number: f"template_collection:{number}",
    "long": lambda number: f"user_impersonation_for_every_single_item_{number}",
    "addresses": lambda number: f"https://www.example.com/auth/cloud-platform-{number}.readonly",
    "camel case": lambda number: f"Directory.Item{number}.ReadWrite.All",
}


@pytest.mark.parametrize("held", [0, 9000, 30_000, 48_000])
@pytest.mark.parametrize("name", NAMES)
def test_scopes_as_servers_name_them_are_all_shown(name: str, held: int) -> None:
    """Whatever the tokens look like."""
    secrets = (SECRET, *((drawn(held), drawn(held)) if held else ()))
    scopes = [NAMES[name](number) for number in range(140)]
    assert granted_scopes(" ".join(scopes), (), secrets) == (tuple(scopes), False)


def test_of_too_many_scopes_those_that_fit_are_shown_each_of_them_whole() -> None:
    """In order; it is recorded that there are more."""
    scopes = tuple(f"read:{number:03}" for number in range(MAX_SCOPE // 9))
    fitting = " ".join((*scopes, "x" * (MAX_SCOPE - 9 * len(scopes))))
    assert granted_scopes(fitting, (), ()) == (tuple(fitting.split()), False)
    assert granted_scopes(f"{fitting}x", (), ()) == (scopes, True)
    assert granted_scopes(f"{fitting} x", (), ()) == (tuple(fitting.split()), True)
    assert granted_scopes("x" * 20_000, (), ()) == ((), True)


@pytest.mark.parametrize(
    "left_out",
    [
        pytest.param(SECRET, id="a secret"),
        pytest.param(SECRET[3:16], id="a piece of one"),
        pytest.param(SECRET.encode().hex(), id="a secret in hexadecimal"),
        pytest.param(base64.b64encode(SECRET.encode()).decode(), id="a secret in base64"),
        pytest.param("x" * 257, id="too long"),
        pytest.param('a"b', id="no scope"),
    ],
)
def test_what_is_left_out_of_the_scopes_is_known_to_be_left_out(left_out: str) -> None:
    """So that nobody thinks they were lost."""
    assert granted_scopes(f"read {left_out} write", (), (SECRET,)) == (("read", "write"), True)
    body = json.dumps({"access_token": "x", "expires_in": 60, "scope": f"read {left_out} write"}).encode()
    token = read_answer(
        Answer(200, {}, body, 1000.0),
        asked=Asked(
            "TokenEndpoint login", "https://login.example/t", RequestEncoding.FORM, "ClientSecretPost", token_type=""
        ),
        scopes=(),
        default_lifetime=60,
        secrets=(SECRET,),
        received=1000.0,
    )
    assert (token.scope, token.scope_incomplete) == (("read", "write"), True)


def granting(*scopes: str) -> Fault:
    """Makes the endpoint grant these scopes with new tokens."""
    return Fault(
        "other scopes",
        issue=lambda issuer, grant, now: issuer.answer(grant, now, replace(issuer.policy(grant), granted=scopes)),
    )


async def renew(world: World, *scopes: str) -> None:
    """Has a token with these scopes issued."""
    world.mend()
    world.fault(granting(*scopes))
    world.issuer.roll_over()
    world.request_renewal(f"{scopes[-1]} {len(scopes)}")
    await world.settle()
    assert world.issuer.find(base64.b64decode(world.secret()["data"]["token"]).decode()).scopes == scopes  # type: ignore[union-attr]


MANY = tuple(f"template_collection:{number}" for number in range(400))
"""More than are shown."""


def message(world: World) -> str:
    """The message of the Refreshed condition."""
    return str(condition_of(world.status(), ConditionType.REFRESHED)["message"])


def test_scopes_that_are_not_shown_are_not_taken_for_lost() -> None:
    """Whether scopes are added or fewer are shown; the status says that there are more, even after a restart."""

    async def story(world: World) -> None:
        await world.begin()
        few = MANY[:300]
        await renew(world, *few)
        assert message(world) == ""
        added = tuple(f"added_collection:{number}" for number in range(300))
        await renew(world, *added, *few)
        assert world.refreshed == ("True", "Refreshed")
        assert 200 < len(world.status()["scope"]) < 400
        told = message(world)
        assert told.startswith("status.scope does not list all scopes of the token")
        await world.restart()
        await world.until(EPOCH + 60)
        assert message(world) == told
        await renew(world, *added[:100])
        assert world.refreshed == ("True", "Refreshed")
        assert message(world) == ""
        await renew(world, *added[:50])
        assert world.refreshed == ("True", "ScopesReduced")
        assert world.cluster.reasons() == ["Issued", *["Renewed"] * 4, "ScopesReduced"]

    play(story, Policy(lifetime=24 * HOUR, lead=HOUR))


def test_a_copy_of_a_token_says_that_it_has_more_scopes() -> None:
    """The response went to another resource."""

    async def story(world: World) -> None:
        await world.begin()
        await renew(world, *MANY)
        world.integration("other")
        await world.settle()
        assert world.secret("other")["data"]["token"] == world.secret()["data"]["token"]
        both = [condition_of(world.status(name), ConditionType.REFRESHED)["message"] for name in ("shop", "other")]
        assert both[0] == both[1] != ""

    play(story, Policy(lifetime=24 * HOUR, lead=HOUR))


def test_a_token_whose_scopes_are_all_shown_again_has_no_mark() -> None:
    """The Secret's annotation goes with the token."""

    async def story(world: World) -> None:
        await world.begin()
        marks = []
        for scopes in (MANY, MANY[:9]):
            await renew(world, *scopes)
            annotations = world.secret()["metadata"]["annotations"]
            marks.append(annotations.get("integrationtoken.dev/scope-incomplete"))
            assert annotations["integrationtoken.dev/scope"].split() == world.status()["scope"]
        assert marks == ["true", None]

    play(story, Policy(lifetime=24 * HOUR, lead=HOUR))


def test_the_scopes_in_a_template_are_whole() -> None:
    """None of them is cut in half."""

    async def story(world: World) -> None:
        await world.begin(target={"template": {"data": {"scopes": "${scope}"}}})
        await renew(world, *MANY)
        written = base64.b64decode(world.cluster.object("secrets", NAMESPACE, "shop")["data"]["scopes"]).decode()
        assert {*written.split()} < {*MANY}

    play(story, Policy(lifetime=24 * HOUR, lead=HOUR))
