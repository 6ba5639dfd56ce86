"""What tests set up and inspect: a namespace with a token endpoint, and IntegrationTokens with their own clients."""

import base64
import itertools
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from integration_token.api.names import ISSUE_TIME_ANNOTATION, LIFETIME_ANNOTATION, MANAGER
from integration_token.api.value import format_time, parse_time

from tests.apiserver.kube import GROUP_VERSION, Document, Kube
from tests.apiserver.ledger import Ledger
from tests.cluster.poll import poll
from tests.fakes.assertion import KnownKey
from tests.fakes.certificate import Certificate, ClientAuthority
from tests.fakes.fault import Fault
from tests.fakes.issuer import Grant, Policy
from tests.fakes.record import Record
from tests.fakes.token_endpoint import TokenEndpoint

T = TypeVar("T")

CREDENTIALS_LABEL: Final = "integrationtoken.dev/credentials"
TARGET_LABEL: Final = "integrationtoken.dev/integration-token"
RENEW_ANNOTATION: Final = "integrationtoken.dev/renew-requested-at"

SOON: Final = 10.0
"""Seconds for what takes a moment, on a machine that may be busy."""
REPAIR: Final = 2.0
"""Seconds for a repair: 1 is promised and measured by the bench, but here other tests run at the same time."""

COLLECTED: Final = 60.0
"""Seconds for the garbage collector: it looks for new kinds, such as ours, every 30 s."""

QUIET: Final = Policy(lifetime=3600, lead=600)
"""The lifetime unless a test says otherwise: nothing is renewed while the tests run."""


class Login:
    """A token endpoint that creates clients as tests need them."""

    def __init__(
        self,
        *,
        tls: bool = False,
        certificate_name: str = "127.0.0.1",
        certificate: Certificate | None = None,
        client_certificates: ClientAuthority | None = None,
        plain_basic: bool = False,
    ) -> None:
        """Doesn't serve yet: use `endpoint` as a context manager."""
        self.keys = dict[str, KnownKey]()
        """How it checks assertions."""
        self.clients: dict[str, str] = {}
        self.policies: dict[str, Policy] = {}
        self.endpoint = TokenEndpoint(
            policy=self._policy,
            clients=self.clients,
            audiences=("https://api.example", "https://other.example"),
            scopes=("read", "write"),
            tls=tls,
            certificate_name=certificate_name,
            certificate=certificate,
            client_certificates=client_certificates,
            keys=self.keys,
            plain_basic=plain_basic,
        )

    def _policy(self, grant: Grant) -> Policy:
        return self.policies.get(grant.client_id, QUIET)

    def requests(self, client_id: str) -> list[Record]:
        """The log of this client's requests."""
        return [record for record in self.endpoint.log if record.client_id == client_id]


