"""The target Secret survives whatever people do to it, to its name, or to the resource."""

from collections.abc import Callable

import pytest
from integration_token.api.names import INTEGRATION_TOKENS, TARGET_LABEL
from integration_token.cluster.collection import Object
from integration_token.errors import Conflict, Denied

from tests.unit.virtual import EPOCH
from tests.unit.world import NAMESPACE, World, encoded, play

DAY = 86400.0
HOUR = 3600.0


def changed(change: Callable[[Object], object]) -> Callable[[World], None]:
    """Somebody edits the target."""

    def act(world: World) -> None:
        world.cluster.edit("secrets", NAMESPACE, "shop", lambda body: (change(body), None)[1])

    return act


def annotated(**annotations: str) -> Callable[[World], None]:
    """Somebody edits an annotation about the token, such as `integrationtoken.dev/issue-time`."""
    named = {f"integrationtoken.dev/{name.replace('_', '-')}": value for name, value in annotations.items()}
    return changed(lambda body: body["metadata"]["annotations"].update(named))


UNTRUSTED: dict[str, Callable[[World], None]] = {
    "a key removed": changed(lambda body: body["data"].pop("authorization")),
    "all keys removed": changed(lambda body: body["data"].clear()),
    "the token changed": changed(lambda body: body["data"].update(token=encoded("mine"))),
    "the header changed": changed(lambda body: body["data"].update(authorization=encoded("Bearer mine"))),
    "the token and what goes with it changed": changed(
        lambda body: body["data"].update(token=encoded("mine"), authorization=encoded("Bearer mine"))
    ),
    "a later issue time": annotated(issue_time="2099-01-01T00:00:00.000Z"),
    "a later expiry": annotated(lifetime_seconds="9999999.000"),
    "an expiry beyond all dates": annotated(lifetime_seconds="1e17"),
    "deleted": lambda world: world.cluster.remove("secrets", NAMESPACE, "shop"),
}
"""Edits that leave no token to trust."""
REPAIRS: dict[str, Callable[[World], None]] = {
    **UNTRUSTED,
    "a key added": changed(lambda body: body["data"].update(extra=encoded("x"))),
    "an added key that isn't text": changed(lambda body: body["data"].update(extra="/w==")),
    "a key of the template changed": changed(lambda body: body["data"].update(header=encoded("x"))),
    "the scopes changed": changed(lambda body: body["metadata"]["annotations"].pop("integrationtoken.dev/scope")),
    "the record of the grant changed": annotated(grant_hash="x"),
    "the record of the endpoint changed": annotated(endpoint_uid="x"),
    "the record of the credentials changed": annotated(credentials_resource_version="1"),
    "our label removed": changed(lambda body: body["metadata"]["labels"].pop(TARGET_LABEL)),
    "a label of the template removed": changed(lambda body: body["metadata"]["labels"].pop("team")),
    "a label of the template changed": changed(lambda body: body["metadata"]["labels"].update(team="other")),
    "the owner removed": changed(lambda body: body["metadata"].update(ownerReferences=[])),
}


@pytest.mark.parametrize("damage", REPAIRS)
def test_a_target_changed_by_hand_is_repaired_within_a_second(damage: str) -> None:
    """From its content if that can be trusted, otherwise with one request; one event, one write."""

    async def story(world: World) -> None:
        template = {"metadata": {"labels": {"team": "shop"}}, "data": {"header": "X-Token: ${token}"}}
        await world.begin(target={"template": template})
        before = world.secret()
        with world.counting() as writes:
            REPAIRS[damage](world)
            await world.settle()
        after = world.secret()
        assert after["type"] == before["type"]
        assert after["data"].keys() == before["data"].keys()
        # The endpoint states the token's remaining life in whole seconds.
        same = before["data"].keys() - ({"expires_at"} if damage in UNTRUSTED else set())
        assert {key: after["data"][key] for key in same} == {key: before["data"][key] for key in same}
        for part in ("labels", "ownerReferences"):
            assert after["metadata"][part] == before["metadata"][part]
        assert world.requests == (2 if damage in UNTRUSTED else 1)
        secret_writes = [write for write in writes if write[1] == "secrets"]
        assert len(secret_writes) == 1
        assert world.ready == ("True", "TokenValid")
        assert world.cluster.reasons() == ["Issued", "Renewed" if damage in UNTRUSTED else "Repaired"]
        with world.counting() as later:
            await world.until(EPOCH + HOUR)
        assert later == []

    play(story)


