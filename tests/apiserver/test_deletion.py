"""What happens to the target Secret when its resource is deleted, by the garbage collector and by the operator."""

from tests.apiserver.kube import Kube
from tests.apiserver.ledger import Ledger
from tests.apiserver.operator import Installation, Operator
from tests.apiserver.stage import COLLECTED, Login, Stage
from tests.cluster.plane import ControlPlane
from tests.cluster.poll import poll


def test_retained_target_outlives_its_resource(stage: Stage) -> None:
    """With Retain the Secret has no owner, and stays when the target is renamed or the resource is deleted."""
    token = stage.token("retained", target={"name": "retained-1", "deletionPolicy": "Retain"}).until_ready()
    first = token.secret()
    assert first is not None
    assert "ownerReferences" not in first["metadata"]

    token.patch(target={"name": "retained-2"})
    token.target = "retained-2"
    token.until_ready()
    second = token.secret()
    token.delete()
    gone = stage.token("collected").until_ready()
    gone.delete()
    gone.until(lambda: gone.secret() is None, "the garbage collector's work", COLLECTED)

    assert stage.kube.get("Secret", stage.namespace, "retained-1") == first
    assert stage.kube.get("Secret", stage.namespace, "retained-2") == second


def test_deleted_resource_takes_its_secret_along(stage: Stage) -> None:
    """The garbage collector deletes the Secret of a deleted resource, and no more requests are sent."""
    token = stage.token("doomed").until_ready()

    token.delete()

    token.until(lambda: token.secret() is None, "the Secret to go", COLLECTED)
    assert len(token.requests()) == 1


def test_resource_deleted_and_created_again_has_a_token_of_its_own(stage: Stage) -> None:
    """A resource recreated under its name before its old Secret is gone gets a Secret of its own."""
    token = stage.token("again").until_ready()
    before = token.document()
    token.delete()
    metadata = {key: before["metadata"][key] for key in ("name", "namespace")}
    after = stage.kube.create({key: before[key] for key in ("apiVersion", "kind", "spec")} | {"metadata": metadata})

    def owners() -> list[str]:
        secret = token.secret() or {"metadata": {}}
        return [owner["uid"] for owner in secret["metadata"].get("ownerReferences", [])]

    token.until(lambda: owners() == [after["metadata"]["uid"]], "a Secret of the new resource", COLLECTED)
    token.until_ready()
    assert token.held == token.minted()[0]


def test_kinds_that_are_removed_and_installed_again_are_served_again(
    other_plane: ControlPlane, other_kube: Kube, ledger: Ledger, login: Login
) -> None:
    """Without the CRDs the operator runs, isn't ready and says why; with them it works again without a restart."""
    stage = Stage(other_kube, ledger, login, "kindless")
    values = ["crds.enabled=false", "endpoints.insecure=true", "namespaces={kindless}"]
    with Operator(Installation(other_plane, "kindless-operator", *values), ledger) as operator:
        stage.token("before").until_ready()
        ledger.seen |= {f"before the kinds went: {name}": text for name, text in other_kube.texts().items()}
        for plural in ("integrationtokens", "tokenendpoints", "clustertokenendpoints"):
            other_kube.delete("CustomResourceDefinition", "", f"{plural}.integrationtoken.dev")
        poll(lambda: operator.status("/readyz") == 503, "the operator to notice")
        poll(lambda: "install the CRDs" in operator.probe("/readyz").text, "the operator to say why")
        assert operator.status("/healthz") == 200

        other_plane.install_crds()

        stage.endpoint("login")
        stage.token("after").until_ready(COLLECTED)
        operator.await_ready()
    assert operator.exit_code == 0
