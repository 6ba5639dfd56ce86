"""Templates that can't be used, have nothing to fill in, or produce another type of Secret."""

import asyncio
import base64
from collections.abc import Callable
from typing import Any

import pytest
from integration_token.api.names import INTEGRATION_TOKENS, TARGET_LABEL
from integration_token.cluster.collection import Collection, Object
from integration_token.errors import Conflict, Denied

from tests.fakes.issuer import Policy
from tests.unit.virtual import EPOCH
from tests.unit.world import NAMESPACE, World, encoded, play

DAY = 86400.0
HOUR = 3600.0
UNCACHED = Policy(cached=False)
REFUSED = Denied("403 admission webhook denied the request", status=403)
BASIC_AUTH = "kubernetes.io/basic-auth"
GIT: Object = {"type": BASIC_AUTH, "data": {"username": "git", "password": "${token}"}}
SERVICE_ACCOUNT = {"kubernetes.io/service-account.name": "admin"}

UNUSABLE: dict[str, Object] = {
    "a key that its type demands is missing": {"type": BASIC_AUTH, "data": {"user": "git"}},
    "its pull secret is no JSON": {
        "type": "kubernetes.io/dockerconfigjson",
        "data": {".dockerconfigjson": "${token}"},
    },
    "its pull secret is no JSON with a scope": {
        "type": "kubernetes.io/dockerconfigjson",
        "data": {".dockerconfigjson": '{"auths": {} ${scope}}'},
    },
    "it has an unknown placeholder": {"data": {"file": "${tokn}"}},
    "it has an unknown encoding": {"data": {"file": "${token|base32}"}},
    "it makes a service account's token": {"type": "kubernetes.io/service-account-token"},
    "it makes a new node's token": {"type": "bootstrap.kubernetes.io/token"},
    "it makes a release of Helm": {"type": "helm.sh/release.v1"},
    "it names a service account": {"metadata": {"annotations": SERVICE_ACCOUNT}},
    "it is larger than a Secret": {"data": {f"k{each}": "x" * 65536 for each in range(16)}},
}
"""What the operator refuses even if the API server accepted it."""


def replaced_as(template: Object) -> Callable[[World], None]:
    """Somebody changes the template."""
    return lambda world: world.integration(target={"template": template})


def told(world: World, reason: str) -> list[Object]:
    """The events with this reason."""
    return [event for event in world.cluster.events if event["reason"] == reason]


@pytest.mark.parametrize("own", [True, False])
def test_no_target_has_a_name_by_which_helm_reads_a_release(own: bool) -> None:
    """Whether it is the resource's own name or not: nothing is requested, and `helm rollback` finds nothing."""

    async def story(world: World) -> None:
        release = "sh.helm.release.v1.shop.v3"
        world.endpoint()
        world.credentials()
        name = release if own else "shop"
        world.integration(name, target={"name": release, "template": {"data": {"release": "H4sIAAAA"}}})
        if own:
            world.cluster.edit(INTEGRATION_TOKENS, NAMESPACE, name, lambda body: body["spec"]["target"].pop("name"))
        await world.operator.start()
        await world.until(EPOCH + HOUR)
        assert world.requests == 0
        assert world.cluster.find("secrets", NAMESPACE, release) is None
        assert world.condition_of(name) == ("False", "InvalidSpec")
        assert "set another spec.target.name" in str(world.status(name))

    play(story)


@pytest.mark.parametrize("sentence", UNUSABLE)
def test_nothing_is_requested_if_the_template_cannot_be_used(sentence: str) -> None:
    """The resource is Stalled, says what to do, and gets its token as soon as that is done."""

    async def story(world: World) -> None:
        await world.begin(target={"template": UNUSABLE[sentence]})
        await world.until(EPOCH + HOUR)
        assert world.requests == 0
        assert world.cluster.find("secrets", NAMESPACE, "shop") is None
        assert world.ready == ("False", "InvalidSpec")
        assert world.refreshed == ("False", "InvalidSpec")
        assert world.stalled == ("True", "InvalidSpec")
        assert world.message.startswith("spec.target.template.")
        assert len(told(world, "InvalidSpec")) == 1
        replaced_as(GIT)(world)
        await world.settle()
        assert world.ready == ("True", "TokenValid")
        assert world.stalled == ("False", "Progressing")
        assert world.requests == 1

    play(story)


