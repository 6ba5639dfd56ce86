"""The control plane itself: what the other tests in this layer take for granted."""

import http.client
import json
import os
import signal
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from tests.cluster.account_token import REMEMBERED, AccountToken
from tests.cluster.client import CommandError
from tests.cluster.plane import ControlPlane
from tests.cluster.poll import poll
from tests.cluster.standing import ROOT

NAMESPACE = "control-plane"


@pytest.fixture(scope="module", autouse=True)
def _namespace(plane: ControlPlane) -> None:
    plane.kubectl("create", "namespace", NAMESPACE)
    plane.kubectl("create", "serviceaccount", "reader", f"--namespace={NAMESPACE}")


@pytest.fixture(scope="module", autouse=True)
def expiring(plane: ControlPlane, _namespace: None) -> AccountToken:
    """Valid for 2 s, which the API server notices some seconds later: started before everything else."""
    account = plane.account_token(NAMESPACE, "reader", 2)
    assert _who(plane, account) == f"system:serviceaccount:{NAMESPACE}:reader"
    return account


def _who(plane: ControlPlane, account: AccountToken, *, check: bool = True) -> str:
    """The user that the account's token authenticates as."""
    whoami = ["auth", "whoami", "--output=jsonpath={.status.userInfo.username}"]
    return plane.kubectl("--kubeconfig", str(account.kubeconfig), *whoami, check=check)


def test_service_account_has_the_rights_that_rbac_gives_it_and_no_others(plane: ControlPlane) -> None:
    """A ServiceAccount that may read ConfigMaps can read them, but not Secrets."""
    role = ["role", "reader", "--verb=get,list", "--resource=configmaps", f"--namespace={NAMESPACE}"]
    plane.kubectl("create", *role)
    binding = ["reader", "--role=reader", f"--serviceaccount={NAMESPACE}:reader", f"--namespace={NAMESPACE}"]
    plane.kubectl("create", "rolebinding", *binding)
    reader = plane.service_account_kubeconfig(NAMESPACE, "reader")
    as_reader = ["--kubeconfig", str(reader), f"--namespace={NAMESPACE}", "get"]

    plane.kubectl(*as_reader, "configmaps")
    with pytest.raises(CommandError, match="Forbidden"):
        plane.kubectl(*as_reader, "secrets")


def test_owned_object_goes_with_its_owner(plane: ControlPlane) -> None:
    """The garbage collector deletes what a deleted object owned."""
    inside = f"--namespace={NAMESPACE}"
    plane.kubectl("create", "configmap", "owner", inside)
    uid = plane.kubectl("get", "configmap", "owner", inside, "--output=jsonpath={.metadata.uid}")
    owned = f"""
        apiVersion: v1
        kind: ConfigMap
        metadata:
          name: owned
          ownerReferences: [{{apiVersion: v1, kind: ConfigMap, name: owner, uid: {uid}, controller: true}}]
    """
    plane.kubectl("create", inside, "--filename=-", stdin=owned)

    plane.kubectl("delete", "configmap", "owner", inside)

    plane.kubectl("wait", "--for=delete", "configmap/owned", inside, "--timeout=30s")


def test_audit_log_shows_who_wrote_what(plane: ControlPlane) -> None:
    """As soon as a write is answered, it is in the audit log with its user and user agent."""
    plane.kubectl("create", "configmap", "audited", f"--namespace={NAMESPACE}")

    writes = [
        event
        for event in plane.audit_events()
        if event["verb"] == "create" and event.get("objectRef", {}).get("resource") == "configmaps"
        if event["objectRef"].get("name") == "audited"
    ]

    assert [(event["user"]["username"], event["stage"]) for event in writes] == [("admin", "ResponseComplete")]
    assert writes[0]["userAgent"].startswith("kubectl/")


def test_two_planes_run_side_by_side_and_one_survives_an_outage(other_plane: ControlPlane) -> None:
    """Two planes share nothing; after an outage of its API server a plane has its data, address and accounts again."""
    other = other_plane
    with ControlPlane() as one:
        one.kubectl("create", "namespace", "only-here")
        with pytest.raises(CommandError, match="NotFound"):
            other.kubectl("get", "namespace", "only-here")

        one.stop_api_server()
        with pytest.raises(CommandError, match="refused"):
            one.kubectl("get", "namespaces")
        one.start_api_server()

        one.kubectl("get", "namespace", "only-here")
    assert not one.directory.exists()
    assert not _commands_in(one.directory)