def test_labels_and_annotations_of_others_stay() -> None:
    """Even when the token is renewed."""

    async def story(world: World) -> None:
        await world.begin()
        changed(lambda body: body["metadata"]["labels"].update(theirs="yes"))(world)
        changed(lambda body: body["metadata"]["annotations"].update(theirs="too"))(world)
        await world.settle()
        assert world.cluster.reasons() == ["Issued"]
        await world.until(EPOCH + DAY)
        metadata = world.secret()["metadata"]
        assert world.token() == 2
        assert (metadata["labels"]["theirs"], metadata["annotations"]["theirs"]) == ("yes", "too")

    play(story)


def test_a_changed_template_is_written_without_a_request_and_without_a_word_of_repair() -> None:
    """Entries removed from the template go, new ones are added."""

    async def story(world: World) -> None:
        await world.begin(target={"template": {"metadata": {"labels": {"old": "1"}}, "data": {"old": "${token}"}}})
        world.integration(target={"template": {"metadata": {"labels": {"new": "1"}}, "data": {"new": "${token_type}"}}})
        await world.settle()
        secret = world.secret()
        assert secret["metadata"]["labels"] == {"new": "1", TARGET_LABEL: "shop"}
        assert secret["data"].keys() == {"new", "token", "authorization", "expires_at"}
        assert secret["data"]["new"] == encoded("Bearer")
        assert world.requests == 1
        assert world.cluster.reasons() == ["Issued"]
        assert world.status()["observedGeneration"] == 2

    play(story)


@pytest.mark.parametrize(
    ("spoil", "kind", "words"),
    [
        pytest.param({"immutable": True}, "Warning", "restart the pods that mount it", id="immutable"),
        pytest.param({"type": "example.dev/other"}, "Normal", "with type Opaque; pods", id="of another type"),
    ],
)
def test_a_target_that_cannot_be_changed_is_replaced_and_reported(spoil: Object, kind: str, words: str) -> None:
    """The token stays the same; pods need a restart only if the Secret was immutable."""

    async def story(world: World) -> None:
        await world.begin()
        uid = world.secret()["metadata"]["uid"]
        changed(lambda body: body.update(spoil))(world)
        await world.settle()
        assert world.secret()["metadata"]["uid"] != uid
        assert not world.secret().get("immutable")
        assert world.secret()["type"] == "Opaque"
        assert world.token() == 1
        assert world.requests == 1
        (told,) = [event for event in world.cluster.events if event["reason"] == "TargetReplaced"]
        assert told["type"] == kind
        assert words in told["message"]
        assert all(event["type"] == "Normal" for event in world.cluster.events if event is not told)

    play(story)


def test_a_renamed_target_takes_the_token_along_and_leaves_no_orphan() -> None:
    """It sends no request."""

    async def story(world: World) -> None:
        await world.begin()
        world.integration(target={"name": "shop-token"})
        await world.settle()
        assert world.token("shop-token") == 1
        assert world.cluster.find("secrets", NAMESPACE, "shop") is None
        assert world.status()["targetName"] == "shop-token"
        assert world.requests == 1

    play(story)


def test_a_renamed_target_that_is_retained_stays_next_to_the_new_one() -> None:
    """It has no owner, but keeps its label."""

    async def story(world: World) -> None:
        await world.begin(target={"deletionPolicy": "Retain"})
        assert world.secret()["metadata"]["ownerReferences"] == []
        world.integration(target={"name": "shop-token", "deletionPolicy": "Retain"})
        await world.settle()
        assert world.token("shop-token") == 1
        assert world.token("shop") == 1
        assert world.secret()["metadata"]["labels"][TARGET_LABEL] == "shop"

    play(story)


def spoil_credentials(world: World) -> None:
    """Makes the grant unknown."""
    world.cluster.remove("secrets", NAMESPACE, "shop-integration")


