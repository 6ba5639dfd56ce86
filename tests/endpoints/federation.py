"""No client secret at all: a server takes tokens of ServiceAccounts that a real API server signed, by its keys."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from tests.cluster.plane import ControlPlane
from tests.endpoints.keycloak import Keycloak
from tests.endpoints.server import Method, TokenServer
from tests.endpoints.site import LIFETIME, REFUSED, Site

METHOD: Final = Method.SERVICE_ACCOUNT_TOKEN
CLIENTS: Final = (f"issue-{METHOD.lower()}", f"renew-{METHOD.lower()}", "disabled")
"""Of the cases here and of those of every method."""


@contextmanager
def running(kind: type[TokenServer], plane: ControlPlane) -> Iterator[TokenServer]:
    """A server of that kind; one that takes tokens of ServiceAccounts takes those of the plane.

    :param plane: with an issuer.
    """
    if issubclass(kind, Keycloak) and METHOD in kind.methods:
        with kind(plane.authority) as keycloak:
            keycloak.add_issuer(plane.server)
            yield keycloak
    else:
        with kind() as server:
            yield server


def values(plane: ControlPlane, *kinds: type[TokenServer]) -> list[str]:
    """Of a chart that names the account of each case; it makes Roles in their namespaces, which are made here."""
    namespaces = [f"{kind.name}-{client}" for kind in kinds if METHOD in kind.methods for client in CLIENTS]
    for namespace in namespaces:
        plane.kubectl("create", "namespace", namespace)
    return [
        f"serviceAccounts[{number}].{field}"
        for number, namespace in enumerate(namespaces)
        for field in (f"namespace={namespace}", "name=shop")
    ]


def disabled(site: Site) -> None:
    """A client that is disabled is told by the failing refresh alone, since consumers are still served, and by all once
    its last token has expired."""
    trial = site.begun("disabled", METHOD, lifetime=LIFETIME)
    token = trial.until_ready()
    site.server.disable(trial.name)
    trial.ask_for_renewal()
    trial.until(lambda: trial.condition("Refreshed").get("status") == "False", "the refresh to fail", LIFETIME)
    assert trial.token() == token
    assert (trial.condition("Ready")["status"], trial.condition("Stalled")["status"]) == ("True", "False")
    ready = trial.until_stalled(2 * LIFETIME)
    assert ready["reason"] in REFUSED, ready
    assert "ServiceAccount" in ready["message"], ready
