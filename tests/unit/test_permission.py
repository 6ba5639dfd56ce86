"""How calls that the API server doesn't permit are reported."""

import asyncio

import pytest
from integration_token.cluster.collection import (
    CONFIG_MAPS,
    ENDPOINTS,
    INTEGRATIONS,
    LEASES,
    NAMESPACES,
    PODS,
    SECRETS,
    Collection,
)
from integration_token.cluster.permission import Call, Permissions, call_of
from integration_token.errors import ClusterError, Conflict, Denied, Unavailable

from tests.unit.virtual import FakeClock, run

FORBIDDEN = Denied(
    '403 secrets is forbidden: User "u" cannot create resource "secrets" in API group "" in the namespace "store"',
    status=403,
)
PATH = SECRETS.path("store")


@pytest.mark.parametrize(
    ("method", "path", "call"),
    [
        ("GET", SECRETS.path("store", "shop"), Call("get", "", "secrets", "store")),
        ("GET", f"{SECRETS.path()}?labelSelector=a&limit=500", Call("list", "", "secrets", "")),
        ("GET", f"{SECRETS.path('store')}?labelSelector=a&watch=true", Call("watch", "", "secrets", "store")),
        ("POST", f"{SECRETS.path('store')}?fieldManager=x", Call("create", "", "secrets", "store")),
        ("PUT", LEASES.path("operators", "tokens"), Call("update", "coordination.k8s.io", "leases", "operators")),
        ("DELETE", SECRETS.path("store", "shop"), Call("delete", "", "secrets", "store")),
        (
            "PATCH",
            f"{INTEGRATIONS.path('store', 'shop')}/status?fieldManager=x",
            Call("patch", "integrationtoken.dev", "integrationtokens/status", "store"),
        ),
        ("GET", NAMESPACES.path("", "store"), Call("get", "", "namespaces", "")),
        (
            "GET",
            next(reversed(ENDPOINTS.values())).path(),
            Call("list", "integrationtoken.dev", "clustertokenendpoints", ""),
        ),
    ],
)
def test_call_is_named_as_a_role_would_grant_it(method: str, path: str, call: Call) -> None:
    """Verb, API group, resource with subresource, and namespace."""
    assert call_of(method, path) == call


def test_refusal_is_reported_until_the_call_succeeds(clock: FakeClock) -> None:
    """Any response other than a refusal counts: the object may be missing, or another's."""
    permissions = Permissions(clock)
    assert permissions.missing == ""
    permissions.on_answer("POST", PATH, FORBIDDEN)
    assert permissions.missing == "not permitted: create secrets in store"
    permissions.on_answer("GET", PATH, None)
    permissions.on_answer("POST", SECRETS.path("shipping"), None)
    permissions.on_answer("POST", PATH, Unavailable("503"))
    assert permissions.missing == "not permitted: create secrets in store"
    permissions.on_answer("POST", PATH, Conflict("409"))
    assert permissions.missing == ""


def test_refusals_for_other_reasons_than_permissions_are_not_reported(clock: FakeClock) -> None:
    """Quotas, webhooks and terminating namespaces answer 403 too."""
    permissions = Permissions(clock)
    for said in ('secrets "shop" is forbidden: exceeded quota: x', "unable to create new content in namespace store"):
        permissions.on_answer("POST", PATH, Denied(said, status=403))
        assert permissions.missing == ""


@pytest.mark.parametrize("optional", [PODS, CONFIG_MAPS], ids=lambda collection: collection.plural)
def test_what_an_installation_may_withhold_is_not_missing(clock: FakeClock, optional: Collection) -> None:
    """Pods and CA ConfigMaps are read only if that is granted; the operator works without."""
    permissions = Permissions(clock)
    what = optional.plural
    said = f'{what} is forbidden: User "u" cannot get resource "{what}" in API group "" in the namespace "store"'
    permissions.on_answer("GET", optional.path("store", "some"), Denied(said, status=403))
    assert permissions.missing == ""


def test_many_namespaces_are_counted(clock: FakeClock) -> None:
    """The text stays short, and names no namespace if the whole cluster is refused."""
    permissions = Permissions(clock)
    for number in range(5):
        permissions.on_answer("POST", SECRETS.path(f"n{number}"), FORBIDDEN)
    permissions.on_answer("GET", SECRETS.path(), FORBIDDEN)
    permissions.on_answer("GET", SECRETS.path("store"), FORBIDDEN)
    assert permissions.missing == "not permitted: create secrets in n0, n1, n2 and 2 more; list secrets"


def test_operator_is_fit_as_long_as_it_may_work_in_one_namespace(clock: FakeClock) -> None:
    """Deleting a namespace deletes the operator's Role in it; serving all namespaces takes a single ClusterRole."""
    permissions = Permissions(clock)
    assert not permissions.is_refused_in_all(())
    assert not permissions.is_refused_in_all(("store", "shipping"))
    permissions.on_answer("POST", PATH, FORBIDDEN)
    assert permissions.is_refused_in_all(())
    assert not permissions.is_refused_in_all(("store", "shipping"))
    permissions.on_answer("GET", SECRETS.path("shipping"), FORBIDDEN)
    assert permissions.is_refused_in_all(("store", "shipping"))
    permissions.on_answer("GET", SECRETS.path("shipping"), None)
    permissions.on_answer("GET", SECRETS.path(), FORBIDDEN)
    assert permissions.is_refused_in_all(("store", "shipping"))


def test_refusal_that_nobody_repeats_is_forgotten(clock: FakeClock) -> None:
    """The resource that needed the call may be gone."""
    permissions = Permissions(clock)
    permissions.on_answer("POST", PATH, FORBIDDEN)
    clock.advance(599)
    assert permissions.missing
    clock.advance(2)
    assert permissions.missing == ""


def test_refusals_are_reviewed() -> None:
    """A call that was refused once, as by an API server that is starting, may never be made again."""

    async def main(clock: FakeClock) -> None:
        permissions = Permissions(clock)
        asked: list[Call] = []
        answers: list[bool | ClusterError] = [Unavailable("503"), False, True]

        async def is_permitted(call: Call) -> bool:
            asked.append(call)
            answer = answers.pop(0)
            if isinstance(answer, ClusterError):
                raise answer
            return answer

        reviewing = asyncio.create_task(permissions.run(is_permitted))
        await asyncio.sleep(62)
        assert asked == []
        permissions.on_answer("POST", PATH, FORBIDDEN)
        await asyncio.sleep(11)
        assert permissions.missing
        await asyncio.sleep(60)
        assert permissions.missing == ""
        assert asked == [Call("create", "", "secrets", "store")] * 3
        reviewing.cancel()

    run(main)


def test_it_is_logged_once(clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    """However many namespaces and attempts it concerns; and once more when it is over."""
    permissions = Permissions(clock)
    with caplog.at_level("INFO", "integration_token"):
        for _ in range(3):
            for namespace in ("store", "shipping"):
                permissions.on_answer("POST", SECRETS.path(namespace), FORBIDDEN)
        for namespace in ("store", "shipping"):
            permissions.on_answer("POST", SECRETS.path(namespace), None)

    assert [record.message for record in caplog.records] == [
        "missing permission, grant it to the operator's ServiceAccount",
        "permission granted, or no longer needed",
    ]
    values = vars(caplog.records[0])["values"]
    assert (values["verb"], values["resource"], values["error"]) == ("create", "secrets", str(FORBIDDEN))