class Token:
    """An IntegrationToken, its target Secret, and its client at the endpoint."""

    def __init__(self, stage: "Stage", name: str, client_id: str, target: str) -> None:
        """`target` is the Secret's name."""
        self.stage = stage
        self.kube = stage.kube
        self.namespace = stage.namespace
        self.name = name
        self.client_id = client_id
        self.target = target

    @property
    def credentials(self) -> str:
        """The name of the credentials Secret."""
        return f"{self.name}-credentials"

    @property
    def client_secret(self) -> str:
        """The secret that the endpoint knows the client by."""
        return self.stage.login.clients[self.client_id]

    def document(self) -> Document:
        """The resource as it is now."""
        return self.kube.get("IntegrationToken", self.namespace, self.name)

    def status(self) -> Document:
        """Its status; empty if there is none yet."""
        status: Document = self.document().get("status", {})
        return status

    def condition(self, kind: str = "Ready") -> Document:
        """One of its conditions; empty if there is none yet."""
        return _condition(self.document(), kind)

    def secret(self) -> Document | None:
        """The target Secret as it is now."""
        return self.kube.find("Secret", self.namespace, self.target)

    def data(self) -> dict[str, str]:
        """The target Secret's data; empty if there is none."""
        secret = self.secret() or {}
        return {key: base64.b64decode(value).decode() for key, value in (secret.get("data") or {}).items()}

    @property
    def held(self) -> str:
        """The token in the target Secret; empty if there is none."""
        return self.data().get("token", "")

    def minted(self) -> tuple[str, ...]:
        """Every token that the endpoint minted for it."""
        return self.stage.login.endpoint.tokens(self.client_id)

    def requests(self) -> list[Record]:
        """Every token request for it."""
        return self.stage.login.requests(self.client_id)

    def events(self, reason: str = "") -> list[str]:
        """The reasons of its events in order, or the messages of those with that reason."""
        found = self.kube.list("Event", self.namespace)
        own = [event for event in found if event["involvedObject"]["name"] == self.name]
        own.sort(key=lambda event: int(event["metadata"]["resourceVersion"]))
        return (
            [event["message"] for event in own if event["reason"] == reason]
            if reason
            else [event["reason"] for event in own]
        )

    def until(self, condition: Callable[[], T], what: str, seconds: float = SOON) -> T:
        """The first truthy result; if none comes, an AssertionError that shows the resource."""
        try:
            return poll(condition, what, seconds)
        except TimeoutError as error:
            document = self.kube.find("IntegrationToken", self.namespace, self.name) or {}
            seen = [f"{c['type']}={c['status']} {c['reason']}: {c['message']}" for c in _conditions(document)]
            lines = [
                f"{error} at {self.namespace}/{self.name}",
                *seen,
                f"events: {self.events()}",
                *map(str, self.requests()),
            ]
            raise AssertionError("\n  ".join(lines)) from None

    def until_condition(self, kind: str, status: str, reason: str = "", seconds: float = SOON) -> Document:
        """The condition, once it has that status (and reason, if given) for the current spec."""

        def look() -> Document:
            document = self.document()
            found = _condition(document, kind)
            current = found.get("observedGeneration") == document["metadata"]["generation"]
            return found if current and found["status"] == status and reason in ("", found["reason"]) else {}

        return self.until(look, f"{kind}={status} {reason}", seconds)

    def until_ready(self, seconds: float = SOON) -> "Token":
        """Returns itself once it is Ready."""
        self.until_condition("Ready", "True", seconds=seconds)
        return self

    def until_failing(self, reason: str, seconds: float = SOON) -> Document:
        """The Ready condition, once it is False for that reason."""
        return self.until_condition("Ready", "False", reason, seconds)

    def until_event(self, reason: str, count: int = 1, seconds: float = SOON) -> list[str]:
        """The messages of the events with that reason, once there are this many."""
        return self.until(
            lambda: messages if len(messages := self.events(reason)) >= count else [], f"event {reason}", seconds
        )

    def until_requests(self, count: int, seconds: float = SOON) -> list[Record]:
        """The token requests, once there are this many."""
        return self.until(
            lambda: found if len(found := self.requests()) >= count else [], f"{count} token requests", seconds
        )

    def patch(self, **spec: Any) -> None:
        """Changes the spec."""
        self.kube.patch("IntegrationToken", self.namespace, self.name, {"spec": spec})

    def request_poll(self) -> None:
        """Requests one poll now."""
        value = f"request-{next(_NUMBERS)}"
        patch = {"metadata": {"annotations": {RENEW_ANNOTATION: value}}}
        self.kube.patch("IntegrationToken", self.namespace, self.name, patch)

    def edit_secret(self, **patch: Any) -> Document:
        """Changes the target Secret by hand."""
        return self.kube.patch("Secret", self.namespace, self.target, patch)

    def forge(self, *, token: str | None = None, expires: float | None = None) -> None:
        """Changes the target Secret as somebody who imitates every trace of an operator's write."""
        metadata: Document = {"name": self.target, "namespace": self.namespace}
        data: dict[str, str] = {}
        if token is not None:
            data |= {"token": token, "authorization": f"Bearer {token}"}
        if expires is not None:
            issued = parse_time((self.secret() or {})["metadata"]["annotations"][ISSUE_TIME_ANNOTATION])
            metadata["annotations"] = {LIFETIME_ANNOTATION: f"{expires - issued:.3f}"}
            data |= {"expires_at": format_time(expires)}
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
        self.kube.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": encoded}, MANAGER)

    def set_credentials(self, **values: str) -> None:
        """Changes the credentials Secret by hand."""
        self.kube.patch("Secret", self.namespace, self.credentials, {"stringData": values})

    def fault(self, fault: Fault, count: int | None = None) -> None:
        """Makes the endpoint answer this client with the fault."""
        self.stage.login.endpoint.fault(fault, client_id=self.client_id, count=count)

    def mend(self) -> None:
        """Makes the endpoint answer this client normally again."""
        self.stage.login.endpoint.mend(self.client_id)

    def delete(self) -> None:
        """Deletes the resource."""
        self.kube.delete("IntegrationToken", self.namespace, self.name)


