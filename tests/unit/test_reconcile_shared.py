"""One grant, one request: resources whose requests would be the same get the same token, and no others do."""

import re
from typing import Any

import pytest
from integration_token.api.condition import ConditionType
from integration_token.api.names import (
    GRANT_HASH_ANNOTATION,
    INTEGRATION_TOKENS,
    ISSUE_TIME_ANNOTATION,
    LIFETIME_ANNOTATION,
    MANAGER,
)
from integration_token.api.value import parse_time
from integration_token.errors import Denied, Transient
from integration_token.renewal.schedule import turn
from integration_token.workqueue.key import token_key

from tests.fakes import fault
from tests.fakes.issuer import Policy
from tests.unit.virtual import EPOCH
from tests.unit.world import NAMESPACE, SECRET, World, encoded, play

DAY = 86400.0
HOUR = 3600.0
CLUSTER: dict[str, Any] = {"endpointRef": {"kind": "ClusterTokenEndpoint", "name": "login"}}
OTHER = "market"


async def sharing(world: World, *names: str, **spec: Any) -> None:
    """Resources with the same credentials, and an operator that knows them all."""
    world.endpoint()
    world.credentials()
    for name in names:
        world.integration(name, **spec)
    await world.operator.start()
    await world.settle()


async def across(world: World, **selector: Any) -> None:
    """Two namespaces that have the same credentials for the same ClusterTokenEndpoint."""
    world.cluster_endpoint(**selector)
    for namespace in (NAMESPACE, OTHER):
        world.namespace(namespace, team=namespace)
        world.credentials(namespace=namespace)
        world.integration(namespace=namespace, **CLUSTER)
    await world.operator.start()
    await world.settle()


def saved(world: World) -> float:
    """The counter of requests saved, as Prometheus reads it."""
    text = world.operator.metrics.text().decode()
    return sum(map(float, re.findall(r"^integration_token_requests_saved_total\{.*\} (.*)$", text, re.MULTILINE)))


def test_resources_with_the_same_request_share_its_answer() -> None:
    """Three of them, created together."""

    async def story(world: World) -> None:
        await sharing(world, "shop", "till", "stock")
        assert world.requests == 1
        assert [world.token(name) for name in ("shop", "till", "stock")] == [1, 1, 1]
        assert {world.secret(name)["data"]["expires_at"] for name in ("shop", "till", "stock")} == {
            world.secret()["data"]["expires_at"]
        }
        assert all(world.condition_of(name) == ("True", "TokenValid") for name in ("shop", "till", "stock"))
        assert saved(world) == 2

    play(story)


def test_a_shared_token_is_renewed_by_the_requests_of_one() -> None:
    """Over a week: as many as one resource alone would have cost, and every resource follows at once."""

    async def alone(world: World) -> None:
        await sharing(world, "shop")
        await world.until(EPOCH + 7 * DAY)
        counts.append(world.requests)

    async def together(world: World) -> None:
        await sharing(world, "shop", "till", "stock")
        await world.until(EPOCH + 7 * DAY)
        counts.append(world.requests)
        assert len({world.token(name) for name in ("shop", "till", "stock")}) == 1

    counts: list[int] = []
    play(alone)
    play(together)
    assert counts[1] <= counts[0] + 1


def test_a_late_comer_copies_the_token_that_another_holds() -> None:
    """With its expiry and its lifetime as first seen."""

    async def story(world: World) -> None:
        await sharing(world, "shop")
        await world.until(EPOCH + HOUR)
        world.integration("till")
        await world.settle()
        assert (world.requests, world.token("till")) == (1, 1)
        for field in ("expirationTime", "issueTime", "lifetimeSeconds"):
            assert world.status("till")[field] == world.status()[field]

    play(story)


def test_a_late_comer_does_not_wait_for_the_rate_limit() -> None:
    """It needs no request."""

    async def story(world: World) -> None:
        await sharing(world, "shop")
        world.endpoint(rateLimit={"requestsPerMinute": 1})
        world.integration("till")
        await world.settle()
        assert world.condition_of("till") == ("True", "TokenValid")
        assert world.requests == 1

    play(story)


