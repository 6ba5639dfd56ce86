"""A namespace without a credentials Secret: Keycloak accepts its ServiceAccount's tokens, and a pod uses the result."""

from collections import Counter
from contextlib import ExitStack
from types import TracebackType
from typing import Final, Self

from tests.apiserver.kube import Kube
from tests.cluster.plane import ControlPlane
from tests.cluster.poll import poll
from tests.endpoints.keycloak import Keycloak
from tests.endpoints.realm import Realm
from tests.endpoints.server import Method
from tests.endpoints.trial import Trial
from tests.fakes.api import EnvironmentAPI
from tests.node.consumer import Consumer
from tests.node.release import USER

CLIENT: Final = "federated"
NAMESPACE: Final = f"{Keycloak.name}-{CLIENT}"
"""The name that a Trial gives it. It exists before the chart, which creates a Role in it."""
ACCOUNT: Final = "shop"

_COMPRESSION: Final = 25
"""How much faster everything goes than with Keycloak's defaults."""
LIFETIME: Final = 300 // _COMPRESSION
"""Seconds that a token lives."""
RENEWALS: Final = 24
"""Renewals in an hour: a token of 5 min is renewed at half of its lifetime."""
HOUR: Final = 3600 / _COMPRESSION
"""Seconds that they take."""

STATUS: Final = "patch integrationtokens/status"
"""Verb and resource of a write."""


class Federation:
    """A context manager: inside, the tokens are renewed, and the pod calls an API with them."""

    def __init__(self, plane: ControlPlane) -> None:
        """Starts nothing yet.

        :param plane: whose tokens others can verify, with a node, and with an operator that may get the account's.
        """
        self._plane = plane
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        """Starts all of it; the pod exists when this returns."""
        with ExitStack() as stack:
            kube = Kube(self._plane)
            stack.callback(kube.close)
            server = stack.enter_context(Keycloak(self._plane.authority))
            server.add_issuer(self._plane.server)
            subject = f"system:serviceaccount:{NAMESPACE}:{ACCOUNT}"
            server.add_client(CLIENT, method=Method.SERVICE_ACCOUNT_TOKEN, lifetime=LIFETIME, subject=subject)
            self.trial = Trial(kube, server, CLIENT, Method.SERVICE_ACCOUNT_TOKEN)
            self.trial.begin({}, mountRefresh="Always")
            self.trial.until_ready()
            self._realm = Realm(server)
            self.api = stack.enter_context(EnvironmentAPI(self._realm))
            Consumer(self._plane, NAMESPACE, "consumer", "go", "shop", self.api.url("consumer"))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stops it."""
        self._stack.close()

    def answers(self) -> list[int]:
        """The status of each of Keycloak's responses."""
        return [answer.status for answer in self.trial.server.requests(CLIENT)]

    def expiries(self) -> set[float]:
        """When each token from Keycloak expires, in wall time: they are half a lifetime apart."""
        found = map(self._realm.find, self.trial.server.issued())
        return {token.expires for token in found if token is not None}

    def end(self) -> None:
        """Once the last renewal is over, deletes the resource and the pod."""
        poll(lambda: self.writes()[STATUS] >= len(self.answers()), "the last renewal to be over")
        # Before the API stops: the pod must not be connecting at that moment.
        self._plane.kubectl("delete", "integrationtokens,pods", "--all", f"--namespace={NAMESPACE}")

    def writes(self) -> Counter[str]:
        """How often the operator wrote what in the namespace, as the API server saw it, without events."""
        return Counter(
            f"{event['verb']} {'/'.join(filter(None, (about['resource'], about.get('subresource'))))}"
            for event in self._plane.audit_events()
            for about in [event.get("objectRef") or {}]
            if event["user"]["username"] == USER
            and event["verb"] not in {"get", "list", "watch"}
            and about.get("namespace") == NAMESPACE
            and about["resource"] != "events"
        )