def taken(world: World) -> None:
    """Gives the new name to somebody else's Secret."""
    world.cluster.apply(
        "secrets", {"kind": "Secret", "metadata": {"namespace": NAMESPACE, "name": "shop-token"}, "type": "Opaque"}
    )


HINDRANCES: dict[str, tuple[Callable[[World], None], Object]] = {
    "while suspended": (lambda _: None, {"suspend": True}),
    "while the credentials are missing": (spoil_credentials, {}),
    "to a name that is taken": (taken, {}),
    "while writes are refused": (
        lambda world: world.cluster.fail("create", "secrets", Denied("403 quota", status=403)),
        {},
    ),
    "while the status cannot be written": (
        lambda world: world.cluster.before("patch status", INTEGRATION_TOKENS, lambda: world.label("team", "shop")),
        {},
    ),
    "while the old one cannot be deleted": (
        lambda world: world.cluster.fail("delete", "secrets", Conflict("409")),
        {},
    ),
}


@pytest.mark.parametrize("hindrance", HINDRANCES)
def test_a_target_that_could_not_be_moved_at_once_is_moved_later(hindrance: str) -> None:
    """After a rename, an obstacle and another rename one Secret is left, under the last name."""

    async def story(world: World) -> None:
        act, spec = HINDRANCES[hindrance]
        await world.begin()
        act(world)
        world.integration(target={"name": "shop-token"}, **spec)
        await world.settle()
        world.credentials()
        world.integration(target={"name": "shop-last"})
        await world.until(EPOCH + 400)
        ours = [
            name
            for (plural, _, name), body in world.cluster.objects.items()
            if plural == "secrets" and TARGET_LABEL in body["metadata"].get("labels", {})
        ]
        assert ours == ["shop-last"]
        assert world.status()["targetName"] == "shop-last"
        assert world.ready == ("True", "TokenValid")

    play(story)


def test_a_target_that_was_moved_is_not_asked_for_again_while_the_old_one_cannot_be_deleted() -> None:
    """The obstacle is reported, and the new Secret counts."""

    async def story(world: World) -> None:
        await world.begin()
        await world.until(EPOCH + HOUR)
        world.cluster.fail("delete", "secrets", Denied("403 forbidden", status=403), count=100000)
        world.issuer.roll_over()
        world.integration(target={"name": "shop-token"}, scopes=["font:read"])
        await world.until(EPOCH + 2 * HOUR)
        assert world.requests == 2
        assert world.token("shop-token") == 2
        assert world.ready == ("True", "TokenValid")
        assert world.refreshed == ("False", "Forbidden")
        world.cluster.fail_no_more()
        await world.until(EPOCH + 3 * HOUR)
        assert world.cluster.find("secrets", NAMESPACE, "shop") is None
        assert world.refreshed == ("True", "Refreshed")
        assert world.requests == 2

    play(story)


def test_a_restored_secret_without_an_owner_is_adopted_without_a_request() -> None:
    """As after restoring the namespace from a backup: new UIDs, and the restore tool manages every field."""

    async def story(world: World) -> None:
        await world.begin()
        secret = world.secret()
        world.cluster.remove("secrets", NAMESPACE, "shop")
        world.cluster.remove(INTEGRATION_TOKENS, NAMESPACE, "shop")
        await world.settle()
        metadata = {key: secret["metadata"][key] for key in ("namespace", "name", "labels", "annotations")}
        world.cluster.apply(
            "secrets", {"kind": "Secret", "type": "Opaque", "data": secret["data"], "metadata": metadata}, "restore"
        )
        world.integration()
        await world.settle()
        assert world.ready == ("True", "TokenValid")
        owner = world.secret()["metadata"]["ownerReferences"][0]
        assert owner["uid"] == world.cluster.object(INTEGRATION_TOKENS, NAMESPACE, "shop")["metadata"]["uid"]

    play(story)