@pytest.mark.parametrize(
    ("spec", "secret"),
    [
        pytest.param({"audience": "https://other.example"}, SECRET, id="another audience"),
        pytest.param({"scopes": ["font:read"]}, SECRET, id="other scopes"),
        pytest.param({"endpointRef": {"kind": "TokenEndpoint", "name": "second"}}, SECRET, id="another endpoint"),
        pytest.param({"credentialsSecretRef": {"name": "guess"}}, "a-guess", id="the same client, another secret"),
    ],
)
def test_whose_request_differs_does_not_get_the_token(spec: dict[str, Any], secret: str) -> None:
    """Every input of the request counts, the secret with the rest."""

    async def story(world: World) -> None:
        world.endpoint("second")
        world.credentials(secret=secret, name="guess")
        await sharing(world, "shop")
        world.integration("till", **spec)
        await world.settle()
        assert world.requests == 2
        held = world.cluster.find("secrets", NAMESPACE, "till")
        if secret == SECRET:
            assert held is not None
            assert saved(world) == 0
        else:
            assert held is None

    play(story)


def test_a_cluster_endpoint_is_shared_across_namespaces() -> None:
    """One request serves both."""

    async def story(world: World) -> None:
        await across(world)
        assert world.requests == 1
        assert world.token() == world.token(namespace=OTHER) == 1

    play(story)


def test_namespaced_endpoints_share_nothing_across_namespaces() -> None:
    """Their owner is another, be the URL the same."""

    async def story(world: World) -> None:
        world.namespace(OTHER)
        world.credentials(namespace=OTHER)
        world.endpoint(namespace=OTHER)
        world.integration(namespace=OTHER)
        await world.begin()
        assert world.requests == 2
        assert saved(world) == 0

    play(story)


def test_a_namespace_that_is_no_longer_selected_gets_no_copy() -> None:
    """It keeps what it has, and the next token goes to the others alone."""

    async def story(world: World) -> None:
        await across(world, namespaceSelector={"matchLabels": {"open": "yes"}})
        for namespace in (NAMESPACE, OTHER):
            world.namespace(namespace, open="yes")
        await world.settle()
        world.namespace(OTHER, open="no")
        await world.until(EPOCH + DAY)
        assert (world.token(), world.token(namespace=OTHER)) == (2, 1)
        other = world.cluster.object(INTEGRATION_TOKENS, OTHER, "shop")["status"]["conditions"]
        assert [(each["status"], each["reason"]) for each in other if each["type"] == "Ready"] == [
            ("False", "NotAllowed")
        ]

    play(story)


def test_credentials_that_were_only_touched_cost_no_request() -> None:
    """A label or an annotation of the Secret is no part of any request, however many resources share it."""

    async def story(world: World) -> None:
        names = ["shop", *(f"till-{number}" for number in range(39))]
        await sharing(world, *names)
        world.cluster.edit(
            "secrets", NAMESPACE, "shop-integration", lambda body: body["metadata"].update(annotations={"a": "b"})
        )
        await world.settle()
        assert world.requests == 1
        assert {world.condition_of(name) for name in names} == {("True", "TokenValid")}
        assert set(world.cluster.reasons()) == {"Issued"}
        await world.restart()
        await world.until(EPOCH + HOUR)
        assert world.requests == 1

    play(story)


def test_a_wish_for_a_renewal_is_followed_although_the_credentials_were_touched_with_it() -> None:
    """Keeping the token answers no wish."""

    async def story(world: World) -> None:
        await world.begin()
        world.cluster.edit(
            "secrets", NAMESPACE, "shop-integration", lambda body: body["metadata"].update(annotations={"a": "b"})
        )
        world.request_renewal("now")
        await world.settle()
        assert world.requests == 2
        assert world.status()["lastHandledRenewRequest"] == "now"

    play(story)


def test_a_record_that_was_changed_by_hand_is_told_to_be_repaired() -> None:
    """It costs no request."""

    async def story(world: World) -> None:
        await world.begin()
        world.cluster.edit(
            "secrets",
            NAMESPACE,
            "shop",
            lambda body: body["metadata"]["annotations"].update({GRANT_HASH_ANNOTATION: "x"}),
        )
        await world.settle()
        assert world.requests == 1
        assert world.cluster.reasons() == ["Issued", "Repaired"]

    play(story)


def test_new_credentials_cost_one_request_for_all_who_share_them() -> None:
    """The endpoint answers from its cache, which is told at each."""

    async def story(world: World) -> None:
        names = ["shop", *(f"till-{number}" for number in range(39))]
        await sharing(world, *names)
        world.clients["shop"] = "a-new-secret"
        world.credentials(secret="a-new-secret")
        await world.settle()
        assert world.requests == 2
        assert {world.condition_of(name) for name in names} == {("True", "TokenValid")}
        assert world.cluster.reasons().count("CredentialsNotVerified") == 40

    play(story)


