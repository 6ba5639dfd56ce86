"""The user-facing commands, run by a team member with a Role against a real API server."""

import json
import os
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import Any

import pytest
from integration_token.api.value import parse_time

from tests.apiserver.kube import Kube
from tests.apiserver.ledger import Ledger
from tests.apiserver.stage import Stage, Token
from tests.cluster import tool
from tests.cluster.plane import ControlPlane
from tests.cluster.poll import poll
from tests.fakes.fault import status
from tests.fakes.issuer import Policy

USER = "people"
RULES = [
    {"apiGroups": ["integrationtoken.dev"], "resources": ["integrationtokens"], "verbs": ["get", "list", "patch"]},
    {"apiGroups": ["integrationtoken.dev"], "resources": ["tokenendpoints"], "verbs": ["get"]},
    {"apiGroups": [""], "resources": ["events"], "verbs": ["list"]},
    {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]},
]
"""The exit codes in operator/docs/command-line.md."""


class People:
    """Runs commands as one user; their output is recorded for the canary test."""

    def __init__(self, plane: ControlPlane, stage: Stage) -> None:
        """With a Role in the stage's namespace."""
        self.stage = stage
        inside = f"--namespace={stage.namespace}"
        plane.kubectl("create", "serviceaccount", USER, inside)
        role = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "Role",
            "metadata": {"name": USER, "namespace": stage.namespace},
            "rules": RULES,
        }
        plane.kubectl("create", "--filename=-", stdin=json.dumps(role))
        account = f"--serviceaccount={stage.namespace}:{USER}"
        plane.kubectl("create", "rolebinding", USER, inside, f"--role={USER}", account)
        self.kubeconfig = plane.service_account_kubeconfig(stage.namespace, USER)

    def run(self, *arguments: str) -> tuple[int, str]:
        """Exit code and full output."""
        return self.run_by(sys.executable, "-m", "integration_token", *arguments)

    def run_by(self, *command: str) -> tuple[int, str]:
        """The same with another program."""
        environment = os.environ | {"KUBECONFIG": str(self.kubeconfig)}
        inside = [*command, "--namespace", self.stage.namespace]
        answer = subprocess.run(inside, env=environment, capture_output=True, text=True, check=False, timeout=60)
        said = answer.stdout + answer.stderr
        self.stage.ledger.seen[f"command {' '.join(command[-4:])} {len(self.stage.ledger.seen)}"] = said
        return answer.returncode, said

    def read(self, *arguments: str) -> Any:
        """The output for programs."""
        _, said = self.run(*arguments, "--output", "json")
        return json.loads(said)


@pytest.fixture(scope="module", name="people")
def _people(plane: ControlPlane, stage: Stage) -> People:
    """The users of the module's namespace."""
    return People(plane, stage)


@pytest.fixture(scope="module", name="good")
def _good(stage: Stage) -> Token:
    """A token without any problem."""
    return stage.token("good", policy=Policy(lifetime=3600, lead=600, jwt=True)).until_ready()


@pytest.fixture(scope="module", name="refused")
def _refused(stage: Stage) -> Token:
    """A token whose client the endpoint doesn't know."""
    token = stage.token("refused", fault=status(401, "invalid_client"))
    token.until_failing("InvalidClient")
    return token


def test_status_lists_what_needs_somebody_first(people: People, good: Token, refused: Token) -> None:
    """The exit code says whether there are any."""
    code, said = people.run("status")
    head, first, second = (line.split() for line in said.splitlines())
    assert head == ["NAMESPACE", "NAME", "READY", "STATUS", "EXPIRES", "RENEWS", "MESSAGE"]
    assert first[1:4] == ["refused", "False", "InvalidClient"]
    assert second[1:4] == ["good", "True", "Refreshed"]
    assert code == 1
    assert [(each["name"], each["ready"], each["reason"]) for each in people.read("status")] == [
        ("refused", False, "InvalidClient"),
        ("good", True, "Refreshed"),
    ]


def test_renew_reports_the_result(people: People, good: Token, refused: Token) -> None:
    """The same token from the endpoint's cache, a new one, or why not."""
    [same] = people.read("renew", "good")
    assert (same["ok"], same["result"]) == (True, "unchanged")
    [failed] = people.read("renew", "refused")
    assert (failed["ok"], failed["result"]) == (False, "InvalidClient")
    eager = people.stage.token("eager", policy=Policy(lifetime=3600, cached=False)).until_ready()
    held = eager.held
    # Times have whole seconds: from the next one on the two can be told apart.
    issued = parse_time(eager.status()["issueTime"])
    poll(lambda: time.time() > issued + 1, "another second")
    [new] = people.read("renew", "eager")
    assert (new["ok"], new["result"]) == (True, "renewed")
    assert eager.held != held
    eager.patch(suspend=True)
    code, said = people.run("renew", "eager")
    assert code == 1
    assert "set spec.suspend to false first" in said
    code, said = people.run("renew", "absent")
    assert (code, len(said.splitlines())) == (1, 1)
    eager.delete()


