"""The documented scripts for Argo CD, run by its Lua engine on live objects."""

import copy
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.apiserver.kube import Document
from tests.cluster.poll import poll
from tests.fakes.fault import status
from tests.gitops import program
from tests.gitops.release import Release, Site
from tests.gitops.waiter import Waiter

PAGE = Path(__file__).parents[2] / "operator" / "docs" / "gitops.md"
RENEW = "integrationtoken.dev/renew-requested-at"
BROKEN = "-----BEGIN CERTIFICATE-----\nbm90IG9uZQ==\n-----END CERTIFICATE-----\n"


class ArgoCD:
    """Its documented settings, and its engine."""

    def __init__(self) -> None:
        """Reads the page."""
        (block,) = re.findall(r"```yaml\n(apiVersion: v1\nkind: ConfigMap\n.*?)```", PAGE.read_text(), re.DOTALL)
        self._settings: dict[str, str] = yaml.safe_load(block)["data"]
        self._program = program.lua()

    def health(self, body: Document) -> tuple[str, str]:
        """Status and message."""
        found = self._run(self._settings[f"resource.customizations.health.integrationtoken.dev_{body['kind']}"], body)
        return found["status"], found["message"]

    def actions(self, body: Document) -> dict[str, Any]:
        """What the user interface offers."""
        found: dict[str, Any] = self._run(self._action(body)["discovery.lua"], body)
        return found

    def act(self, body: Document) -> Document:
        """The object after the action "renew"."""
        (definition,) = self._action(body)["definitions"]
        assert definition["name"] == "renew"
        changed: Document = self._run(definition["action.lua"], body)
        return changed

    def _action(self, body: Document) -> dict[str, Any]:
        text = self._settings[f"resource.customizations.actions.integrationtoken.dev_{body['kind']}"]
        found: dict[str, Any] = yaml.safe_load(text)
        return found

    def _run(self, script: str, body: Document) -> Any:
        asked = json.dumps({"script": script, "object": body})
        answer = subprocess.run([str(self._program)], input=asked, capture_output=True, text=True, check=False)
        assert answer.returncode == 0, answer.stderr
        return json.loads(answer.stdout)


@pytest.fixture(scope="module", name="argocd")
def _argocd() -> ArgoCD:
    """One for all."""
    return ArgoCD()


def token(release: Release) -> Document:
    """The resource as stored."""
    return release.kube.get("IntegrationToken", release.namespace, "shop")


def nothing(_: Release) -> None:
    """Creates objects, which stay as they are."""


def failing(release: Release) -> None:
    """Its token is valid, and a refresh fails."""
    release.until_ready()
    release.login.endpoint.fault(status(401, "invalid_client"), client_id=release.client_id)
    release.kube.patch("IntegrationToken", release.namespace, "shop", {"metadata": {"annotations": {RENEW: "now"}}})
    release.until_refresh_fails()


REFUSED = "a client that is refused"
STATES: dict[str, tuple[dict[str, Any], Callable[[Release], None], str, str]] = {
    "a good token": ({}, Release.until_ready, "Healthy", "the token is valid until"),
    "a failing refresh of a good token": ({}, failing, "Healthy", "the endpoint answered 401 invalid_client"),
    REFUSED: ({}, nothing, "Degraded", "the endpoint answered 401"),
    "credentials that are missing": ({"credentials": False}, nothing, "Progressing", "does not exist; create it"),
    "a suspended resource": ({"spec": {"suspend": True}}, nothing, "Suspended", "spec.suspend is true"),
    "an endpoint that can't be used": ({"endpoint": {"caBundle": BROKEN}}, nothing, "Progressing", "spec.caBundle"),
}


@pytest.mark.parametrize("state", STATES)
def test_the_health_of_a_token_is_shown(argocd: ArgoCD, site: Site, waiter: Waiter, state: str) -> None:
    """With the message that a person needs."""
    options, lead, health, message = STATES[state]
    release = site.release()
    objects = release.objects(**options)
    if state == REFUSED:
        release.login.clients[release.client_id] = "another secret"
    waiter.create(objects)
    lead(release)

    def told() -> bool:
        found, said = argocd.health(token(release))
        return found == health and message in said

    poll(told, f"{health} {message}, not {argocd.health(token(release))}")


def test_a_change_that_nobody_has_looked_at_is_in_progress(argocd: ArgoCD, site: Site, waiter: Waiter) -> None:
    """Whatever was true of the old spec; the same goes for an object without a status."""
    release = site.release()
    waiter.create(release.objects())
    release.until_ready()
    changed = token(release)
    changed["metadata"]["generation"] += 1
    assert argocd.health(changed) == ("Progressing", "waiting for the operator")
    del changed["status"]
    assert argocd.health(changed) == ("Progressing", "waiting for the operator")


@pytest.mark.parametrize(("bundle", "health"), [("", "Healthy"), (BROKEN, "Degraded")])
def test_the_health_of_endpoints_is_shown(argocd: ArgoCD, site: Site, waiter: Waiter, bundle: str, health: str) -> None:
    """Both kinds use one script."""
    release = site.release()
    waiter.create(release.objects(endpoint={"caBundle": bundle}))

    def look() -> Document:
        return release.kube.get("TokenEndpoint", release.namespace, "login")

    poll(lambda: argocd.health(look())[0] == health, health)
    assert argocd.health({**look(), "kind": "ClusterTokenEndpoint"})[0] == health


def test_the_action_asks_for_a_renewal(argocd: ArgoCD, site: Site, waiter: Waiter) -> None:
    """It only sets the annotation; for a suspended resource it isn't offered."""
    release = site.release()
    waiter.create(release.objects())
    release.until_ready()
    before = token(release)
    assert argocd.actions(before) == {"renew": {"disabled": False}}
    suspended = copy.deepcopy(before)
    suspended["spec"]["suspend"] = True
    assert argocd.actions(suspended) == {"renew": {"disabled": True}}
    after = argocd.act(before)
    value = after["metadata"]["annotations"].pop(RENEW)
    assert after["spec"] == before["spec"]
    release.kube.patch("IntegrationToken", release.namespace, "shop", {"metadata": {"annotations": {RENEW: value}}})
    poll(lambda: token(release)["status"].get("lastHandledRenewRequest") == value, "the wish to be followed")