@pytest.mark.parametrize("sentence", UNUSABLE)
def test_an_update_to_a_template_that_cannot_be_used_leaves_the_secret_as_it_is(sentence: str) -> None:
    """Its token stays valid, so the resource isn't Stalled, but nothing is renewed until the template is fixed."""

    async def story(world: World) -> None:
        await world.begin(target={"template": GIT})
        before = world.secret()
        replaced_as(UNUSABLE[sentence])(world)
        await world.until(EPOCH + HOUR)
        assert world.secret() == before
        assert world.ready == ("True", "TokenValid")
        assert world.refreshed == ("False", "InvalidSpec")
        assert world.stalled == ("False", "Progressing")
        await world.restart()
        await world.until(EPOCH + 2 * DAY)
        assert world.secret() == before
        assert world.stalled == ("True", "InvalidSpec")
        assert world.requests == 1
        replaced_as(GIT)(world)
        await world.settle()
        assert world.token() == 2
        assert world.ready == ("True", "TokenValid")

    play(story)


@pytest.mark.parametrize("text", ["${token|base64}", "${basic:robot}", "${authorization|json}"])
def test_a_token_too_large_for_its_places_costs_one_request(text: str) -> None:
    """That only shows once there is a token; nothing more is requested until the template is shortened."""

    async def story(world: World) -> None:
        await world.begin(target={"template": {"data": {f"k{each}": text * 4000 for each in range(4)}}})
        await world.until(EPOCH + HOUR)
        assert world.cluster.find("secrets", NAMESPACE, "shop") is None
        assert world.stalled == ("True", "InvalidSpec")
        assert world.message.startswith("spec.target.template.data is larger than 512 KiB with this token; shorten it")
        assert world.requests == 1
        replaced_as({"data": {"k0": text}})(world)
        await world.settle()
        assert world.ready == ("True", "TokenValid")
        assert world.requests == 2

    play(story, UNCACHED)


def test_what_an_earlier_version_left_in_a_text_is_renewed_without_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    """An upgrade writes and requests nothing, and later tokens are written into the same text."""

    async def story(world: World) -> None:
        with monkeypatch.context() as earlier:
            earlier.setattr("integration_token.controller.observer.check_template", lambda *_: None)
            await world.begin(target={"template": {"data": {"file": "${host} ${token}"}}})
        with world.counting() as writes:
            await world.restart()
            await world.until(EPOCH + HOUR)
        assert writes == []
        assert world.requests == 1
        await world.until(EPOCH + 2 * DAY)
        assert world.token() == 3
        held = base64.b64decode(world.secret()["data"]["token"]).decode()
        assert world.secret()["data"]["file"] == encoded(f"${{host}} {held}")
        assert set(world.cluster.reasons()) == {"Issued", "Renewed"}

    play(story)


