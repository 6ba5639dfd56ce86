"""A namespace with every state that has an alert, or must not have one, and the expected alerts."""

from dataclasses import dataclass
from typing import Final

from tests.apiserver.kube import Kube
from tests.apiserver.ledger import Ledger
from tests.apiserver.stage import Login, Stage, Token
from tests.fakes import fault
from tests.fakes.issuer import Policy

NAMESPACE: Final = "states"
SOON: Final = 30.0
"""Seconds for all resources together to reach their state."""

HOUR, DAY = 3600, 86400
LONG: Final = Policy(lifetime=HOUR, lead=600)

REFRESH, READY, STALLED = "IntegrationTokenRefreshFailing", "IntegrationTokenNotReady", "IntegrationTokenStalled"
FIRING: Final = {
    "healthy": (),
    "not-due": (),
    "failing": (REFRESH,),
    "suspended": (),
    "suspended-expired": ("IntegrationTokenSuspended",),
    "limited": (),
    "limited-none": (READY,),
    "no-credentials": (READY,),
    "refused": (READY, STALLED),
    "expired": (READY,),
    "late": ("IntegrationTokenRolloverTooLate",),
    "unanswered": (READY,),
    "misfit": (READY,),
    "login": (),
    "down": ("TokenEndpointDown",),
    "unusable": ("TokenEndpointNotReady",),
}
"""Resources and endpoints in the namespace by name, with the alerts that must fire about them."""


def expected() -> set[tuple[str, str, str]]:
    """Alerts with namespace and name: these and no others."""
    return {(alert, NAMESPACE, name) for name, alerts in FIRING.items() for alert in alerts}


@dataclass(frozen=True, slots=True)
class Scene:
    """The resources, each in its state."""

    stage: Stage
    tokens: dict[str, Token]
    down: Login
    """The endpoint that has gone away."""


def put_up(kube: Kube, ledger: Ledger, login: Login, down: Login) -> Scene:
    """Creates all of it, and returns once everything is in its expected state.

    :param down: an endpoint where nothing listens.
    """
    stage = Stage(kube, ledger, login, NAMESPACE)
    stage.endpoint("down", tokenURL=down.endpoint.url)
    stage.endpoint("unusable", caBundle="-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----\n")
    # One endpoint for each client told to wait: with two, everybody would leave the endpoint alone.
    stage.endpoint("busy")
    stage.endpoint("busier")
    short = Policy(lifetime=6, lead=0)
    tokens = {
        "healthy": stage.token("healthy", policy=LONG),
        "not-due": stage.token("not-due", policy=Policy(DAY, HOUR)),
        "failing": stage.token("failing", policy=LONG),
        "suspended": stage.token("suspended", policy=LONG),
        "suspended-expired": stage.token("suspended-expired", policy=short),
        "limited": stage.token("limited", endpoint="busy", policy=LONG),
        "limited-none": stage.token("limited-none", endpoint="busier", fault=fault.retry_after(900)),
        "no-credentials": stage.token("no-credentials", credentials=False),
        "refused": stage.token("refused", fault=fault.status(401, "invalid_client")),
        "expired": stage.token("expired", policy=short),
        "late": stage.token("late", policy=Policy(lifetime=12, lead=0)),
        "unanswered": stage.token("unanswered", endpoint="down"),
        "misfit": stage.token("misfit", endpoint="unusable"),
    }
    for name in ("failing", "suspended", "suspended-expired", "limited", "expired"):
        tokens[name].until_ready(SOON)
    tokens["failing"].fault(fault.status(503))
    tokens["expired"].fault(fault.status(503))
    tokens["limited"].fault(fault.retry_after(900))
    for name in ("failing", "limited"):
        tokens[name].request_poll()
    for name in ("suspended", "suspended-expired"):
        tokens[name].patch(suspend=True)
    for name, kind, status, reason in _SEEN:
        tokens[name].until_condition(kind, status, reason, SOON)
    return Scene(stage, tokens, down)


_SEEN: Final = (
    ("healthy", "Refreshed", "True", "Refreshed"),
    ("not-due", "Ready", "True", "TokenValid"),
    ("failing", "Refreshed", "False", "EndpointError"),
    ("failing", "Ready", "True", "TokenValid"),
    ("suspended", "Refreshed", "False", "Suspended"),
    ("suspended", "Ready", "True", "TokenValid"),
    ("suspended-expired", "Ready", "False", "Suspended"),
    ("limited", "Refreshed", "False", "RateLimited"),
    ("limited", "Ready", "True", "TokenValid"),
    ("limited-none", "Ready", "False", "RateLimited"),
    ("no-credentials", "Ready", "False", "CredentialsNotFound"),
    ("refused", "Stalled", "True", "InvalidClient"),
    ("expired", "Ready", "False", "EndpointError"),
    ("late", "RolloverTooLate", "True", "RolloverTooLate"),
    ("unanswered", "Ready", "False", "EndpointUnreachable"),
    ("misfit", "Ready", "False", "InvalidCABundle"),
)