class Stage:
    """A namespace with one TokenEndpoint named `login`."""

    def __init__(
        self,
        kube: Kube,
        ledger: Ledger,
        login: Login,
        namespace: str,
        *,
        labels: Mapping[str, str] | None = None,
        endpoint: bool = True,
    ) -> None:
        """Creates both; the namespace only if it doesn't exist."""
        self.kube = kube
        self.ledger = ledger
        self.login = login
        self.namespace = namespace
        if kube.find("Namespace", "", namespace) is None:
            metadata = {"name": namespace, "labels": dict(labels or {})}
            kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        if endpoint:
            self.endpoint("login")

    def endpoint(self, name: str, kind: str = "TokenEndpoint", **spec: Any) -> Document:
        """An endpoint at the stage's login, unless `spec` says otherwise."""
        metadata = {"name": name} | ({"namespace": self.namespace} if kind == "TokenEndpoint" else {})
        base = {
            "tokenURL": self.login.endpoint.url,
            "audience": self.login.endpoint.audience,
            "rateLimit": {"requestsPerMinute": 60000},
        }
        return self.kube.create({"apiVersion": GROUP_VERSION, "kind": kind, "metadata": metadata, "spec": base | spec})

    def secret(
        self,
        name: str,
        data: Mapping[str, str | bytes],
        *,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        type_: str = "Opaque",
    ) -> Document:
        """A Secret made by hand."""
        encoded = {
            key: base64.b64encode(value if isinstance(value, bytes) else value.encode()).decode()
            for key, value in data.items()
        }
        metadata = {
            "name": name,
            "namespace": self.namespace,
            "labels": dict(labels or {}),
            "annotations": dict(annotations or {}),
        }
        return self.kube.create(
            {"apiVersion": "v1", "kind": "Secret", "type": type_, "metadata": metadata, "data": encoded}
        )

    def client(self, client_id: str, *, secret: str = "", policy: Policy | None = None) -> str:
        """Registers a client at the endpoint; its secret differs in each encoding by default."""
        secret = secret or self.ledger.odd_secret()
        self.login.clients[client_id] = secret
        if policy is not None:
            self.login.policies[client_id] = policy
        return secret

    def credentials(
        self, name: str, client_id: str, secret: str, *, annotations: Mapping[str, str] | None = None
    ) -> Document:
        """A labelled credentials Secret."""
        data = {"client_id": client_id, "client_secret": secret}
        return self.secret(name, data, labels={CREDENTIALS_LABEL: "true"}, annotations=annotations)

    def token(
        self,
        name: str,
        *,
        client_id: str = "",
        secret: str = "",
        policy: Policy | None = None,
        fault: Fault | None = None,
        credentials: bool = True,
        endpoint: str = "login",
        kind: str = "TokenEndpoint",
        **spec: Any,
    ) -> Token:
        """An IntegrationToken with its own client, which meets `fault` from the beginning.

        :param credentials: whether to create the credentials Secret too.
        """
        client_id = client_id or f"{self.namespace}.{name}"
        target = (spec.get("target") or {}).get("name") or name
        token = Token(self, name, client_id, target)
        known = self.client(client_id, secret=secret, policy=policy)
        if fault is not None:
            token.fault(fault)
        if credentials:
            self.credentials(token.credentials, client_id, known)
        base = {"endpointRef": {"kind": kind, "name": endpoint}, "credentialsSecretRef": {"name": token.credentials}}
        self.kube.create(
            {
                "apiVersion": GROUP_VERSION,
                "kind": "IntegrationToken",
                "metadata": {"name": name, "namespace": self.namespace},
                "spec": base | spec,
            }
        )
        return token


_NUMBERS = itertools.count(1)


def _conditions(document: Document) -> list[Document]:
    conditions: list[Document] = document.get("status", {}).get("conditions", [])
    return conditions


def _condition(document: Document, kind: str) -> Document:
    return next((condition for condition in _conditions(document) if condition["type"] == kind), {})
