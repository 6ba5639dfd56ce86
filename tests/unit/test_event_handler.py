"""Each watch event updates what is known and, if it brings anything new, wakes the resources concerned."""

import copy
import time
from typing import Any

import pytest
from integration_token.api.endpoint import EndpointKind, EndpointRef, parse_endpoint
from integration_token.api.names import RENEW_ANNOTATION
from integration_token.clock import Instant
from integration_token.handlers.event_handler import EventHandler
from integration_token.state.inventory import Inventory
from integration_token.state.resource import Remembered
from integration_token.workqueue.endpoint_queue import Rank, Urgency
from integration_token.workqueue.endpoint_queues import EndpointQueues
from integration_token.workqueue.in_flight import MAX_PER_NAMESPACE
from integration_token.workqueue.key import Key, endpoint_key, token_key
from integration_token.workqueue.scheduler import Scheduler

from tests.unit.virtual import FakeClock

Object = dict[str, Any]
SHOP, BANK = token_key("store", "shop"), token_key("vault", "bank")
LOGIN = EndpointRef(EndpointKind.NAMESPACED, "store", "login")
GRAFX = EndpointRef(EndpointKind.CLUSTER, "", "grafx")


class Recorder(Scheduler):
    """Records which keys are woken, and works on none."""

    def __init__(self, clock: FakeClock) -> None:
        """Starts with nothing woken."""
        super().__init__(clock, self._never, self._never)
        self.woken: list[Key] = []

    def wake(self, key: Key) -> None:
        self.woken.append(key)

    async def _never(self, _: Key) -> Instant | None:
        raise AssertionError


class Watched:
    """A handler, and what it leaves behind."""

    def __init__(self, clock: FakeClock) -> None:
        """Starts without any events."""
        self.inventory = Inventory(clock)
        self._scheduler = Recorder(clock)
        self.queues = EndpointQueues(clock, self._scheduler, lambda _: "login.example")
        self.handler = EventHandler(self.inventory, self._scheduler, self.queues)

    @property
    def woken(self) -> list[Key]:
        """The keys woken since the last call."""
        woken, self._scheduler.woken = self._scheduler.woken, []
        return sorted(woken)

    def integration(self, kind: str | None, body: Object) -> list[Key]:
        """Handles an event for an IntegrationToken; returns the keys it wakes."""
        self.handler.on_integration(kind, body)
        return self.woken

    def endpoint(self, kind: str | None, body: Object, of: EndpointKind = EndpointKind.CLUSTER) -> list[Key]:
        """Handles an event for an endpoint; returns the keys it wakes."""
        self.handler.on_endpoint(kind, of, body)
        return self.woken

    def namespace(self, kind: str | None, name: str, labels: dict[str, str] | None = None) -> list[Key]:
        """Handles an event for a namespace; returns the keys it wakes."""
        self.handler.on_namespace(kind, {"metadata": {"name": name, "labels": labels}})
        return self.woken


@pytest.fixture
def watched(clock: FakeClock) -> Watched:
    """A handler that hasn't seen any event."""
    return Watched(clock)


def token(key: Key = SHOP, endpoint: EndpointRef = LOGIN, **metadata: Any) -> Object:
    """An IntegrationToken with its own credentials and target."""
    spec = {
        "endpointRef": {"kind": str(endpoint.kind), "name": endpoint.name},
        "credentialsSecretRef": {"name": f"{key.name}-integration"},
        "target": {"name": f"{key.name}-token"},
    }
    known = {"namespace": key.namespace, "name": key.name, "uid": f"{key.name} uid", "generation": 1}
    return {"metadata": {**known, **metadata}, "spec": spec}


def login(ref: EndpointRef = GRAFX, spec: Object | None = None, **metadata: Any) -> Object:
    """An endpoint."""
    known = {"namespace": ref.namespace, "name": ref.name, "uid": f"{ref.name} uid", "generation": 1}
    return {"metadata": {**known, **metadata}, "spec": {"tokenURL": "https://login.example/token", **(spec or {})}}