def test_inspect_shows_five_claims_and_never_the_token(people: People, good: Token) -> None:
    """Not even part of it."""
    code, said = people.run("inspect", "good")
    assert code == 0
    assert "a JWT" in said
    assert all(part not in said for part in good.held.split("."))
    found = people.read("inspect", "good")
    assert found["token"] == "JWT"
    assert set(found["claims"]) <= {"iss", "aud", "exp", "iat", "scope"}
    assert found["claims"]["exp"] > 0


def test_diagnose_goes_through_all_that_a_token_needs(people: People, refused: Token, tmp_path: Path) -> None:
    """What the caller may not see is skipped, and the bundle has only what its allow-list has."""
    bundle = tmp_path / "bundle.tar.gz"
    steps = {step["name"]: step for step in people.read("diagnose", "refused", "--bundle", str(bundle))}
    results = {name: step["result"] for name, step in steps.items()}
    assert results["resource"] == results["operator"] == results["spec"] == results["credentials"] == "ok"
    # The tests' endpoint uses http on the loopback address, which a default installation refuses.
    assert results["endpoint"] == "unsure"
    assert results["condition Ready"] == "failed"
    assert results["event InvalidClient"] == "failed"
    with tarfile.open(bundle) as archive:
        names = [Path(name).name for name in archive.getnames()]
        texts = [archive.extractfile(name).read().decode() for name in archive.getnames()]  # type: ignore[union-attr]
    assert names == ["version.json", "diagnosis.json", "integrationtoken.json", "endpoint.json", "events.json"]
    people.stage.ledger.seen["support bundle"] = "".join(texts)
    assert refused.client_id not in "".join(texts)
    code, said = people.run("diagnose", "refused", "--bundle", str(bundle))
    assert (code, said.splitlines()[-1].endswith("File exists")) == (2, True)


def test_diagnose_names_the_label_that_is_missing(people: People, kube: Kube) -> None:
    """With the command that sets it."""
    token = people.stage.token("unlabelled", credentials=False)
    people.stage.secret(token.credentials, {"client_id": "a", "client_secret": "b"})
    token.until_failing("CredentialsNotLabelled")
    code, said = people.run("diagnose", "unlabelled")
    assert code == 1
    assert f"kubectl label secret --namespace {token.namespace} {token.credentials}" in said
    token.delete()
    kube.delete("Secret", token.namespace, token.credentials)


def test_kubectl_finds_it_as_a_plugin(people: People, good: Token, tmp_path: Path) -> None:
    """Through a link with the name that kubectl looks for."""
    program = Path(sys.executable).with_name("integration-token-operator")
    (tmp_path / "kubectl-integration_token").symlink_to(program)
    path = f"{tmp_path}:{os.environ['PATH']}"
    code, said = people.run_by("env", f"PATH={path}", str(tool.find("kubectl")), "integration-token", "status")
    assert code == 1
    assert "good" in said


def test_missing_permissions_are_reported_in_one_line(people: People) -> None:
    """The exit code differs from that of a failing token."""
    code, said = people.run("status", "--all-namespaces")
    assert code == 3
    assert len(said.splitlines()) == 1
    assert "ask your administrator for a Role that grants it" in said


def test_no_cluster_is_reported_in_one_line(people: People, tmp_path: Path) -> None:
    """An address where nothing listens, or an invalid kubeconfig."""
    config = json.loads(people.kubeconfig.read_text())
    config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    (tmp_path / "away").write_text(json.dumps(config))
    (tmp_path / "none").write_text("[")
    code, said = people.run("status", "--kubeconfig", str(tmp_path / "away"))
    assert (code, len(said.splitlines())) == (3, 1)
    for name in ("none", "absent"):
        code, said = people.run("status", "--kubeconfig", str(tmp_path / name))
        assert (code, len(said.splitlines())) == (2, 1), said
    code, said = people.run("status", "--context", "absent")
    assert (code, len(said.splitlines())) == (2, 1), said


def test_nothing_else_is_touched(people: People, ledger: Ledger, plane: ControlPlane) -> None:
    """The audit log shows no access to other Secrets, and no changes but `renew`'s patches."""
    user = f"system:serviceaccount:{people.stage.namespace}:{USER}"
    log = (plane.directory / "audit.log").read_text()
    calls = [json.loads(line) for line in log.splitlines() if f'"username":"{user}"' in line]
    read = {call["objectRef"]["name"] for call in calls if call["objectRef"]["resource"] == "secrets"}
    assert read <= {"good", "refused-credentials", "unlabelled-credentials"}
    assert not [call for call in calls if call["verb"] not in {"get", "list", "patch"}]
