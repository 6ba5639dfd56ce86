"""No client secret at all: a server accepts ServiceAccount tokens that a real API server signed, using its keys."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from tests.cluster.plane import ControlPlane
from tests.endpoints.keycloak import Keycloak
from tests.endpoints.server import Method, TokenServer
from tests.endpoints.site import LIFETIME, REFUSED, Site

METHOD: Final = Method.SERVICE_ACCOUNT_TOKEN
CLIENTS: Final = (f"issue-{METHOD.lower()}", f"renew-{METHOD.lower()}", "disabled")
"""The accounts of these cases and of those for every method."""


@contextmanager
def running(kind: type[TokenServer], plane: ControlPlane) -> Iterator[TokenServer]:
    """A server of that kind; if it accepts ServiceAccount tokens, it accepts the plane's.

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
    """Chart values that name each case's account; their Roles need the namespaces, which are created here."""
    namespaces = [f"{kind.name}-{client}" for kind in kinds if METHOD in kind.methods for client in CLIENTS]
    for namespace in namespaces:
        plane.kubectl("create", "namespace", namespace)
    return [
        f"serviceAccounts[{number}].{field}"
        for number, namespace in enumerate(namespaces)
        for field in (f"namespace={namespace}", "name=shop")
    ]


def disabled(site: Site) -> None:
    """A disabled client first shows as a failing refresh alone, since consumers still have a token.

    Once the last token has expired, all conditions show it.
    """
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