def going(body: Object) -> Object:
    """The object while a finalizer holds up its deletion."""
    result = copy.deepcopy(body)
    result["metadata"] |= {"deletionTimestamp": "2027-01-15T08:00:00Z", "generation": 2}
    return result


class TestIntegrations:
    """Events of IntegrationTokens."""

    @pytest.mark.parametrize("kind", [None, "ADDED", "MODIFIED"])
    def test_a_resource_that_is_seen_first_is_woken_however_it_came(self, watched: Watched, kind: str | None) -> None:
        """Listed, added, or changed in a gap of the watch."""
        assert watched.integration(kind, token()) == [SHOP]
        assert watched.inventory.resources[SHOP].uid == "shop uid"

    def test_a_resource_is_found_by_what_it_refers_to(self, watched: Watched) -> None:
        """By its credentials, target and endpoint, and by nothing in another namespace."""
        watched.integration("ADDED", token())
        inventory = watched.inventory
        assert inventory.of_secret("store", "shop-integration") == (SHOP,)
        assert inventory.of_secret("store", "shop-token") == (SHOP,)
        assert inventory.of_endpoint(LOGIN) == (SHOP,)
        assert inventory.of_secret("vault", "shop-token") == ()
        assert inventory.of_endpoint(EndpointRef(EndpointKind.NAMESPACED, "vault", "login")) == ()

    def test_our_own_status_write_wakes_nobody(self, watched: Watched) -> None:
        """Otherwise each write would cause another pass."""
        watched.integration("ADDED", token())
        written = {**token(resourceVersion="2"), "status": {"targetName": "x"}}
        assert watched.integration("MODIFIED", written) == []

    @pytest.mark.parametrize(
        "metadata",
        [
            pytest.param({"generation": 2}, id="its spec was changed"),
            pytest.param({"annotations": {RENEW_ANNOTATION: "now"}}, id="a renewal was asked for"),
            pytest.param({"uid": "another"}, id="it was deleted and created again in a gap of the watch"),
        ],
    )
    def test_what_asks_for_something_new_wakes_it(self, watched: Watched, metadata: Object) -> None:
        """Once."""
        watched.integration("ADDED", token())
        assert watched.integration("MODIFIED", token(**metadata)) == [SHOP]
        assert watched.integration("MODIFIED", token(**metadata)) == []

    def test_a_changed_spec_is_found_by_its_new_references_alone(self, watched: Watched) -> None:
        """The old references no longer matter."""
        watched.integration("ADDED", token())
        watched.integration("MODIFIED", token(endpoint=GRAFX, generation=2))
        assert watched.inventory.of_endpoint(LOGIN) == ()
        assert watched.inventory.of_endpoint(GRAFX) == (SHOP,)

    def test_a_deleted_resource_is_forgotten_with_its_references_and_gives_up_its_place(self, watched: Watched) -> None:
        """It is woken for that alone."""
        watched.integration("ADDED", token())
        assert watched.integration("DELETED", token()) == [SHOP]
        assert watched.inventory.resources == {}
        assert watched.inventory.of_secret("store", "shop-token") == ()

    def test_a_resource_that_is_being_deleted_counts_as_deleted(self, watched: Watched) -> None:
        """Its Secret may be gone already and must not be written again."""
        watched.integration("ADDED", token())
        assert watched.integration("MODIFIED", going(token())) == [SHOP]
        assert watched.inventory.resources == {}
        assert watched.integration("DELETED", going(token())) == []

    def test_a_resource_that_is_seen_first_while_it_is_being_deleted_is_left_alone(self, watched: Watched) -> None:
        """As after a restart."""
        assert watched.integration(None, going(token())) == []
        assert watched.inventory.resources == {}

    def test_the_late_end_of_a_predecessor_takes_nothing_from_its_successor(self, watched: Watched) -> None:
        """It has the same name but another uid."""
        watched.integration("ADDED", token(uid="new"))
        assert watched.integration("DELETED", token(uid="old")) == []
        assert watched.inventory.resources[SHOP].uid == "new"

    def test_a_resource_that_was_too_large_to_be_passed_on_is_woken_once(self, watched: Watched) -> None:
        """Each change wakes it again; what was known about it stays."""
        cut = {"metadata": token()["metadata"], "cut": True}
        assert watched.integration(None, cut) == [SHOP]
        assert watched.integration(None, cut) == []
        watched.inventory.resources[SHOP].remembered = known = Remembered(status_pending=True)
        watched.integration("MODIFIED", token(generation=2))
        again = {"metadata": token(generation=3)["metadata"], "cut": True}
        assert watched.integration(None, again) == [SHOP]
        assert watched.integration(None, again) == []
        assert watched.inventory.resources[SHOP].remembered is known
        assert watched.inventory.of_secret("store", "shop-token") == (SHOP,)
        assert watched.integration("MODIFIED", token(uid="another")) == [SHOP]
        assert watched.inventory.resources[SHOP].remembered == Remembered()

    def test_a_spec_that_cannot_be_read_is_woken_once_to_report_it(self, watched: Watched) -> None:
        """Each change wakes it again until the spec can be read."""
        broken = {**token(), "spec": {"endpointRef": {"kind": "Endpoint", "name": "x"}}}
        assert watched.integration(None, broken) == [SHOP]
        assert watched.integration("MODIFIED", broken) == []
        broken["metadata"]["generation"] = 2
        assert watched.integration("MODIFIED", broken) == [SHOP]
        assert watched.integration("MODIFIED", token(generation=3)) == [SHOP]
        assert watched.inventory.of_endpoint(LOGIN) == (SHOP,)


