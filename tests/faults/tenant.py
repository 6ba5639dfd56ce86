"""A tenant who attacks its neighbours with everything that the role `edit` in one namespace permits."""

import base64
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Final

import httpx
from integration_token.api.names import ISSUE_TIME_ANNOTATION, LIFETIME_ANNOTATION, MANAGER
from integration_token.api.value import format_precise_time, format_time

from tests.apiserver.kube import GROUP_VERSION, Document, Kube
from tests.apiserver.stage import CREDENTIALS_LABEL, RENEW_ANNOTATION, Login, Stage
from tests.cluster.plane import ControlPlane
from tests.fakes.fault import retry_after
from tests.fakes.issuer import Policy
from tests.faults.hostile import HostileServer
from tests.faults.record import Place
from tests.faults.world import World

NAMESPACE: Final = "crowd"
ACCOUNT: Final = "tenant"

LIMITED: Final = "limited"
"""A client of its own, which makes the shared endpoint ask it to stay away."""

SHARERS: Final = 300
"""Resources that share one of its grants: more would keep two cores busy with the API server alone."""
LARGE: Final = 40
"""Objects of each kind with the maximum size."""
FILLER: Final = "x" * 200_000
"""Near the limit for all annotations of an object."""

SHARED: Final = "shared"
"""The ClusterTokenEndpoint that it shares with its neighbours."""

Lane = Callable[["Tenant"], None]


