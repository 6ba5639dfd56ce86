"""Certificates from older cluster installers, at the API server and at a token endpoint.

Python no longer accepts them by default. An operator for one namespace on the second plane reaches the API server
through a front.
"""

import json
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.apiserver.kube import Kube
from tests.apiserver.ledger import Ledger
from tests.apiserver.operator import Installation, Operator
from tests.apiserver.stage import Login, Stage
from tests.cluster import kubeconfig
from tests.cluster.plane import ControlPlane
from tests.cluster.poll import poll
from tests.fakes.certificate import Certificate
from tests.fakes.tls_front import TLSFront

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Fronted:
    """An installation that knows the API server by the address of a front."""

    installation: Installation
    front: TLSFront
    directory: Path

    def trust(self, authority: str) -> Installation:
        """Makes it trust that CA, and no other."""
        user = json.loads(self.installation.kubeconfig.read_text())["users"][0]["user"]
        file = self.directory / "ca.pem"
        file.write_text(authority)
        path = self.directory / "kubeconfig"
        self.installation.kubeconfig = kubeconfig.write(path, self.front.url, file, user)
        return self.installation


@pytest.fixture(scope="module")
def login(ledger: Ledger) -> Iterator[Login]:
    """A token endpoint with a plain certificate."""
    login = Login(certificate=Certificate.issue_plain(HOST))
    ledger.endpoints.append(login.endpoint)
    with login.endpoint:
        yield login


@pytest.fixture(scope="module")
def stage(other_kube: Kube, ledger: Ledger, login: Login) -> Stage:
    """The namespace; its endpoint trusts the login's CA."""
    stage = Stage(other_kube, ledger, login, "certificate", endpoint=False)
    stage.endpoint("login", caBundle=login.endpoint.ca_pem)
    return stage


@pytest.fixture(scope="module")
def certificate() -> Certificate:
    """The front's certificate."""
    return Certificate.issue_plain(HOST)


@pytest.fixture(scope="module")
def fronted(
    other_plane: ControlPlane, stage: Stage, certificate: Certificate, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Fronted]:
    """The API server behind a front with that certificate, and an operator for the namespace."""
    values = ["crds.enabled=false", "endpoints.insecure=true", f"namespaces={{{stage.namespace}}}"]
    installation = Installation(other_plane, "certificate-operator", *values)
    trusted = ssl.create_default_context(cafile=other_plane.authority)
    with TLSFront(certificate, other_plane.server, trusted) as front:
        yield Fronted(installation, front, tmp_path_factory.mktemp("front"))


def test_token_is_issued_through_certificates_without_key_usage_and_identifiers(
    fronted: Fronted, certificate: Certificate, stage: Stage, ledger: Ledger
) -> None:
    """At the API server and the endpoint: the operator is ready, lists, watches, writes, and renews on request."""
    with Operator(fronted.trust(certificate.ca_pem), ledger) as operator:
        token = stage.token("plain").until_ready()
        assert token.held == token.minted()[0]
        token.request_poll()
        token.until_requests(2)
        assert operator.probe("/readyz").text == "ok"
        assert "its certificate is not trusted" not in operator.log.read_text()


def test_certificate_of_the_api_server_that_is_not_trusted_is_reported(fronted: Fronted, ledger: Ledger) -> None:
    """`/readyz` and the log give the TLS error; the process keeps running."""
    operator = Operator(fronted.trust(Certificate.issue_plain(HOST).ca_pem), ledger)
    operator.start()
    try:
        poll(
            lambda: "not trusted" in operator.probe("/readyz").text if operator.status("/healthz") else "", "the reason"
        )
        answer = operator.probe("/readyz")
        log = operator.log.read_text()
    finally:
        operator.stop()
    assert answer.status_code == 503
    reason = "the API server cannot be reached: its certificate is not trusted: "
    assert f"Secrets are not listed yet: {reason}" in answer.text
    assert answer.text.endswith(
        "; check its address and certificate authority in the kubeconfig, or in the pod's ServiceAccount"
    )
    assert reason in log
    assert operator.exit_code == 0