class TestEndpoints:
    """Events of token endpoints."""

    @pytest.fixture(autouse=True)
    def users(self, watched: Watched) -> None:
        """Two resources that use the cluster's endpoint, and one that uses a namespace's."""
        for body in (token(SHOP, GRAFX), token(BANK, GRAFX), token(token_key("store", "local"), LOGIN)):
            watched.integration(None, body)

    def test_an_endpoint_that_is_seen_first_wakes_its_users_and_its_own_status(self, watched: Watched) -> None:
        """Nothing else is woken."""
        assert watched.endpoint(None, login()) == sorted([SHOP, BANK, endpoint_key(GRAFX)])
        assert watched.inventory.endpoints[GRAFX].token_url == "https://login.example/token"

    def test_a_namespaces_endpoint_has_users_in_its_namespace_alone(self, watched: Watched) -> None:
        """An endpoint of the same name in another namespace is a different one."""
        other = EndpointRef(EndpointKind.NAMESPACED, "vault", "login")
        assert watched.endpoint("ADDED", login(other), EndpointKind.NAMESPACED) == [endpoint_key(other)]
        assert watched.endpoint("ADDED", login(LOGIN), EndpointKind.NAMESPACED) == sorted(
            [token_key("store", "local"), endpoint_key(LOGIN)]
        )

    def test_our_own_status_write_wakes_no_user(self, watched: Watched) -> None:
        """The status itself is checked again, and found correct."""
        watched.endpoint(None, login())
        assert watched.endpoint("MODIFIED", {**login(resourceVersion="2"), "status": {}}) == [endpoint_key(GRAFX)]

    @pytest.mark.parametrize("metadata", [{"generation": 2}, {"uid": "another"}], ids=["changed", "created again"])
    def test_a_changed_endpoint_wakes_its_users(self, watched: Watched, metadata: Object) -> None:
        """Their grant may have changed."""
        watched.endpoint(None, login())
        body = login(GRAFX, {"audience": "https://api.example"}, **metadata)
        assert watched.endpoint("MODIFIED", body) == sorted([SHOP, BANK, endpoint_key(GRAFX)])
        assert watched.inventory.endpoints[GRAFX].audience == "https://api.example"

    @pytest.mark.parametrize("known", [True, False])
    def test_an_endpoint_that_one_user_has_read_before_the_watch_reports_it_wakes_the_others(
        self, watched: Watched, *, known: bool
    ) -> None:
        """They wait for it, or rely on its old spec; they are woken once."""
        if known:
            watched.endpoint(None, login())
        body = login(generation=2)
        watched.inventory.keep_endpoint(parse_endpoint(GRAFX.kind, body))
        assert watched.endpoint("MODIFIED", body) == sorted([SHOP, BANK, endpoint_key(GRAFX)])
        assert watched.endpoint("MODIFIED", body) == [endpoint_key(GRAFX)]

    @pytest.mark.parametrize("kind", ["DELETED", "MODIFIED"])
    def test_a_deleted_endpoint_is_forgotten_and_its_users_are_woken(self, watched: Watched, kind: str) -> None:
        """Even while a finalizer holds up the deletion; its status is no longer written."""
        watched.endpoint(None, login())
        body = going(login()) if kind == "MODIFIED" else login()
        assert watched.endpoint(kind, body) == sorted([SHOP, BANK])
        assert watched.inventory.endpoints == {}

    def test_an_endpoint_that_was_too_large_to_be_passed_on_wakes_its_users_once(self, watched: Watched) -> None:
        """They read it themselves; its deletion is still noticed."""
        cut = {"metadata": login()["metadata"], "cut": True}
        assert watched.endpoint(None, cut) == sorted([SHOP, BANK, endpoint_key(GRAFX)])
        assert watched.endpoint(None, cut) == [endpoint_key(GRAFX)]
        assert watched.inventory.endpoints == {}
        assert watched.endpoint("DELETED", login()) == sorted([SHOP, BANK])
        assert watched.inventory.endpoint_version(GRAFX) is None

    def test_resources_no_longer_wait_for_a_deleted_endpoint(self, watched: Watched) -> None:
        """It is woken and gives up its place."""
        endpoint = parse_endpoint(EndpointKind.CLUSTER, login())
        waiting = token_key("elsewhere", "waiting")
        rank = Rank(Urgency.NONE, 0.0)
        for number in range(2 * MAX_PER_NAMESPACE):
            watched.queues.enter(endpoint, token_key("elsewhere", f"{number}"), rank)
        assert watched.queues.enter(endpoint, waiting, rank) is not None
        assert waiting in watched.endpoint("DELETED", login())
        assert not watched.queues.is_pending(waiting)

    def test_an_unreadable_endpoint_counts_as_missing_for_its_users(
        self, watched: Watched, caplog: pytest.LogCaptureFixture
    ) -> None:
        """They are woken to report it, and the log names the field."""
        watched.endpoint(None, login())
        woken = watched.endpoint("MODIFIED", login(GRAFX, {"timeout": "ten"}, generation=2))
        assert woken == sorted([SHOP, BANK, endpoint_key(GRAFX)])
        assert watched.inventory.endpoints == {}
        assert "'ten' is not a duration" in caplog.records[-1].__dict__["values"]["error"]