class Tenant:
    """An account with its own token, and its attacks; all of them stop at once on request."""

    def __init__(self, plane: ControlPlane, server: HostileServer, login: Login, client_id: str) -> None:
        """`client_id`: a client at the shared endpoint whose credentials a neighbour also has."""
        self.server = server
        self.client_id, self.client_secret = client_id, login.clients[client_id]
        login.clients[LIMITED] = "its secret"
        login.endpoint.fault(retry_after(900), client_id=LIMITED)
        self.kube = _TenantKube(plane)
        self.over = threading.Event()
        self.done: dict[str, int] = {}
        """What each lane has done so far."""
        self._threads = [threading.Thread(target=self._run, args=(lane,), daemon=True) for lane in LANES]

    def begin(self) -> None:
        """Starts all attacks at once."""
        self.secret("right", self.client_id, self.client_secret)
        self.secret("wrong", self.client_id, "a guess")
        self.secret(LIMITED, LIMITED, "its secret")
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Ends all lanes."""
        self.over.set()
        for thread in self._threads:
            thread.join()
        self.kube.close()

    def _run(self, lane: Lane) -> None:
        while not self.over.is_set():
            with suppress(AssertionError, httpx.HTTPError, TimeoutError):
                lane(self)
            self.over.wait(1.0)

    def rounds(self, every: float, what: str) -> Iterator[int]:
        """Consecutive numbers, until the attack is over."""
        while not self.over.is_set():
            number = self.done[what] = self.done.get(what, 0) + 1
            yield number
            self.over.wait(every)

    def secret(self, name: str, client_id: str, client_secret: str, **annotations: str) -> None:
        """A credentials Secret."""
        self.create(
            "Secret",
            name,
            stringData={"client_id": client_id, "client_secret": client_secret},
            labels={CREDENTIALS_LABEL: "true"},
            annotations=annotations,
        )

    def endpoint(self, name: str, path: str, **spec: object) -> None:
        """A TokenEndpoint for its own server."""
        self.create("TokenEndpoint", name, spec={"tokenURL": f"{self.server.url}/{path}", **spec})

    def token(self, name: str, endpoint: str, credentials: str, **spec: object) -> None:
        """An IntegrationToken, for the shared endpoint unless one of its own is named."""
        kind = "TokenEndpoint" if endpoint else "ClusterTokenEndpoint"
        refs = {
            "endpointRef": {"kind": kind, "name": endpoint or SHARED},
            "credentialsSecretRef": {"name": credentials},
        }
        self.create("IntegrationToken", name, spec={**refs, **spec})

    def wish(self, name: str, value: str) -> None:
        """Requests a renewal."""
        self.patch("IntegrationToken", name, {"metadata": {"annotations": {RENEW_ANNOTATION: value}}})

    def create(
        self,
        kind: str,
        name: str,
        *,
        labels: dict[str, str] | None = None,
        annotations: dict[str, str] | None = None,
        **parts: Any,
    ) -> None:
        """Creates an object, unless it exists."""
        metadata = {"name": name, "namespace": NAMESPACE, "labels": labels or {}, "annotations": annotations or {}}
        version = "v1" if kind == "Secret" else GROUP_VERSION
        with suppress(AssertionError):
            self.kube.create({"apiVersion": version, "kind": kind, "metadata": metadata, **parts})

    def patch(self, kind: str, name: str, patch: Document) -> None:
        """Changes an object, unless it is gone."""
        with suppress(AssertionError):
            self.kube.patch(kind, NAMESPACE, name, patch)

    def delete(self, kind: str, name: str) -> None:
        """Deletes an object, unless it is gone."""
        with suppress(AssertionError):
            self.kube.delete(kind, NAMESPACE, name)


def _costly_answers(tenant: Tenant) -> None:
    for path in ("costly", "large"):
        tenant.endpoint(path, path)
        for number in range(4):
            tenant.token(f"{path}-{number}", path, "right", audience=f"a-{number}")
    for number in tenant.rounds(1.0, "costly answers"):
        tenant.wish(f"costly-{number % 4}", str(number))
        tenant.wish(f"large-{number % 4}", str(number))


def _endpoints_that_come_and_go(tenant: Tenant) -> None:
    for number in tenant.rounds(0.5, "endpoints created and deleted"):
        tenant.endpoint(f"churn-{number}", "hang", timeout="60s")
        for name in range(4):
            tenant.token(f"churn-{number}-{name}", f"churn-{number}", "right", audience=f"c-{number}-{name}")
        tenant.delete("TokenEndpoint", f"churn-{number}")
        for name in range(4):
            tenant.delete("IntegrationToken", f"churn-{number}-{name}")


def _requests_that_hang(tenant: Tenant) -> None:
    for number in range(20):
        tenant.endpoint(f"hang-{number}", "hang", timeout="60s")
        for name in range(4):
            tenant.token(f"hang-{number}-{name}", f"hang-{number}", "right", audience=f"h-{name}")
    for number in tenant.rounds(1.0, "renewal requests at hanging endpoints"):
        tenant.wish(f"hang-{number % 20}-0", str(number))


def _objects_as_large_as_they_may_be(tenant: Tenant) -> None:
    authority = "-----BEGIN CERTIFICATE-----\n" + "x" * 400_000
    for number in range(LARGE):
        tenant.secret(f"large-{number}", "large", "large", filler=FILLER)
        tenant.endpoint(f"large-{number}", "hang", caBundle=authority)
        data = {f"key-{key}": FILLER[:8000] for key in range(16)}
        tenant.token(f"filled-{number}", "hang-0", f"large-{number}", target={"template": {"data": data}})
        if tenant.over.is_set():
            return
    for number in tenant.rounds(0.5, "large wishes"):
        tenant.wish(f"filled-{number % LARGE}", f"{number}" + FILLER)


def _wishes_of_what_fails(tenant: Tenant) -> None:
    for number in range(10):
        tenant.token(f"wrong-{number}", "", "wrong", scopes=["read"] if number % 2 else [])
    for number in tenant.rounds(0.5, "renewal requests of failing resources"):
        tenant.wish(f"wrong-{number % 10}", str(number))


def _a_client_that_is_asked_to_stay_away(tenant: Tenant) -> None:
    for number in range(3):
        tenant.token(f"limited-{number}", "", LIMITED, scopes=["read", "write"][:number])
    for number in tenant.rounds(5.0, "renewal requests of a client asked to stay away"):
        tenant.wish(f"limited-{number % 3}", str(number))


def _many_sharers(tenant: Tenant) -> None:
    for number in range(SHARERS):
        tenant.token(f"sharer-{number}", "", "right", scopes=["write"])
        if tenant.over.is_set():
            return
    for number in tenant.rounds(10.0, "renewals of many sharers"):
        tenant.wish("sharer-0", str(number))


def _forged_times(tenant: Tenant) -> None:
    """For a token that a neighbour also has."""
    tenant.token("forged", "", "right")
    for _ in tenant.rounds(2.0, "forged times"):
        now = time.time()
        metadata = {
            "name": "forged",
            "namespace": NAMESPACE,
            "annotations": {ISSUE_TIME_ANNOTATION: format_precise_time(now - 20), LIFETIME_ANNOTATION: "25.000"},
        }
        data = {"expires_at": base64.b64encode(format_time(now + 5).encode()).decode()}
        tenant.kube.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}, MANAGER)


def _fights(tenant: Tenant) -> None:
    for number in range(6):
        tenant.token(f"fought-{number}", "", "right", scopes=["read"])
    for number in tenant.rounds(0.05, "changes undone"):
        if number % 2:
            tenant.delete("Secret", f"fought-{number % 3}")
        else:
            tenant.patch("Secret", f"fought-{3 + number % 3}", {"data": {"token": "Zm9yZ2Vk"}})


LANES: Final[tuple[Lane, ...]] = (
    _costly_answers,
    _endpoints_that_come_and_go,
    _requests_that_hang,
    _objects_as_large_as_they_may_be,
    _wishes_of_what_fails,
    _a_client_that_is_asked_to_stay_away,
    _many_sharers,
    _forged_times,
    _fights,
)


def share(world: World, resources: int, policy: Policy) -> list[Place]:
    """Creates the shared endpoint, and another namespace's resources that use it."""
    stage = Stage(world.kube, world.ledger, world.logins[0], "bank", endpoint=False)
    stage.endpoint(SHARED, "ClusterTokenEndpoint", rateLimit={"requestsPerMinute": 600})
    window = f"{policy.lifetime * 0.4:.0f}s"
    for number in range(resources):
        stage.token(f"till-{number}", endpoint=SHARED, kind="ClusterTokenEndpoint", policy=policy, renewBefore=window)
    return [("bank", f"till-{number}") for number in range(resources)]


class _TenantKube(Kube):
    """The API server as the tenant sees it."""

    def __init__(self, plane: ControlPlane) -> None:
        """Creates the account, with only the role `edit` in its namespace."""
        plane.kubectl("create", "namespace", NAMESPACE)
        plane.kubectl("create", "serviceaccount", ACCOUNT, f"--namespace={NAMESPACE}")
        binding = [f"--serviceaccount={NAMESPACE}:{ACCOUNT}", "--clusterrole=edit", f"--namespace={NAMESPACE}"]
        plane.kubectl("create", "rolebinding", ACCOUNT, *binding)
        config = json.loads(plane.service_account_kubeconfig(NAMESPACE, ACCOUNT).read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        context = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
        headers = {"authorization": f"Bearer {user['token']}"}
        self._http = httpx.Client(
            base_url=cluster["server"], verify=context, trust_env=False, timeout=30, headers=headers
        )