def test_a_late_comer_copies_after_a_restart_too() -> None:
    """Within a namespace, with the lifetime as first seen; from another one only what the endpoint answered anew."""

    async def story(world: World) -> None:
        await across(world)
        await world.until(EPOCH + 19 * HOUR)
        await world.restart()
        world.integration("till", **CLUSTER)
        await world.settle()
        assert world.requests == 1
        assert world.status("till")["lifetimeSeconds"] == DAY

    play(story)


def test_a_renewal_reaches_all_sharers_after_a_restart_too() -> None:
    """An endpoint may revoke the old token with it."""

    async def story(world: World) -> None:
        world.endpoint()
        world.credentials()
        world.integration("shop", renewBeforePercentage=50)
        world.integration("till")
        await world.operator.start()
        await world.until(EPOCH + HOUR)
        await world.restart()
        await world.until(EPOCH + 0.55 * DAY)
        assert [world.token("shop"), world.token("till")] == [2, 2]

    play(story, Policy(cached=False))


def test_an_assumed_expiry_that_is_put_off_is_no_renewal() -> None:
    """Neither for who asked nor for who copies."""

    async def story(world: World) -> None:
        world.fault(fault.EXPIRES_MISSING)
        await sharing(world, "shop", "till", "stock")
        await world.until(EPOCH + 4 * HOUR)
        assert set(world.cluster.reasons()) == {"Issued"}
        assert all(world.condition_of(name) == ("True", "TokenValid") for name in ("shop", "till", "stock"))

    play(story)


def test_resources_that_are_gone_leave_nothing_behind() -> None:
    """Not even where the watch missed their deletion."""

    async def story(world: World) -> None:
        await sharing(world, "shop", "till")
        listeners, world.cluster.listeners = world.cluster.listeners, []
        for name in ("shop", "till"):
            world.cluster.remove(INTEGRATION_TOKENS, NAMESPACE, name)
        world.cluster.listeners = listeners
        await world.until(EPOCH + 3 * DAY)
        assert world.operator.inventory.entries == {}
        assert (world.operator.grants._grants, world.operator.grants._places) == ({}, {})

    play(story)


def test_mended_credentials_do_not_wait_behind_those_that_are_still_wrong() -> None:
    """A change by a person goes before the probes of what nobody has changed."""

    async def story(world: World) -> None:
        world.endpoint(rateLimit={"requestsPerMinute": 2})
        for number in range(20):
            world.credentials(client=f"client-{number}", name=f"credentials-{number}")
            world.integration(f"till-{number}", credentialsSecretRef={"name": f"credentials-{number}"})
        await world.operator.start()
        await world.until(EPOCH + 1200)
        world.clients["client-7"] = "mended"
        world.credentials(client="client-7", secret="mended", name="credentials-7")
        await world.until(EPOCH + 1265)
        assert world.condition_of("till-7") == ("True", "TokenValid")

    play(story)


def test_a_shared_target_that_is_deleted_is_copied_again() -> None:
    """A repair costs no request."""

    async def story(world: World) -> None:
        await sharing(world, "shop", "till")
        for name in ("till", "shop"):
            world.cluster.remove("secrets", NAMESPACE, name)
            await world.settle()
            assert world.token(name) == 1
        assert world.requests == 1

    play(story)


def test_a_target_that_was_changed_by_hand_is_not_copied_from() -> None:
    """What stands in it was not answered to this grant."""

    async def story(world: World) -> None:
        await sharing(world, "shop")
        world.cluster.fail("replace", "secrets", Denied("403 no writes today", status=403), 1000)
        world.cluster.edit("secrets", NAMESPACE, "shop", lambda body: body["data"].update(token="Zm9yZ2Vk"))
        await world.settle()
        world.integration("till")
        await world.settle()
        assert world.token("till") == 1

    play(story)


def test_a_token_that_was_forged_in_one_namespace_is_not_copied_to_another() -> None:
    """Not even where the forger signs as the operator does: what the endpoint answered is known again."""

    async def story(world: World) -> None:
        await across(world)
        world.integration("till", namespace=OTHER, **CLUSTER)
        forged = world.secret()
        forged["data"] |= {"token": encoded("forged"), "authorization": encoded("Bearer forged")}
        world.cluster.apply("secrets", forged, MANAGER)
        world.cluster.remove("secrets", OTHER, "shop")
        await world.settle()
        assert world.token(namespace=OTHER) == world.token("till", OTHER) == 1

    play(story)


