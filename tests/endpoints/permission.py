"""What a client requests in addition to a token: scopes, and the API that the token is for."""

from collections.abc import Mapping
from typing import Any, Final

from tests.endpoints import jose
from tests.endpoints.server import API, SCOPES, Capability
from tests.endpoints.site import Site

UNKNOWN: Final = "orders.burn"
"""A scope that nobody has."""
OTHER_API: Final = "https://stock.example.com/v1"
"""One that no server knows."""


def scopes(site: Site) -> None:
    """A client that requests scopes it has gets them, and the status says so."""
    trial = site.begun("scopes", scopes=SCOPES, spec={"scopes": list(SCOPES)})
    trial.until_ready()
    assert set(SCOPES) <= set(trial.status["scope"]), trial.status


def unknown_scope(site: Site) -> None:
    """With a scope that it lacks, the message says what to check.

    If the server silently omits the scope, the token is there, and the status doesn't list that scope.
    """
    asked = [SCOPES[0], UNKNOWN]
    trial = site.begun("unknown-scope", scopes=SCOPES, spec={"scopes": asked})
    if Capability.SCOPE_REFUSAL in site.server.capabilities:
        ready = trial.until_stalled()
        assert ready["reason"] == "InvalidScope", ready
        assert "check spec.scopes" in ready["message"], ready
    else:
        trial.until_ready()
        assert trial.status["scope"] == [SCOPES[0]], trial.status


def audience(site: Site) -> None:
    """The endpoint's `audience` sets whom the token is for; an unknown one is reported."""
    _aimed(site, "audience", {"audience": API})
    _astray(site, "audience", {"audience": OTHER_API})


def resource(site: Site) -> None:
    """So does a resource (RFC 8707), as a field's only value or the first of several; two are reported."""
    _aimed(site, "resource", {"parameters": {"resource": API}})
    _aimed(site, "resources", {"repeatedParameters": {"resource": [API]}})
    _astray(site, "resource", {"parameters": {"resource": OTHER_API}})
    _astray(site, "resources", {"repeatedParameters": {"resource": [API, OTHER_API]}})


def _aimed(site: Site, name: str, endpoint: Mapping[str, Any]) -> None:
    token = site.begun(name, endpoint=endpoint).until_ready()
    found = jose.claims_of(token).get("aud")
    assert found in (API, [API]), found


def _astray(site: Site, name: str, endpoint: Mapping[str, Any]) -> None:
    ready = site.begun(f"unknown-{name}", endpoint=endpoint).until_stalled()
    assert ready["reason"] == "RequestRejected", ready
    assert "check spec.tokenURL, the audience and the parameters" in ready["message"], ready