def test_a_secret_of_a_deleted_resource_of_the_same_name_is_taken_away() -> None:
    """Usually the garbage collector does that, but it may never come; the new resource gets its own Secret at once."""

    async def story(world: World) -> None:
        await world.begin()
        before = world.secret()["metadata"]["uid"]
        world.cluster.remove(INTEGRATION_TOKENS, NAMESPACE, "shop")
        world.integration()
        await world.settle()
        assert world.ready == ("True", "TokenValid")
        assert world.secret()["metadata"]["uid"] != before

    play(story)


def test_a_secret_of_a_resource_that_came_after_this_one_is_not_touched() -> None:
    """An operator that hasn't seen yet that its resource was replaced takes nothing from the new one."""

    async def story(world: World) -> None:
        await world.begin()

        def recreate() -> None:
            world.cluster.remove(INTEGRATION_TOKENS, NAMESPACE, "shop")
            world.integration()
            successor = world.cluster.object(INTEGRATION_TOKENS, NAMESPACE, "shop")["metadata"]["uid"]
            world.cluster.edit(
                "secrets", NAMESPACE, "shop", lambda body: body["metadata"]["ownerReferences"][0].update(uid=successor)
            )

        before = world.secret()["metadata"]["uid"]
        world.cluster.before("get", "secrets", recreate)
        world.request_renewal("now")
        await world.settle()
        assert world.secret()["metadata"]["uid"] == before
        assert world.ready == ("True", "TokenValid")
        assert ("delete", "secrets", "shop") not in world.cluster.calls

    play(story)


@pytest.mark.parametrize("policy", ["Delete", "Retain"])
def test_two_resources_with_one_target_do_not_fight(policy: str) -> None:
    """The first one has it, the second reports the owner."""

    async def story(world: World) -> None:
        await world.begin(target={"name": "shop", "deletionPolicy": policy})
        world.integration("rival", target={"name": "shop", "deletionPolicy": policy})
        await world.until(EPOCH + HOUR)
        assert world.ready == ("True", "TokenValid")
        assert world.condition_of("rival") == ("False", "SecretNotOwned")
        assert world.requests == 1

    play(story)


def test_a_write_that_met_a_conflict_is_repeated_on_the_current_object() -> None:
    """Somebody labels the Secret between our read and our write: it gets the new token and keeps the label."""

    async def story(world: World) -> None:
        await world.begin()
        await world.until(EPOCH + HOUR)
        world.issuer.roll_over()
        world.cluster.before(
            "replace", "secrets", lambda: changed(lambda body: body["metadata"]["labels"].update(theirs="yes"))(world)
        )
        world.request_renewal("now")
        await world.settle()
        assert world.token() == 2
        assert world.secret()["metadata"]["labels"]["theirs"] == "yes"
        assert world.requests == 2

    play(story)


def test_a_secret_deleted_between_read_and_write_is_created() -> None:
    """With the token that was just issued."""

    async def story(world: World) -> None:
        await world.begin()
        await world.until(EPOCH + HOUR)
        world.issuer.roll_over()
        world.cluster.before("replace", "secrets", lambda: world.cluster.remove("secrets", NAMESPACE, "shop"))
        world.request_renewal("now")
        await world.settle()
        assert world.token() == 2
        assert world.requests == 2
        assert world.ready == ("True", "TokenValid")

    play(story)


def test_a_secret_taken_between_read_and_write_is_not_touched() -> None:
    """It belongs to somebody else by then."""

    async def story(world: World) -> None:
        world.cluster.before(
            "create",
            "secrets",
            lambda: (
                world.cluster.apply(
                    "secrets", {"kind": "Secret", "metadata": {"namespace": NAMESPACE, "name": "shop"}, "type": "x"}
                ),
                None,
            )[1],
        )
        await world.begin()
        assert world.ready == ("False", "SecretNotOwned")
        assert "data" not in world.secret()

    play(story)


def test_the_secret_and_the_status_tell_the_same_times() -> None:
    """To the second."""

    async def story(world: World) -> None:
        await world.begin()
        status, secret = world.status(), world.secret()
        assert secret["data"]["expires_at"] == encoded(status["expirationTime"])
        assert status["lifetimeSeconds"] == DAY
        assert status["issueTime"] < status["renewalTime"] < status["expirationTime"]

    play(story)