def test_an_expiry_that_was_forged_in_one_namespace_is_not_believed_in_another() -> None:
    """The token is the endpoint's, and so must its expiry be."""

    async def story(world: World) -> None:
        await across(world)
        forged = world.secret()
        forged["data"]["expires_at"] = encoded("2077-01-01T00:00:00Z")
        seconds = parse_time("2077-01-01T00:00:00Z") - EPOCH
        forged["metadata"]["annotations"][LIFETIME_ANNOTATION] = f"{seconds:.3f}"
        world.cluster.apply("secrets", forged, MANAGER)
        await world.restart()
        world.request_renewal("now")
        await world.settle()
        world.integration("till", namespace=OTHER, **CLUSTER)
        await world.settle()
        status = world.cluster.object(INTEGRATION_TOKENS, OTHER, "till")["status"]
        assert parse_time(status["expirationTime"]) <= EPOCH + DAY

    play(story)


def test_a_wish_does_not_keep_a_resource_without_a_token_from_a_good_one() -> None:
    """During an outage the others' is better than none."""

    async def story(world: World) -> None:
        await sharing(world, "shop", "till")
        world.client.outage = Transient("EndpointUnreachable", "no connection")
        world.request_renewal("now")
        world.cluster.remove("secrets", NAMESPACE, "shop")
        await world.settle()
        assert world.token() == 1

    play(story)


def test_a_refusal_is_shared_as_well() -> None:
    """Ten resources with a wrong secret cost the requests of one, and all say why."""

    async def story(world: World) -> None:
        world.clients["shop"] = "another"
        names = ["shop", *(f"till-{number}" for number in range(9))]
        await sharing(world, *names)
        assert world.requests == 1
        assert {world.condition_of(name) for name in names} == {("False", "AccessDenied")}
        await world.until(EPOCH + 16 * 60)
        assert world.requests == 4
        world.clients["shop"] = SECRET
        await world.until(EPOCH + 21 * 60)
        assert world.requests == 5
        assert {world.token(name) for name in names} == {1}

    play(story)


def test_credentials_that_are_wrong_again_cost_one_request_for_all() -> None:
    """Whatever is changed, only the first to ask is refused."""

    async def story(world: World) -> None:
        world.clients["shop"] = "another"
        await sharing(world, "shop", *(f"till-{number}" for number in range(19)))
        assert world.requests == 1
        world.credentials(secret="wrong again")
        await world.until(EPOCH + 20)
        assert world.requests == 2
        world.endpoint(timeout="9s")
        await world.until(EPOCH + 40)
        assert world.requests == 3

    play(story)


def test_a_moments_wait_an_hour_ago_is_no_news() -> None:
    """Nobody is told RateLimited for the time that another's request takes."""

    async def story(world: World) -> None:
        world.client.latency = 0.3
        await sharing(world, "shop", *(f"till-{number}" for number in range(19)))
        await world.until(EPOCH + HOUR)
        world.clients["shop"] = "rotated"
        with world.counting() as writes:
            world.credentials(secret="rotated")
            await world.until(EPOCH + HOUR + 5)
        # The one that asked may have been told a second less.
        assert len({name for _, plural, name in writes if plural == INTEGRATION_TOKENS}) <= 1

    play(story)


def test_a_clock_that_is_set_back_ends_no_sharing() -> None:
    """Twenty resources follow one request all the same."""

    async def story(world: World) -> None:
        names = ["shop", *(f"till-{number}" for number in range(19))]
        await sharing(world, *names)
        await world.until(EPOCH + 600)
        world.clock.step(-HOUR)
        await world.until(EPOCH + 3 * HOUR)
        assert world.requests <= 20
        assert {world.condition_of(name) for name in names} == {("True", "TokenValid")}

    play(story, Policy(lifetime=1800, lead=300), glance=60)