class TestAnotherType:
    """A Secret's type can't be changed, so another type requires another Secret."""

    def test_the_secret_is_replaced_by_one_with_the_same_token(self) -> None:
        """Nothing is requested, additions by others stay, and one event reports it."""

        async def story(world: World) -> None:
            await world.begin(target={"template": {"data": {"password": "${token}"}}})

            def tracked(body: Object) -> None:
                body["metadata"]["labels"]["argocd.argoproj.io/instance"] = "shop"
                body["metadata"]["annotations"]["argocd.argoproj.io/tracking-id"] = "shop:/Secret:store/shop"

            world.cluster.edit("secrets", NAMESPACE, "shop", tracked)
            before = world.secret()
            replaced_as(GIT)(world)
            await world.settle()
            after = world.secret()
            assert after["type"] == BASIC_AUTH
            assert after["metadata"]["uid"] != before["metadata"]["uid"]
            assert after["data"] == before["data"] | {"username": encoded("git")}
            assert after["metadata"]["labels"] == {TARGET_LABEL: "shop", "argocd.argoproj.io/instance": "shop"}
            assert after["metadata"]["annotations"] == before["metadata"]["annotations"]
            assert world.requests == 1
            (event,) = told(world, "TargetReplaced")
            assert event["type"] == "Normal"
            assert BASIC_AUTH in event["message"]
            assert world.ready == ("True", "TokenValid")
            assert world.refreshed == ("True", "Refreshed")
            await world.restart()
            await world.until(EPOCH + DAY)
            renewed = world.secret()
            assert world.token() == 2
            assert renewed["metadata"]["uid"] == after["metadata"]["uid"]
            assert renewed["data"]["password"] == renewed["data"]["token"]
            assert renewed["metadata"]["labels"]["argocd.argoproj.io/instance"] == "shop"
            assert renewed["metadata"]["annotations"]["argocd.argoproj.io/tracking-id"] == "shop:/Secret:store/shop"
            assert len(told(world, "TargetReplaced")) == 1

        play(story)

    def test_what_would_be_refused_is_found_out_before_the_secret_is_deleted(self) -> None:
        """A policy against such Secrets costs no token: the old Secret stays until the policy allows a new one."""

        async def story(world: World) -> None:
            await world.begin()
            before = world.secret()
            world.cluster.fail("create", "secrets", REFUSED, 10_000)
            replaced_as(GIT)(world)
            await world.until(EPOCH + HOUR)
            assert world.secret() == before
            assert world.ready == ("True", "TokenValid")
            assert world.refreshed == ("False", "WriteFailed")
            assert ("delete", "secrets", "shop") not in world.cluster.calls
            world.cluster.fail_no_more()
            await world.until(EPOCH + HOUR + 601)
            assert world.secret()["type"] == BASIC_AUTH
            assert world.token() == 1
            assert world.requests == 1

        play(story, UNCACHED)

    def test_a_refusal_for_a_moment_costs_no_token(self) -> None:
        """The token exists nowhere else by then, so it is kept for some seconds with others' additions."""

        async def story(world: World) -> None:
            await world.begin()
            world.cluster.edit("secrets", NAMESPACE, "shop", lambda body: body["metadata"]["labels"].update(a="b"))
            world.cluster.before("delete", "secrets", lambda: world.cluster.fail("create", "secrets", REFUSED, 5))
            replaced_as(GIT)(world)
            await world.until(EPOCH + 10)
            assert world.secret()["type"] == BASIC_AUTH
            assert world.secret()["metadata"]["labels"]["a"] == "b"
            assert world.token() == 1
            assert world.requests == 1
            assert world.ready == ("True", "TokenValid")
            assert len(told(world, "TargetReplaced")) == 1

        play(story, UNCACHED)

    def test_a_refusal_that_lasts_costs_one_token_and_is_reported_at_once(self) -> None:
        """The status never reports a token that no Secret holds; the next is requested when it can be written."""

        async def story(world: World) -> None:
            await world.begin()
            world.cluster.before("delete", "secrets", lambda: world.cluster.fail("create", "secrets", REFUSED, 10_000))
            replaced_as(GIT)(world)
            await world.until(EPOCH + 60)
            assert world.cluster.find("secrets", NAMESPACE, "shop") is None
            assert world.ready == ("False", "WriteFailed")
            assert world.requests == 1
            world.cluster.fail_no_more()
            await world.until(EPOCH + 60 + 301)
            assert world.secret()["type"] == BASIC_AUTH
            assert world.token() == 2
            assert world.requests == 2
            assert world.ready == ("True", "TokenValid")

        play(story, UNCACHED)

    @pytest.mark.parametrize("policy", [Policy(), UNCACHED], ids=["cached", "uncached"])
    def test_a_process_that_is_killed_between_the_two_calls_leaves_nothing_that_the_next_does_not_fix(
        self, policy: Policy
    ) -> None:
        """It requests a token once and creates the Secret; a caching endpoint returns the same token as before."""

        async def story(world: World) -> None:
            await world.begin()
            delete = world.cluster.delete

            async def deadly(*arguments: Any) -> None:
                world.cluster.delete = delete  # type: ignore[method-assign]  # once
                await delete(*arguments)
                await asyncio.Event().wait()

            world.cluster.delete = deadly  # type: ignore[method-assign, assignment]  # the process goes no further
            replaced_as(GIT)(world)
            await world.settle()
            assert world.cluster.find("secrets", NAMESPACE, "shop") is None
            await world.restart(kill=True)
            assert world.secret()["type"] == BASIC_AUTH
            assert world.token() == (1 if policy.cached else 2)
            assert world.requests == 2
            assert world.ready == ("True", "TokenValid")

        play(story, policy)

    def test_a_label_that_somebody_sets_just_before_the_deletion_is_kept(self) -> None:
        """The Secret is deleted only as it was read, and read again if it has changed."""

        async def story(world: World) -> None:
            await world.begin()

            def label() -> None:
                world.cluster.edit("secrets", NAMESPACE, "shop", lambda body: body["metadata"]["labels"].update(a="b"))

            world.cluster.before("delete", "secrets", label)
            replaced_as(GIT)(world)
            await world.settle()
            assert world.secret()["type"] == BASIC_AUTH
            assert world.secret()["metadata"]["labels"]["a"] == "b"
            assert world.requests == 1

        play(story)

    def test_a_secret_that_somebody_else_makes_in_between_is_theirs(self) -> None:
        """It isn't touched."""

        async def story(world: World) -> None:
            await world.begin()

            async def taken(collection: Collection, namespace: str, body: Object, *, dry_run: bool = False) -> Object:
                if not dry_run and body["kind"] == "Secret":
                    world.cluster.create = create  # type: ignore[method-assign]  # once
                    theirs: Object = {"kind": "Secret", "metadata": {"namespace": NAMESPACE, "name": "shop"}}
                    world.cluster.apply("secrets", {**theirs, "type": "Opaque"})
                return await create(collection, namespace, body, dry_run=dry_run)

            create = world.cluster.create
            world.cluster.create = taken  # type: ignore[method-assign]  # somebody is faster
            replaced_as(GIT)(world)
            await world.settle()
            assert world.ready == ("False", "SecretNotOwned")
            assert "data" not in world.secret()

        play(story)

    def test_a_dry_run_that_cannot_be_made_keeps_nothing_from_being_replaced(self) -> None:
        """A webhook without dry-run support, or a taken name next to the target's, says nothing about the write."""

        async def story(world: World) -> None:
            await world.begin()
            for error in (Denied('400 webhook "x" does not support dry run', status=400), Conflict("409")):
                world.cluster.fail("create", "secrets", error)
                template = GIT if world.secret()["type"] == "Opaque" else {}
                replaced_as(template)(world)
                await world.settle()
                assert world.secret()["type"] == template.get("type", "Opaque")
            assert world.requests == 1

        play(story)


