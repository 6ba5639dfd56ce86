"""Private CAs: from a ConfigMap in the operator's namespace for one endpoint, from a file for all."""

import ssl
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.apiserver.kube import Kube
from tests.apiserver.ledger import Ledger
from tests.apiserver.operator import Installation, Operator
from tests.apiserver.stage import Login, Stage
from tests.cluster.plane import ControlPlane
from tests.cluster.poll import poll
from tests.fakes.certificate import Certificate
from tests.fakes.tls_front import TLSFront

HOST = "127.0.0.1"
FIRST, SECOND = Certificate.issue(HOST), Certificate.issue(HOST)


@pytest.fixture(scope="module")
def login(ledger: Ledger) -> Iterator[Login]:
    """A token endpoint with a certificate from its own CA."""
    login = Login(certificate=FIRST)
    ledger.endpoints.append(login.endpoint)
    with login.endpoint:
        yield login


@pytest.fixture(scope="module")
def rotated(login: Login) -> Iterator[str]:
    """The URL of the same endpoint behind another certificate, from another CA."""
    trusted = ssl.create_default_context(cadata=FIRST.ca_pem)
    with TLSFront(SECOND, login.endpoint.url, trusted) as front:
        yield front.url + urlsplit(login.endpoint.url).path


def authorities(name: str, namespace: str, text: str) -> dict[str, object]:
    """A ConfigMap as trust-manager writes it."""
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"ca.crt": text}}


def test_authorities_of_a_configmap_arrive_and_rotate_while_the_operator_runs(
    kube: Kube, ledger: Ledger, login: Login, operator: Operator, rotated: str
) -> None:
    """The endpoint waits for them; a change makes other certificates trusted, and no valid token is requested again."""
    stage = Stage(kube, ledger, login, "trust", endpoint=False)
    own, ref = operator.installation.release, {"name": "private-authorities"}
    for name, url in (("before", login.endpoint.url), ("after", rotated)):
        stage.endpoint(name, "ClusterTokenEndpoint", tokenURL=url, caBundleRef=ref)

    def ready(name: str) -> tuple[str, str]:
        conditions = kube.get("ClusterTokenEndpoint", "", name).get("status", {}).get("conditions", [])
        return next(((one["reason"], one["message"]) for one in conditions if one["type"] == "Ready"), ("", ""))

    poll(lambda: ready("before")[0] == "CABundleNotFound", "the reason")
    assert f"ConfigMap private-authorities in the operator's namespace {own} does not exist" in ready("before")[1]
    before, after = (stage.token(name, endpoint=name, kind="ClusterTokenEndpoint") for name in ("before", "after"))
    before.until_condition("Ready", "False", "CABundleNotFound")

    kube.create(authorities("private-authorities", own, FIRST.ca_pem))
    before.until_ready()
    after.until_condition("Ready", "False", "TLSFailed")
    assert (ready("before")[0], ready("after")[0]) == ("Valid", "Valid")

    kube.patch("ConfigMap", own, "private-authorities", {"data": {"ca.crt": SECOND.ca_pem}})
    after.until(lambda: after.condition().get("status") == "True", "the new authority to be trusted")
    assert len(before.requests()) == len(after.requests()) == 1
    assert before.condition()["status"] == "True"
    for name in ("before", "after"):
        kube.delete("ClusterTokenEndpoint", "", name)


def test_authorities_of_a_file_are_trusted_for_all_endpoints(
    other_plane: ControlPlane, other_kube: Kube, ledger: Ledger, login: Login, tmp_path: Path
) -> None:
    """They add to the system's; an endpoint that names its own trusts only those.

    A ConfigMap isn't read if no ClusterTokenEndpoint is served.
    """
    stage = Stage(other_kube, ledger, login, "trusted")
    stage.endpoint("own", caBundle=SECOND.ca_pem)
    values = ["crds.enabled=false", "endpoints.insecure=true", f"namespaces={{{stage.namespace}}}"]
    installation = Installation(other_plane, "trusted-operator", *values)
    file = tmp_path / "ca.crt"
    file.write_text(FIRST.ca_pem)
    with Operator(installation, ledger, f"--trusted-ca-file={file}") as operator:
        stage.token("trusting").until_ready()
        stage.token("distrusting", endpoint="own").until_condition("Ready", "False", "TLSFailed")
        assert "\nintegration_token_trusted_ca_file_valid 1.0\n" in operator.metrics()