def test_an_endpoint_that_works_again_is_asked_by_one_for_all() -> None:
    """Where it still answers the same token, the others are told by that answer."""

    async def story(world: World) -> None:
        names = ["shop", *(f"till-{number}" for number in range(9))]
        await sharing(world, *names)
        await world.until(EPOCH + DAY - 5 * HOUR)
        world.client.outage = Transient("EndpointUnreachable", "no connection")
        await world.until(EPOCH + DAY - 3 * HOUR)
        assert world.refreshed == ("False", "EndpointUnreachable")
        world.mend()
        failed = world.requests
        await world.until(EPOCH + DAY - 2.6 * HOUR)
        assert world.requests - failed <= 2
        assert {world.condition(ConditionType.REFRESHED, name) for name in names} == {("True", "Refreshed")}

    play(story)


def test_an_outage_is_shared_as_well() -> None:
    """Ten resources back off together, and recover together."""

    async def story(world: World) -> None:
        world.fault(fault.status(500))
        names = ["shop", *(f"till-{number}" for number in range(9))]
        await sharing(world, *names)
        await world.until(EPOCH + 3600)
        assert world.requests < 90
        world.mend()
        await world.until(EPOCH + 3700)
        assert {world.condition_of(name) for name in names} == {("True", "TokenValid")}

    play(story)


def test_who_mends_the_spec_is_not_kept_waiting_by_the_others_failure() -> None:
    """A wish for a renewal asks at once, though the grant is backing off."""

    async def story(world: World) -> None:
        world.clients["shop"] = "another"
        await sharing(world, "shop", "till")
        world.clients["shop"] = SECRET
        world.request_renewal("now")
        await world.settle()
        assert world.ready == world.condition_of("till") == ("True", "TokenValid")
        assert world.requests == 2

    play(story)


def test_a_restart_costs_a_shared_grant_no_more_than_one_request() -> None:
    """The operator knows the grants of its resources only when it next reads their credentials."""

    async def story(world: World) -> None:
        await sharing(world, "shop", "till", "stock")
        await world.until(EPOCH + DAY - 2 * HOUR)
        before = world.requests
        await world.restart()
        assert world.requests == before
        await world.until(EPOCH + DAY)
        assert world.requests <= before + 2
        assert {world.token(name) for name in ("shop", "till", "stock")} == {2}

    play(story)


def test_the_others_renew_when_the_one_that_asked_is_deleted() -> None:
    """Nobody is the grant's only guardian."""

    async def story(world: World) -> None:
        await sharing(world, "shop", "till")
        await world.until(EPOCH + DAY - 4 * HOUR)
        world.cluster.remove(INTEGRATION_TOKENS, NAMESPACE, "shop")
        await world.until(EPOCH + 2 * DAY - HOUR / 2)
        assert world.token("till") == 3
        assert world.requests <= 9

    play(story)


def test_a_token_that_one_could_not_write_reaches_the_others() -> None:
    """A quota in one place is no reason to let a token expire in another."""

    async def story(world: World) -> None:
        await sharing(world, "shop", "till")
        world.cluster.fail("replace", "secrets", Denied("403 exceeded quota", status=403), 1)
        await world.until(EPOCH + DAY)
        assert [world.token("shop"), world.token("till")] == [2, 2]
        assert world.requests <= 7

    play(story)


def test_members_with_windows_of_their_own_follow_the_earliest() -> None:
    """Who asks for an early renewal gets it, and so do the others."""

    async def story(world: World) -> None:
        world.endpoint()
        world.credentials()
        world.integration("shop")
        world.integration("till", renewBeforePercentage=50)
        await world.operator.start()
        await world.until(EPOCH + DAY / 2 + DAY * 0.05)
        assert [world.token("shop"), world.token("till")] == [2, 2]
        assert world.requests == 2

    play(story, Policy(lifetime=DAY, lead=DAY))