def test_etcd_that_was_killed_comes_back_with_its_data(other_plane: ControlPlane) -> None:
    """While etcd is down nothing can be read; afterwards earlier writes are there and can be changed."""
    other_plane.kubectl("create", "configmap", "lasting")

    other_plane.stop_etcd()
    with pytest.raises(CommandError, match="exceeded"):
        other_plane.kubectl("get", "configmap", "lasting", "--request-timeout=1s")
    other_plane.start_etcd()

    other_plane.kubectl("annotate", "configmap", "lasting", "changed=yes")


def test_compaction_outdates_lists_and_watches(other_plane: ControlPlane) -> None:
    """After a compaction and a restart of the API server, no list or watch can be continued from before."""

    def read(**parameters: Any) -> dict[str, Any]:
        """A list of ConfigMaps, or the first event of a watch."""
        path = f"/api/v1/namespaces/default/configmaps?{urlencode(parameters)}"
        answer: dict[str, Any] = json.loads(other_plane.kubectl("get", "--raw", path).splitlines()[0])
        return answer

    version = read()["metadata"]["resourceVersion"]
    for number in range(2):
        other_plane.kubectl("create", "configmap", f"new-{number}")
    rest = read(limit=1)["metadata"]["continue"]
    watch = {"watch": "true", "resourceVersion": version, "timeoutSeconds": "1"}
    assert read(**watch)["object"]["metadata"]["name"] == "new-0"
    assert read(limit=1, **{"continue": rest})["items"]

    other_plane.compact()
    other_plane.stop_api_server()
    other_plane.start_api_server()

    with pytest.raises(CommandError, match="continue parameter is too old"):
        read(limit=1, **{"continue": rest})
    event = read(**watch)
    assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")


def test_certificate_is_another_one_after_a_rotation(other_plane: ControlPlane) -> None:
    """The API server serves another certificate, which its clients trust, and still answers on old connections."""
    address = urlsplit(other_plane.server)
    host, port = str(address.hostname), int(address.port or 0)
    before = ssl.get_server_certificate((host, port))
    context = ssl.create_default_context(cafile=other_plane.authority)
    connection = http.client.HTTPSConnection(host, port, context=context, timeout=5)
    connection.connect()
    socket = connection.sock

    other_plane.rotate_certificate()

    assert ssl.get_server_certificate((host, port)) != before
    other_plane.kubectl("get", "namespaces")
    connection.request("GET", "/readyz")
    assert connection.getresponse().status == http.HTTPStatus.OK
    assert connection.sock is socket
    connection.close()


@pytest.mark.skipif(sys.platform != "linux", reason="looks for the processes in /proc, which is Linux's")
def test_nothing_outlives_a_killed_parent(tmp_path: Path) -> None:
    """When the process that started a plane is killed with SIGKILL, etcd, API server and controllers end."""
    program = (
        "from tests.cluster.plane import ControlPlane\n"
        "with ControlPlane(controller_manager=True) as plane:\n"
        "    print(plane.directory, flush=True)\n"
        "    input()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(tmp_path)},  # nothing is left to remove the plane's directory
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdout is not None
        directory = Path(parent.stdout.readline().strip())
        running = {Path(command.split()[0]).name for command in _commands_in(directory)}
        parent.send_signal(signal.SIGKILL)

    assert {"etcd", "kube-apiserver", "kube-controller-manager"} <= running
    poll(lambda: not _commands_in(directory), "the processes to end")


def test_account_token_is_refused_once_it_has_expired(plane: ControlPlane, expiring: AccountToken) -> None:
    """A token that was accepted is refused once it has expired; its successor is accepted."""
    poll(lambda: not _who(plane, expiring, check=False), "the token to be refused", 2 + REMEMBERED + 5)
    with pytest.raises(CommandError, match="Unauthorized"):
        _who(plane, expiring)

    expiring.renew(60)

    assert _who(plane, expiring) == f"system:serviceaccount:{NAMESPACE}:reader"


def _commands_in(directory: Path) -> list[str]:
    """The command lines of processes that run in a directory; zombies have none."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink() == directory:
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue  # it has ended, or isn't ours
    return found