class TestNamespaces:
    """Events of namespaces, whose labels decide which of them may use a ClusterTokenEndpoint."""

    @pytest.fixture(autouse=True)
    def users(self, watched: Watched) -> None:
        """Resources that use the cluster's endpoint in two namespaces, and one that uses a namespace's endpoint."""
        for body in (token(SHOP, GRAFX), token(BANK, GRAFX), token(token_key("store", "local"), LOGIN)):
            watched.integration(None, body)

    def test_changed_labels_wake_the_resources_of_that_namespace_whose_endpoint_may_ask_for_them(
        self, watched: Watched
    ) -> None:
        """No other namespace's resources are woken, and none with an endpoint of its own."""
        assert watched.namespace(None, "store", {"team": "shop"}) == [SHOP]
        assert watched.namespace("MODIFIED", "store", {"team": "bank"}) == [SHOP]
        assert watched.inventory.namespace_labels == {"store": {"team": "bank"}}

    def test_the_same_labels_wake_nobody(self, watched: Watched) -> None:
        """A namespace's status and annotations change often."""
        watched.namespace(None, "store", {"team": "shop"})
        assert watched.namespace("MODIFIED", "store", {"team": "shop"}) == []

    def test_labels_that_one_resource_has_read_before_the_watch_reports_them_wake_the_others(
        self, watched: Watched
    ) -> None:
        """They rely on the old labels; they are woken once."""
        watched.namespace(None, "store", {"team": "bank"})
        watched.inventory.keep_labels("store", {"team": "shop"})
        assert watched.namespace("MODIFIED", "store", {"team": "shop"}) == [SHOP]
        assert watched.namespace("MODIFIED", "store", {"team": "shop"}) == []

    def test_a_namespace_without_labels_is_known_too(self, watched: Watched) -> None:
        """Having no labels is not the same as being unknown."""
        assert watched.namespace(None, "store", None) == [SHOP]
        assert watched.inventory.namespace_labels == {"store": {}}

    def test_what_an_event_costs_does_not_grow_with_what_others_have(self, watched: Watched) -> None:
        """With a hundred times the resources in other namespaces."""

        def seconds() -> float:
            begun = time.perf_counter()
            for number in range(200):
                assert watched.namespace("MODIFIED", "store", {"team": f"{number}"}) == [SHOP]
            return time.perf_counter() - begun

        few = min(seconds() for _ in range(5))
        for number in range(10_000):
            watched.inventory.observe_unreadable(f"n{number % 500}", f"{number}", "uid", 1)
        assert min(seconds() for _ in range(5)) < 5 * few

    def test_a_large_namespace_that_is_listed_again_may_have_other_labels(self, watched: Watched) -> None:
        """They may have changed in a gap of the watch, and the event has none: resources read them when needed."""
        watched.namespace(None, "store", {"team": "shop"})
        watched.handler.on_namespace(None, {"metadata": {"name": "store", "annotations": {}}, "cut": True})
        assert watched.woken == [SHOP]
        assert watched.inventory.namespace_labels == {}

    def test_a_deleted_namespace_is_forgotten(self, watched: Watched) -> None:
        """Its resources' deletions have events of their own."""
        watched.namespace(None, "store", {"team": "shop"})
        assert watched.namespace("DELETED", "store", {"team": "shop"}) == []
        assert watched.inventory.namespace_labels == {}


@pytest.mark.parametrize(("namespace", "gone"), [("", [SHOP, BANK]), ("store", [SHOP]), ("elsewhere", [])])
def test_what_a_list_may_lack_is_not_used_as_it_was_known(watched: Watched, namespace: str, gone: list[Key]) -> None:
    """It may have been deleted: the next pass reads it, and a sweep follows even if the list is empty."""
    for key in (SHOP, BANK):
        watched.integration("ADDED", {**token(key), "status": {"conditions": []}})
    watched.handler.on_list(namespace)
    resources = watched.inventory.resources
    assert [key for key in (SHOP, BANK) if not resources[key].packed] == gone
    assert watched.handler.relisted.is_set() == bool(gone)
    for key in gone:
        watched.integration(None, {**token(key), "status": {"conditions": []}})
    assert all(state.packed for state in resources.values())


def test_a_resource_whose_spec_cannot_be_read_is_not_kept(watched: Watched) -> None:
    """Each pass reads it anew, and reports what is wrong with it."""
    wrong = {**token(), "spec": {}}
    watched.integration("ADDED", wrong)
    watched.integration("MODIFIED", wrong)
    assert watched.inventory.resources[SHOP].packed == b""
