"""The target Secret: the only record of the token, written as a whole and trusted only if it is entirely ours."""

import base64
import copy
import random
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from integration_token.api.endpoint import EndpointKind, parse_endpoint
from integration_token.api.integration import Integration, parse_integration
from integration_token.api.names import GROUP, MANAGER, TARGET_LABEL
from integration_token.api.token import GrantIdentity, StoredToken, Token
from integration_token.cluster.collection import Object
from integration_token.cluster.target import (
    Ownership,
    build_target,
    ownership,
    read_target,
)
from integration_token.oauth.request import grant_hash

ISSUED = 1_800_000_000.25
TOKEN = Token("t0k3n-value", issued=ISSUED, expires=ISSUED + 86400, assumed=False, scope=("read", "write"))
STORED = StoredToken(TOKEN, GrantIdentity("endpoint-uid", "hash", "credentials-uid/7"))
RENEWED = replace(STORED, token=replace(TOKEN, access_token="n3w", issued=ISSUED + 82800, expires=ISSUED + 169200))
ISSUE_TIME, LIFETIME = f"{GROUP}/issue-time", f"{GROUP}/lifetime-seconds"


def integration(*, name: str = "shop", uid: str = "uid-1", spec: Object | None = None, **target: Any) -> Integration:
    """An IntegrationToken with this target in its spec."""
    body: Object = {
        "metadata": {"namespace": "store", "name": name, "uid": uid},
        "spec": {
            "endpointRef": {"name": "login"},
            "credentialsSecretRef": {"name": "shop-integration"},
            "target": {"name": "shop-token", **target},
            **(spec or {}),
        },
    }
    return parse_integration(body)


SHOP = integration()


def field(name: str, keys: Iterable[str]) -> Object:
    """Fields of `metadata` in the API server's managed fields."""
    return {"f:metadata": {name: {f"f:{key}": {} for key in keys}}}


def served(body: Object, *, manager: str = MANAGER) -> Object:
    """The Secret as the API server returns it after somebody created it."""
    metadata = body["metadata"]
    fields = {
        "f:data": {f"f:{key}": {} for key in body["data"]},
        "f:metadata": {
            "f:labels": {f"f:{key}": {} for key in metadata["labels"]},
            "f:annotations": {f"f:{key}": {} for key in metadata["annotations"]},
        },
    }
    record = [{"manager": manager, "operation": "Update", "fieldsV1": fields}]
    return copy.deepcopy(
        {**body, "metadata": {**metadata, "uid": "secret-uid", "resourceVersion": "11", "managedFields": record}}
    )


def written(stored: StoredToken = STORED, of: Integration = SHOP) -> Object:
    """A target as we created it."""
    write = build_target(None, of, stored)
    assert write is not None
    return served(write.body)