class TestRollover:
    """What is learned of the rollover."""

    def test_it_is_told_with_the_renewal_and_outlives_a_restart(self) -> None:
        """From the second token on one request is enough, whichever process sends it."""

        async def story(world: World) -> None:
            await world.begin()
            assert "rolloverLeadSeconds" not in world.status()
            assert world.condition(ConditionType.ROLLOVER_TOO_LATE) == ("Unknown", "RolloverUnknown")
            await world.until(EPOCH + DAY)
            assert 1800 <= world.status()["rolloverLeadSeconds"] <= 3600
            assert world.condition(ConditionType.ROLLOVER_TOO_LATE) == ("False", "RolloverInTime")
            before, early = world.requests, 0
            for day in (2, 3, 4):
                # Now and then a token is polled once more, to see whether the rollover comes earlier.
                issued = parse_time(world.secret()["metadata"]["annotations"][ISSUE_TIME_ANNOTATION])
                early += turn(issued) == 0
                await world.restart(kill=True)
                await world.until(EPOCH + day * DAY)
            assert world.requests - before == 3 + early

        play(story)

    def test_it_is_told_although_somebody_touched_the_resource_meanwhile(self) -> None:
        """A conflict loses nothing that was learned."""

        async def story(world: World) -> None:
            await world.begin()
            world.cluster.before("patch status", INTEGRATION_TOKENS, lambda: world.label("touched", "yes"))
            await world.until(EPOCH + DAY)
            assert world.token() == 2
            assert world.status()["rolloverLeadSeconds"] >= 1800

        play(story)

    def test_it_outlives_a_target_that_is_deleted_during_an_outage(self) -> None:
        """It is the endpoint's, not the token's."""

        async def story(world: World) -> None:
            await world.begin()
            await world.until(EPOCH + DAY)
            lead = world.status()["rolloverLeadSeconds"]
            world.client.outage = Transient("EndpointUnreachable", "no connection")
            world.cluster.remove("secrets", NAMESPACE, "shop")
            await world.settle()
            assert world.status()["rolloverLeadSeconds"] == lead

        play(story)

    def test_a_late_one_is_told_once(self) -> None:
        """By condition and event, with what to do."""

        async def story(world: World) -> None:
            await world.begin()
            await world.until(EPOCH + 4 * DAY)
            assert world.condition(ConditionType.ROLLOVER_TOO_LATE) == ("True", "RolloverTooLate")
            assert world.cluster.reasons().count("RolloverTooLate") == 1
            assert 45 <= world.status()["rolloverLeadSeconds"] <= 60

        play(story, Policy(lead=60))

    @pytest.mark.parametrize("lead", [0, -1, -2, -10])
    @pytest.mark.parametrize("latency", [0, 0.2])
    def test_a_late_one_stays_late_and_costs_three_requests_at_most(self, lead: float, latency: float) -> None:
        """Whole seconds in expires_in and a slow network do not make it look another."""

        async def story(world: World) -> None:
            world.client.latency = latency
            await world.begin()
            await world.until(EPOCH + 40 * 1096.633)
            assert world.cluster.reasons().count("RolloverTooLate") == 1
            assert world.condition(ConditionType.ROLLOVER_TOO_LATE) == ("True", "RolloverTooLate")
            assert world.requests <= 3 * 40 + 20

        play(story, Policy(lifetime=1096.633, lead=lead))

    def test_a_stated_lead_spares_the_polls_of_the_first_token(self) -> None:
        """Two requests: the first token, and its renewal; three where it is one of those that are probed."""

        async def story(world: World) -> None:
            world.endpoint(rolloverLead="1h")
            world.credentials()
            world.integration()
            await world.operator.start()
            await world.until(EPOCH + DAY)
            assert world.token() == 2
            assert world.requests == 2 + (turn(EPOCH) == 0)

        play(story)

    def test_a_lead_that_is_stated_later_counts_from_then_on(self) -> None:
        """As long as nothing was learned that counts more."""

        async def story(world: World) -> None:
            await world.begin()
            await world.until(EPOCH + HOUR)
            world.endpoint(rolloverLead="1h")
            await world.until(EPOCH + DAY)
            assert world.token() == 2
            assert world.requests == 2 + (turn(EPOCH) == 0)

        play(story)

    def test_a_wish_for_a_renewal_before_the_window_leaves_the_plan_as_it_was(self) -> None:
        """The learned poll is made all the same."""

        async def story(world: World) -> None:
            await world.begin()
            await world.until(EPOCH + DAY + HOUR)
            expires = parse_time(world.status()["expirationTime"])
            world.request_renewal("now")
            await world.settle()
            before = world.requests
            await world.until(expires - 1.5 * HOUR)
            assert (world.token(), world.requests) == (2, before)
            await world.until(expires - HOUR / 2)
            assert (world.token(), world.requests) == (3, before + 1)

        play(story)


def test_a_wall_clock_that_is_set_teaches_nothing() -> None:
    """Two hours forward make a token expire early; the next one is renewed as if that had not been."""

    async def story(world: World) -> None:
        await world.begin()
        await world.until(EPOCH + DAY)
        lead = world.status()["rolloverLeadSeconds"]
        await world.until(EPOCH + DAY + HOUR)
        world.clock.step(2 * HOUR)
        await world.until(EPOCH + 2 * DAY)
        assert world.token() == 3
        assert world.status()["rolloverLeadSeconds"] == lead

    play(story)