class TestNothingToFillIn:
    """`${token}` is a variable to other tools too, which replace it with an empty text."""

    WARNING = "TemplateWithoutPlaceholder"

    def test_it_is_reported_once_for_each_generation(self) -> None:
        """The Secret is still written: it may be intended."""

        async def story(world: World) -> None:
            eaten: Object = {"type": BASIC_AUTH, "data": {"username": "git", "password": ""}}
            await world.begin(target={"template": eaten})
            assert world.ready == ("True", "TokenValid")
            (event,) = told(world, self.WARNING)
            assert event["type"] == "Warning"
            assert "$${token}" in event["message"]
            await world.restart()
            await world.until(EPOCH + DAY)
            assert world.token() == 2
            assert len(told(world, self.WARNING)) == 1
            eaten["data"]["username"] = "shop"
            replaced_as(eaten)(world)
            await world.settle()
            assert len(told(world, self.WARNING)) == 2
            replaced_as(GIT)(world)
            await world.settle()
            assert len(told(world, self.WARNING)) == 2

        play(story)

    @pytest.mark.parametrize(
        "template", [{}, {"metadata": {"labels": {"a": "b"}}}, {"data": {}}, {"data": {"a": "plain", "b": "${scope}"}}]
    )
    def test_a_template_without_data_or_with_one_placeholder_is_no_news(self, template: Object) -> None:
        """Plain text next to a placeholder is normal: a repository's URL, for example."""

        async def story(world: World) -> None:
            await world.begin(target={"template": template})
            assert world.cluster.reasons() == ["Issued"]

        play(story)