def changed(secret: Object, manager: str, part: str, **values: str) -> Object:
    """The Secret after another field manager set labels, annotations or data."""
    result = copy.deepcopy(secret)
    keys = [f"f:{key}" for key in values]
    mine = result["metadata"]["managedFields"][0]["fieldsV1"]
    if part == "data":
        result["data"] |= {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
        theirs: Object = {"f:data": {key: {} for key in keys}}
        claim = mine["f:data"]
    else:
        result["metadata"][part] |= values
        theirs = {"f:metadata": {f"f:{part}": {key: {} for key in keys}}}
        claim = mine["f:metadata"][f"f:{part}"]
    for key in keys:
        claim.pop(key, None)
    result["metadata"]["managedFields"].append({"manager": manager, "operation": "Update", "fieldsV1": theirs})
    return result


def texts(body: Object) -> dict[str, str]:
    """A Secret's data, decoded."""
    return {key: base64.b64decode(value).decode() for key, value in body["data"].items()}


class TestContent:
    """What consumers find."""

    def test_the_secret_holds_the_token_bare_and_as_a_header_and_when_it_expires(self) -> None:
        """Three keys, whatever else the template adds."""
        assert texts(written()) == {
            "token": "t0k3n-value",
            "authorization": "Bearer t0k3n-value",
            "expires_at": "2027-01-16T08:00:00Z",
        }

    def test_annotations_tell_what_it_is_a_token_of_and_no_digest_of_a_secret(self) -> None:
        """All of them derive from public values."""
        assert written()["metadata"]["annotations"] == {
            f"{GROUP}/endpoint-uid": "endpoint-uid",
            f"{GROUP}/grant-hash": "hash",
            f"{GROUP}/credentials-uid": "credentials-uid",
            f"{GROUP}/credentials-resource-version": "7",
            ISSUE_TIME: "2027-01-15T08:00:00.250Z",
            LIFETIME: "86400.000",
            f"{GROUP}/scope": "read write",
        }

    def test_it_is_never_immutable_and_carries_the_resources_name(self) -> None:
        """The name is a label, which the watch selects by."""
        secret = written()
        assert "immutable" not in secret
        assert secret["metadata"]["labels"] == {TARGET_LABEL: "shop"}
        assert (secret["metadata"]["name"], secret["type"]) == ("shop-token", "Opaque")

    def test_placeholders_of_the_template_are_filled_in(self) -> None:
        """All five, however often they occur."""
        template = {"data": {"all": "${token_type}|${token}|${authorization}|${expires_at}|${scope}|${token}"}}
        assert texts(written(of=integration(template=template)))["all"] == (
            "Bearer|t0k3n-value|Bearer t0k3n-value|2027-01-16T08:00:00Z|read write|t0k3n-value"
        )

    @pytest.mark.parametrize(
        ("text", "filled"),
        [
            pytest.param(
                "$token {token} $${unknown} ${", "$token {token} $${unknown} ${", id="the rest stays as it is"
            ),
            pytest.param("$${token}", "$${scope}", id="an additional dollar sign stays"),
            pytest.param("${token}}", "${scope}}", id="the content of a value is never filled in again"),
            pytest.param(
                "${${token}}", "${${scope}}", id="nor is a placeholder that a value and its surroundings form"
            ),
        ],
    )
    def test_the_template_is_filled_in_one_pass(self, text: str, filled: str) -> None:
        """Even if the token looks like a placeholder itself."""
        stored = replace(STORED, token=replace(TOKEN, access_token="${scope}"))
        assert texts(written(stored, integration(template={"data": {"key": text}})))["key"] == filled

    def test_the_template_cannot_replace_the_three_keys(self) -> None:
        """An object stored under an older schema may try."""
        template = {"data": {"token": "mine", "authorization": "mine", "expires_at": "mine", "more": "mine"}}
        assert texts(written(of=integration(template=template))) == {**texts(written()), "more": "mine"}

    def test_labels_and_annotations_of_the_template_are_added_to_ours(self) -> None:
        """They never replace ours."""
        template = {"metadata": {"labels": {"team": "shop"}, "annotations": {"note": "x", ISSUE_TIME: "never"}}}
        metadata = written(of=integration(template=template))["metadata"]
        assert metadata["labels"] == {"team": "shop", TARGET_LABEL: "shop"}
        told = {key: value for key, value in metadata["annotations"].items() if key != f"{GROUP}/template-keys"}
        assert told == {**written()["metadata"]["annotations"], "note": "x"}


class TestReading:
    """A restart knows what the Secret says, and nothing else."""

    def test_what_was_written_is_read_again_to_the_millisecond(self) -> None:
        """Otherwise each pass would plan differently; tried with thousands of issue times and lifetimes."""
        chance = random.Random(5)  # noqa: S311  # no secret
        for _ in range(3000):
            issued = chance.randrange(1_700_000_000_000, 4_000_000_000_000)
            lifetime = chance.choice((chance.randrange(1, 90_000_000), chance.randrange(1, 10**12)))
            token = Token(
                "t0k3n",
                issued=issued / 1000,
                expires=(issued + lifetime) / 1000,
                assumed=chance.random() < 0.5,
                scope=chance.choice((None, ("read",), ("read", "write"))),
            )
            stored = replace(STORED, token=token)
            assert read_target(written(stored)) == stored

    def test_an_empty_list_of_scopes_is_read_as_not_stated(self) -> None:
        """The Secret looks the same for both, as other versions write and read it."""
        bodies = [written(replace(STORED, token=replace(TOKEN, scope=scope))) for scope in ((), None)]
        assert bodies[0]["metadata"]["annotations"] == bodies[1]["metadata"]["annotations"]
        stored = read_target(bodies[0])
        assert stored is not None
        assert stored.token.scope is None

    def test_nothing_shows_the_token_that_was_read(self) -> None:
        """A log line or a traceback may contain the whole value."""
        stored = read_target(written())
        assert stored is not None
        assert "t0k3n-value" not in repr(stored)
        assert "endpoint-uid" in repr(stored)

    @pytest.mark.parametrize(
        ("part", "key", "value"),
        [
            pytest.param("data", "token", None, id="without the token"),
            pytest.param("data", "authorization", None, id="without the header"),
            pytest.param("data", "expires_at", None, id="without the expiry"),
            pytest.param("data", "token", "b3RoZXI=", id="with a token that is not the header's"),
            pytest.param("data", "authorization", "QmVhcmVyIG90aGVy", id="with a header that is not the token's"),
            pytest.param("data", "token", "%%%", id="with invalid base64"),
            pytest.param("data", "token", "/w==", id="with something other than text"),
            pytest.param("data", "expires_at", "MjAyNy0wMS0xNlQwODowMDowMVo=", id="with an expiry a second later"),
            pytest.param("annotations", ISSUE_TIME, None, id="without its issue time"),
            pytest.param("annotations", ISSUE_TIME, "yesterday", id="with an invalid issue time"),
            pytest.param("annotations", ISSUE_TIME, "2027-01-15T08:00:00", id="with one without a time zone"),
            pytest.param("annotations", ISSUE_TIME, "2027-01-15T09:00:00Z", id="with one that doesn't fit the expiry"),
            pytest.param("annotations", LIFETIME, None, id="without its lifetime"),
            pytest.param("annotations", LIFETIME, "long", id="with an invalid lifetime"),
            pytest.param("annotations", LIFETIME, "inf", id="with an infinite lifetime"),
            pytest.param("annotations", LIFETIME, "nan", id="with a lifetime that isn't a number"),
            pytest.param("annotations", LIFETIME, "1e300", id="with a lifetime beyond all dates"),
            pytest.param("annotations", LIFETIME, "1e13", id="with a lifetime beyond the last year"),
            pytest.param("annotations", f"{GROUP}/endpoint-uid", None, id="without its endpoint"),
            pytest.param("annotations", f"{GROUP}/grant-hash", None, id="without its grant"),
            pytest.param("annotations", f"{GROUP}/credentials-uid", None, id="without its credentials"),
            pytest.param(
                "annotations", f"{GROUP}/credentials-resource-version", None, id="without the credentials' version"
            ),
        ],
    )
    def test_a_secret_that_does_not_agree_with_itself_holds_no_token(
        self, part: str, key: str, value: str | None
    ) -> None:
        """A new one is requested instead."""
        secret = written()
        values = secret["data"] if part == "data" else secret["metadata"]["annotations"]
        if value is None:
            del values[key]
        else:
            values[key] = value
        assert read_target(secret) is None

    @pytest.mark.parametrize("empty", [{"data": None}, {"metadata": {}}, {"metadata": {"annotations": None}}])
    def test_an_empty_secret_holds_no_token(self, empty: Object) -> None:
        """Nor does one without a record."""
        assert read_target({**written(), **empty}) is None

    @pytest.mark.parametrize(
        ("part", "values"),
        [
            pytest.param("data", {"token": "t0k3n-value"}, id="the token"),
            pytest.param("data", {"token": "0ther", "authorization": "Bearer 0ther"}, id="token and header"),
            pytest.param("annotations", {ISSUE_TIME: "2027-01-15T08:00:00.250Z"}, id="the issue time"),
            pytest.param("annotations", {LIFETIME: "86400.000"}, id="the lifetime"),
        ],
    )
    def test_what_another_field_manager_wrote_is_not_believed(self, part: str, values: dict[str, str]) -> None:
        """Even if it agrees with everything else."""
        secret = changed(written(), "kubectl-edit", part, **values)
        assert read_target(secret) is None

    def test_what_others_wrote_in_addition_does_not_affect_the_token(self) -> None:
        """Labels, annotations and keys of their own."""
        secret = changed(written(), "argo", "labels", team="shop")
        secret = changed(secret, "argo", "annotations", note="x")
        secret = changed(secret, "kubectl-edit", "data", more="x")
        assert read_target(secret) == STORED

    def test_a_restored_backup_is_taken_at_its_word(self) -> None:
        """Somebody else wrote all of it, and it has no controller."""
        write = build_target(None, integration(deletionPolicy="Retain"), STORED)
        assert write is not None
        assert read_target(served(write.body, manager="velero")) == STORED

    def test_a_whole_secret_that_somebody_else_wrote_under_our_control_is_not_believed(self) -> None:
        """It was ours, and was changed later."""
        write = build_target(None, SHOP, STORED)
        assert write is not None
        assert read_target(served(write.body, manager="kubectl-replace")) is None


OWNER = {"apiVersion": f"{GROUP}/v1alpha1", "kind": "IntegrationToken", "name": "shop", "uid": "uid-1"}


class TestOwnership:
    """A Secret that isn't ours is never touched."""

    @pytest.mark.parametrize(
        ("labels", "owners", "whose"),
        [
            pytest.param(
                {TARGET_LABEL: "shop"}, [{**OWNER, "controller": True}], Ownership.OURS, id="controlled by us"
            ),
            pytest.param({}, [{**OWNER, "controller": True}], Ownership.OURS, id="controlled by us, its label removed"),
            pytest.param({TARGET_LABEL: "shop"}, [], Ownership.OURS, id="labelled, and without an owner: restored"),
            pytest.param({TARGET_LABEL: "shop"}, None, Ownership.OURS, id="labelled, without any list of owners"),
            pytest.param(
                {TARGET_LABEL: "shop"},
                [{"kind": "Application", "name": "all", "uid": "uid-9"}],
                Ownership.OURS,
                id="labelled, owned by somebody who doesn't control it",
            ),
            pytest.param({}, [], Ownership.FOREIGN, id="neither labelled nor owned"),
            pytest.param(None, None, Ownership.FOREIGN, id="without any labels"),
            pytest.param({TARGET_LABEL: "other"}, [], Ownership.FOREIGN, id="labelled with another resource's name"),
            pytest.param(
                {TARGET_LABEL: "shop"},
                [{"kind": "ExternalSecret", "name": "shop", "uid": "uid-9", "controller": True}],
                Ownership.FOREIGN,
                id="labelled, but controlled by another kind",
            ),
            pytest.param(
                {TARGET_LABEL: "shop"},
                [{**OWNER, "name": "other", "uid": "uid-9", "controller": True}],
                Ownership.FOREIGN,
                id="labelled, but controlled by another resource",
            ),
            pytest.param(
                {TARGET_LABEL: "shop"},
                [{**OWNER, "uid": "uid-0", "controller": True}],
                Ownership.PREDECESSOR,
                id="controlled by a deleted resource of the same name",
            ),
            pytest.param(
                {},
                [{**OWNER, "uid": "uid-0", "controller": True}],
                Ownership.FOREIGN,
                id="the same without our label",
            ),
        ],
    )
    def test_label_and_controller_tell_whose_a_secret_is(
        self, labels: dict[str, str] | None, owners: list[Object] | None, whose: Ownership
    ) -> None:
        """One table, for a resource named shop with the uid uid-1."""
        secret = {"metadata": {"name": "shop-token", "labels": labels, "ownerReferences": owners}}
        assert ownership(secret, SHOP) is whose

    def test_the_resource_controls_its_target_without_blocking_its_own_deletion(self) -> None:
        """The garbage collector deletes it, and the operator needs no permission for finalizers."""
        assert written()["metadata"]["ownerReferences"] == [{**OWNER, "controller": True}]

    def test_a_target_to_be_retained_has_the_label_alone(self) -> None:
        """Nothing deletes it."""
        metadata = written(of=integration(deletionPolicy="Retain"))["metadata"]
        assert metadata["ownerReferences"] == []
        assert metadata["labels"] == {TARGET_LABEL: "shop"}

    def test_owners_of_others_are_kept_whatever_the_policy(self) -> None:
        """Ours comes and goes with the policy."""
        other = {"kind": "Application", "name": "all", "uid": "uid-9"}
        secret = written()
        secret["metadata"]["ownerReferences"].insert(0, other)
        retained = build_target(secret, integration(deletionPolicy="Retain"), STORED)
        assert retained is not None
        assert retained.body["metadata"]["ownerReferences"] == [other]
        again = build_target(served(retained.body), SHOP, STORED)
        assert again is not None
        assert again.body["metadata"]["ownerReferences"] == [other, {**OWNER, "controller": True}]


class TestWriting:
    """All changes in one write, and none if there is nothing to change."""

    def test_a_secret_that_is_as_it_should_be_is_not_written(self) -> None:
        """Whatever others add to it."""
        assert build_target(written(), SHOP, STORED) is None
        secret = changed(written(), "argo", "labels", team="shop")
        assert build_target(changed(secret, "argo", "annotations", note="x"), SHOP, STORED) is None

    @pytest.mark.parametrize(
        "of",
        [
            pytest.param(integration(template={"data": {"more": "${token}"}}), id="another key in the template"),
            pytest.param(integration(template={"metadata": {"labels": {"a": "b"}}}), id="another label in it"),
            pytest.param(
                integration(template={"metadata": {"annotations": {"a": "b"}}}), id="another annotation in it"
            ),
            pytest.param(integration(deletionPolicy="Retain"), id="another deletion policy"),
        ],
    )
    def test_a_changed_spec_is_a_write(self, of: Integration) -> None:
        """Of the same token."""
        write = build_target(written(), of, STORED)
        assert write is not None
        assert not write.recreate
        assert texts(write.body)["token"] == "t0k3n-value"

    def test_a_replacement_is_of_the_object_that_was_read_and_no_other(self) -> None:
        """A change made in between makes it fail."""
        write = build_target(written(), SHOP, RENEWED)
        assert write is not None
        assert not write.recreate
        metadata = write.body["metadata"]
        assert (metadata["uid"], metadata["resourceVersion"]) == ("secret-uid", "11")
        assert read_target(served(write.body)) == RENEWED

    def test_a_create_names_no_object(self) -> None:
        """There is none yet."""
        write = build_target(None, SHOP, STORED)
        assert write is not None
        assert not {"uid", "resourceVersion"} & write.body["metadata"].keys()

    @pytest.mark.parametrize(
        "damage",
        [
            pytest.param({"data": {}}, id="its data was emptied"),
            pytest.param({"data": {**written()["data"], "more": "eA=="}}, id="a key was added to its data"),
        ],
    )
    def test_data_is_ours_alone(self, damage: Object) -> None:
        """Changes by others are reverted."""
        write = build_target({**written(), **damage}, SHOP, STORED)
        assert write is not None
        assert write.body["data"] == written()["data"]

    def test_labels_annotations_and_finalizers_of_others_are_kept(self) -> None:
        """A renewal takes nothing away from anybody."""
        secret = changed(written(), "argo", "labels", team="shop")
        secret = changed(secret, "argo", "annotations", note="x")
        secret["metadata"]["finalizers"] = ["example.dev/keep"]
        write = build_target(secret, SHOP, RENEWED)
        assert write is not None
        metadata = write.body["metadata"]
        assert metadata["labels"] == {"team": "shop", TARGET_LABEL: "shop"}
        assert metadata["annotations"]["note"] == "x"
        assert metadata["annotations"][ISSUE_TIME] == "2027-01-16T07:00:00.250Z"
        assert metadata["finalizers"] == ["example.dev/keep"]

    def test_what_left_the_template_is_removed(self) -> None:
        """The record says that it came from the template."""
        template = {"metadata": {"labels": {"team": "shop"}, "annotations": {"note": "x"}}, "data": {"more": "x"}}
        write = build_target(written(of=integration(template=template)), SHOP, STORED)
        assert write is not None
        assert write.body["metadata"]["labels"] == {TARGET_LABEL: "shop"}
        assert write.body["metadata"]["annotations"] == written()["metadata"]["annotations"]
        assert texts(write.body) == texts(written())

    def test_what_left_the_template_stays_if_somebody_else_wrote_it_too(self) -> None:
        """It is theirs as much as ours."""
        secret = written(of=integration(template={"metadata": {"labels": {"team": "shop"}}}))
        theirs = {"manager": "argo", "operation": "Apply", "fieldsV1": field("f:labels", ["team"])}
        secret["metadata"]["managedFields"].append(theirs)
        write = build_target(secret, SHOP, RENEWED)
        assert write is not None
        assert write.body["metadata"]["labels"] == {"team": "shop", TARGET_LABEL: "shop"}

    def test_a_record_of_ours_that_no_longer_holds_is_removed_by_whomever_it_was_written(self) -> None:
        """A mark for an assumed expiry next to a known one would be wrong."""
        secret = changed(written(), "velero", "annotations", **{f"{GROUP}/expiry-assumed": "true"})
        write = build_target(secret, SHOP, STORED)
        assert write is not None
        assert write.body["metadata"]["annotations"] == written()["metadata"]["annotations"]

    def test_a_record_of_ours_that_this_version_does_not_know_is_kept(self) -> None:
        """A later version wrote it and may lead again: it is no reason to write, and a renewal keeps it."""
        name = f"{GROUP}/of-a-later-version"
        secret = written()
        secret["metadata"]["annotations"][name] = "kept"
        secret["metadata"]["managedFields"][0]["fieldsV1"]["f:metadata"]["f:annotations"][f"f:{name}"] = {}
        assert read_target(secret) == STORED
        assert build_target(secret, SHOP, STORED) is None
        write = build_target(secret, SHOP, RENEWED)
        assert write is not None
        assert write.body["metadata"]["annotations"][name] == "kept"

    def test_a_label_that_was_changed_by_another_is_brought_back(self) -> None:
        """If the template sets it."""
        of = integration(template={"metadata": {"labels": {"team": "shop"}}})
        write = build_target(changed(written(of=of), "kubectl-label", "labels", team="other"), of, STORED)
        assert write is not None
        assert write.body["metadata"]["labels"]["team"] == "shop"

    def test_after_a_repair_the_secret_is_believed_again(self) -> None:
        """The write takes over what others claimed of it, and leaves them what is theirs."""
        secret = changed(written(), "kubectl-edit", "data", token="stolen")
        secret = changed(secret, "kubectl-edit", "annotations", note="x", **{LIFETIME: "99999"})
        write = build_target(secret, SHOP, STORED)
        assert write is not None
        after = {**write.body, "metadata": write.body["metadata"]}
        assert read_target(after) == STORED
        assert after["metadata"]["managedFields"][-1]["fieldsV1"] == field("f:annotations", ["note"])
        assert build_target(after, SHOP, STORED) is None

    def test_a_token_that_another_wrote_is_written_again_though_it_is_the_same(self) -> None:
        """Otherwise it wouldn't be trusted the next time."""
        assert build_target(changed(written(), "velero", "data", token="t0k3n-value"), SHOP, STORED) is not None

    def test_what_an_admission_webhook_adds_to_every_write_of_ours_stays(self) -> None:
        """The API server counts it as ours; it is no reason to write again."""
        of = integration(template={"metadata": {"labels": {"team": "shop"}}})
        write = build_target(None, of, STORED)
        assert write is not None
        body = write.body
        body["metadata"]["labels"] = {**body["metadata"]["labels"], "added-by": "policy"}
        assert build_target(served(body), of, STORED) is None

    @pytest.mark.parametrize(
        "state",
        [
            pytest.param({"immutable": True}, id="it was made immutable"),
            pytest.param({"type": "kubernetes.io/basic-auth"}, id="it is of another type"),
        ],
    )
    def test_a_secret_that_cannot_be_changed_is_deleted_and_created(self, state: Object) -> None:
        """It keeps what others put on it, and doesn't name the old one's uid."""
        secret = {**changed(written(), "argo", "labels", team="shop"), **state}
        write = build_target(secret, SHOP, STORED)
        assert write is not None
        assert write.recreate
        assert write.body["metadata"]["labels"] == {"team": "shop", TARGET_LABEL: "shop"}
        assert not {"uid", "resourceVersion", "managedFields"} & write.body["metadata"].keys()
        assert "immutable" not in write.body

    def test_what_others_put_on_a_recreated_secret_is_still_not_ours(self) -> None:
        """Otherwise the next write would remove it as something that left the template."""
        secret = {**changed(written(), "argo", "labels", team="shop"), "immutable": True}
        write = build_target(secret, SHOP, STORED)
        assert write is not None
        after = served(write.body)
        assert build_target(after, SHOP, STORED) is None
        renewal = build_target(after, SHOP, RENEWED)
        assert renewal is not None
        assert renewal.body["metadata"]["labels"] == {"team": "shop", TARGET_LABEL: "shop"}

    def test_what_the_template_has_is_ours_on_a_recreated_secret_though_another_wrote_it_before(self) -> None:
        """It is removed when it leaves the template."""
        of = integration(template={"metadata": {"labels": {"team": "shop"}}})
        secret = {**changed(written(of=of), "argo", "labels", team="shop"), "immutable": True}
        write = build_target(secret, of, STORED)
        assert write is not None
        after = build_target(served(write.body), SHOP, STORED)
        assert after is not None
        assert after.body["metadata"]["labels"] == {TARGET_LABEL: "shop"}


ENDPOINT: Object = {
    "metadata": {"namespace": "store", "name": "login", "uid": "endpoint-uid"},
    "spec": {"tokenURL": "https://login.example/token", "audience": "https://api.example"},
}


class TestGrant:
    """A hash shows whether the spec still requests the same token."""

    def hashed(self, of: Integration = SHOP, kind: EndpointKind = EndpointKind.NAMESPACED, **spec: Any) -> str:
        """The hash for an endpoint with these fields."""
        return grant_hash(parse_endpoint(kind, {**ENDPOINT, "spec": {**ENDPOINT["spec"], **spec}}), of)

    @pytest.mark.parametrize(
        "spec",
        [
            {"tokenURL": "https://other.example/token"},
            {"audience": "https://other.example"},
            {"requestEncoding": "Form"},
            {"clientAuthenticationMethod": "ClientSecretBasic"},
            {"parameters": {"organization": "1"}},
        ],
        ids=lambda spec: next(iter(spec)),
    )
    def test_each_field_of_the_endpoint_that_enters_the_request_counts(self, spec: Object) -> None:
        """Another request is another grant."""
        assert self.hashed(**spec) != self.hashed()

    @pytest.mark.parametrize(
        "spec",
        [
            {"audience": "https://other.example"},
            {"scopes": ["read"]},
            {"credentialsSecretRef": {"name": "other"}},
            {"credentialsSecretRef": {"name": "shop-integration", "clientIDKey": "id"}},
            {"credentialsSecretRef": {"name": "shop-integration", "clientSecretKey": "secret"}},
        ],
        ids=str,
    )
    def test_each_field_of_the_resource_that_enters_the_request_counts(self, spec: Object) -> None:
        """Another request is another grant."""
        assert self.hashed(integration(spec=spec)) != self.hashed()

    def test_the_kind_of_the_endpoint_counts(self) -> None:
        """The two kinds are judged differently."""
        assert self.hashed(kind=EndpointKind.CLUSTER) != self.hashed()

    @pytest.mark.parametrize(
        "spec",
        [
            {"timeout": "20s"},
            {"rateLimit": {"requestsPerMinute": 5}},
            {"defaultLifetime": "2h"},
            {"parameters": {}},
        ],
        ids=lambda spec: next(iter(spec)),
    )
    def test_fields_that_do_not_enter_the_request_replace_no_token(self, spec: Object) -> None:
        """How a token is requested isn't part of what is requested."""
        assert self.hashed(**spec) == self.hashed()

    def test_an_audience_of_the_resource_is_the_same_as_that_of_the_endpoint(self) -> None:
        """What is sent counts, not where it is specified."""
        assert self.hashed(integration(spec={"audience": "https://api.example"})) == self.hashed()

    def test_the_order_of_parameters_does_not_matter(self) -> None:
        """The API server may return them in any order."""
        assert self.hashed(parameters={"a": "1", "b": "2"}) == self.hashed(parameters={"b": "2", "a": "1"})