def test_a_wall_clock_that_is_set_forward_and_back_keeps_no_token_waiting() -> None:
    """What was polled by the wrong clock says nothing of when to poll by the right one."""

    async def story(world: World) -> None:
        await world.begin()
        await world.until(EPOCH + 30)
        world.clock.step(HOUR)
        await world.until(EPOCH + 60)
        world.clock.step(-HOUR)
        for second in range(62, 140):
            await world.until(EPOCH + second)
            assert parse_time(world.status()["expirationTime"]) >= EPOCH + second, second  # in whole seconds
        assert world.requests <= 16

    play(story, Policy(lifetime=30, lead=5), glance=1)


def test_a_clock_that_was_set_back_before_a_restart_keeps_no_expired_token() -> None:
    """A token from the future tells by how much, at least."""

    async def story(world: World) -> None:
        await world.begin()
        await world.until(EPOCH + 600)
        world.clock.step(-HOUR)
        await world.restart(kill=True)
        await world.until(EPOCH + 1800 + 660)
        assert world.token() == 2
        assert world.ready == ("True", "TokenValid")

    play(story, Policy(lifetime=1800, lead=300), glance=10)


def test_credentials_that_cannot_be_read_for_a_moment_are_no_news_while_nothing_is_due() -> None:
    """A restart writes nothing while the tokens are good."""

    async def story(world: World) -> None:
        await world.begin()
        await world.until(EPOCH + HOUR)
        await world.operator.stop()
        world.cluster.before("get", "secrets", lambda: world.cluster.fail("get", "secrets", Denied("403", status=403)))
        world.operator = type(world.operator)(world)
        with world.counting() as writes:
            await world.operator.start()
            await world.settle()
        assert (writes, world.requests) == ([], 1)

    play(story)


def test_changed_credentials_that_the_cache_answers_are_told_to_be_unverified() -> None:
    """Success proves nothing until the endpoint next issues a token."""

    async def story(world: World) -> None:
        await world.begin()
        world.clients["shop"] = "a-new-secret"
        world.credentials(secret="a-new-secret")
        await world.settle()
        assert world.ready == ("True", "TokenValid")
        assert world.cluster.reasons() == ["Issued", "CredentialsNotVerified"]

    play(story)


def test_an_outage_over_expiry_is_followed_by_a_renewal_and_no_wrong_lesson() -> None:
    """The next token is polled as if nothing had been learned, not as late as this one came."""

    async def story(world: World) -> None:
        await world.begin()
        await world.until(EPOCH + DAY - 2 * HOUR)
        world.client.outage = Transient("EndpointUnreachable", "no connection")
        await world.until(EPOCH + DAY + 3 * HOUR)
        world.mend()
        await world.until(EPOCH + DAY + 3 * HOUR + 60)
        assert world.token() == 2
        await world.until(EPOCH + 2 * DAY + 3 * HOUR - HOUR / 2)
        assert world.token() == 3

    play(story)


def test_an_outage_up_to_expiry_leaves_requests_for_when_it_is_over() -> None:
    """The 12 of a minute are not all spent on an endpoint that is down."""

    async def story(world: World) -> None:
        await world.begin()
        await world.until(EPOCH + 3575)
        world.client.outage = Transient("EndpointUnreachable", "no connection")
        await world.until(EPOCH + 3597.6)
        world.mend()
        await world.until(EPOCH + 3600 + 2)
        assert world.token() == 2

    play(story, Policy(lifetime=3600, lead=5))


def test_a_look_that_asks_nothing_puts_off_no_attempt() -> None:
    """A resource alone with its grant tries again when it said that it would, whatever is looked at meanwhile."""

    async def story(world: World) -> None:
        await world.begin()
        await world.until(EPOCH + DAY - 4 * HOUR)
        world.fault(fault.status(500))
        world.request_renewal("now")
        await world.settle()
        planned = world.operator.inventory.entries[token_key(NAMESPACE, "shop")].remembered.failing.retry
        world.cluster.edit("secrets", NAMESPACE, "shop", lambda body: body["metadata"].update(labels={}))
        await world.settle()
        assert planned is not None
        assert world.operator.inventory.entries[token_key(NAMESPACE, "shop")].remembered.failing.retry == planned

    play(story)
