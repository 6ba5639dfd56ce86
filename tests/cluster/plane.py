"""A real control plane for as long as a `with` block lasts: etcd, kube-apiserver and, on request, more.

That is controllers and a node. Several planes can run at once: each has its own directory, port and CA. Its programs
end with the process that started them, in any way (leash.py).
"""

import http.client
import json
import random
import shutil
import socket
import ssl
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from tests.cluster import etcd, kubeconfig, kubelet, tool
from tests.cluster.account_token import ISSUER, AccountToken
from tests.cluster.audit import AuditLog
from tests.cluster.client import Client
from tests.cluster.daemon import Daemon, DaemonError
from tests.cluster.node import Node
from tests.cluster.pki import PKI
from tests.cluster.poll import poll

READY = 120
"""Seconds until a part must be ready: it takes 5, but the machine may be busy with several planes."""

PORTS = range(20000, 30000)
"""Below the ports for outgoing connections: the API server must find its own port free after an outage."""

CONTROLLERS = (
    "garbage-collector-controller",  # deletes a target Secret along with its resource
    "namespace-controller",  # empties a deleted namespace
    "serviceaccount-controller",  # gives a namespace its default account
    "clusterrole-aggregation-controller",  # fills view and edit, including the chart's roles
    "deployment-controller",
    "replicaset-controller",
)
NODE_CONTROLLERS = (
    "node-lifecycle-controller",  # lets pods onto a node that has become ready
    "pod-garbage-collector-controller",
    "root-ca-certificate-publisher-controller",  # publishes what each pod's account needs
)


class ControlPlane:
    """See the module. Its attributes exist inside the `with` block."""

    directory: Path
    server: str
    """For example https://127.0.0.1:20000."""
    authority: Path
    """The certificate of the CA that issues the API server's."""
    kubeconfig: Path
    """An admin's, with a client certificate."""
    node: Node
    """Only with `node=True`."""

    def __init__(
        self, *, controller_manager: bool = False, node: bool = False, audit: bool = True, issuer: bool = False
    ) -> None:
        """:param node: with a scheduler and a node, so that pods run; includes the controllers. Needs root and Linux.
        :param audit: off for planes that live long: their log would grow without limit.
        :param issuer: servers that get a ServiceAccount's token find the API server under the issuer's name, and its
            keys without logging in.
        """
        self._issuer_wanted = issuer
        self._controllers_wanted = controller_manager or node
        self._node_wanted = node
        self._audit_wanted = audit

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.directory = Path(tempfile.mkdtemp(prefix="control-plane-"))
            stack.callback(shutil.rmtree, self.directory, ignore_errors=True)
            self._pki = PKI(self.directory / "pki")
            self.authority = self._pki.authority
            self._audit = AuditLog(self.directory)
            self._tls = ssl.create_default_context(cafile=self.authority)
            admin = self._pki.client("admin", "system:masters")
            self._tls.load_cert_chain(admin)
            self._etcd = etcd.Etcd(self.directory)
            stack.callback(self._etcd.kill)
            self._etcd.start(READY)
            self._start_api_server(stack)
            self.kubeconfig = self._write_kubeconfig("admin", kubeconfig.certificate(admin))
            self._client = Client(self.kubeconfig, self.directory)
            if self._issuer_wanted:
                role = "system:service-account-issuer-discovery"
                self.kubectl("create", "clusterrolebinding", "discovery", f"--clusterrole={role}",
                             "--group=system:unauthenticated")  # fmt: skip
            if self._controllers_wanted:
                self._start_controllers(stack)
            if self._node_wanted:
                self._start_node(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def kubectl(self, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        """kubectl's output on stdout, as admin. Raises CommandError if it fails, unless `check` is off."""
        return self._client.kubectl(*arguments, stdin=stdin, check=check)

    def helm(self, *arguments: str) -> str:
        """Helm's output on stdout, as admin. Raises CommandError."""
        return self._client.helm(*arguments)

    def install_crds(self) -> None:
        """Installs the chart's CRDs and waits until they are served."""
        self._client.install_crds()

    def service_account_kubeconfig(self, namespace: str, name: str) -> Path:
        """A kubeconfig of an existing ServiceAccount, with a token that is valid for a day."""
        return self._write_kubeconfig(f"{namespace}.{name}", {"token": self._token(namespace, name)})

    def service_account_files(self, namespace: str, name: str) -> Path:
        """The directory that a pod of an existing ServiceAccount mounts, with a token that is valid for a day."""
        directory = Path(tempfile.mkdtemp(prefix="pod-", dir=self.directory))
        (directory / "token").write_text(self._token(namespace, name))
        (directory / "namespace").write_text(namespace)
        shutil.copy(self.authority, directory / "ca.crt")
        return directory

    def _token(self, namespace: str, name: str) -> str:
        return self.kubectl("create", "token", name, f"--namespace={namespace}", "--duration=24h").strip()

    def account_token(self, namespace: str, name: str, seconds: float) -> AccountToken:
        """A token of an existing ServiceAccount in a file, valid for this many seconds, with a kubeconfig for it.

        The caller has to renew it.
        """
        account = json.loads(self.kubectl("get", "serviceaccount", name, f"--namespace={namespace}", "--output=json"))
        directory = Path(tempfile.mkdtemp(prefix="account-", dir=self.directory))
        token = AccountToken(directory / "token", self._signing_key, account["metadata"], seconds)
        kubeconfig.write(token.kubeconfig, self.server, self.authority, {"tokenFile": str(token.path)})
        return token

    def audit_events(self) -> list[dict[str, Any]]:
        """The audit log's events so far (audit.k8s.io/v1, stage ResponseComplete), oldest first."""
        return self._audit.events()

    def stop_api_server(self) -> None:
        """Starts an outage: the API server is killed, etcd keeps its data."""
        self._api_server.kill()

    def start_api_server(self) -> None:
        """Ends the outage: the same address and data, ready when this returns."""
        self._api_server.start()
        self._await_api_server()

    def stop_etcd(self) -> None:
        """Starts an outage behind the API server: etcd is killed, and keeps its data."""
        self._etcd.kill()

    def start_etcd(self) -> None:
        """Ends that outage: the same data, and the API server, which must be running, is ready when this returns."""
        self._etcd.start(READY)
        self._await_api_server()

    def compact(self) -> None:
        """Makes etcd forget all history up to now.

        The rest of a list that was begun before gets 410 once the API server has heard of it (15 s) or was restarted.
        An earlier watch only gets 410 from a restarted API server, and then even without this: a running one keeps what
        it saw itself.
        """
        self._etcd.compact()

    def rotate_certificate(self) -> None:
        """Gives the running API server another serving certificate from the same CA.

        Returns once it serves that one. Open connections stay.
        """
        chain = self._pki.server().read_text()
        address = urlsplit(self.server)

        def served() -> bool:
            return ssl.get_server_certificate((str(address.hostname), int(address.port or 0))) in chain

        poll(served, "the new certificate to be served")

    def _await_api_server(self) -> None:
        def ready() -> bool:
            # Its etcd status may be half a second old; this request has to read from etcd.
            return self._answers("/readyz") and self._answers("/api/v1/namespaces/default")

        self._api_server.wait_ready(ready, READY)

    def _start_api_server(self, stack: ExitStack) -> None:
        certificate = self._pki.server()
        self._signing_key, public = self._pki.service_account_keys()
        arguments = [
            f"--etcd-servers={etcd.CLIENT}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",  # otherwise it looks for a route elsewhere, and ends if there is none
            "--endpoint-reconciler-type=none",  # no endpoints for the kubernetes Service: they can't be on loopback
            "--service-cluster-ip-range=10.0.0.0/24",
            "--authorization-mode=Node,RBAC",
            f"--client-ca-file={self.authority}",
            f"--tls-cert-file={certificate}",
            f"--tls-private-key-file={certificate}",
            f"--service-account-signing-key-file={self._signing_key}",
            f"--service-account-key-file={public}",
            *(self._audit.arguments() if self._audit_wanted else []),
            *(self._kubelet_arguments() if self._node_wanted else []),
        ]
        attempts = 5
        while True:
            attempts -= 1
            port = _free_port()
            self.server = f"https://127.0.0.1:{port}"
            issuer = [f"--service-account-issuer={self.server if self._issuer_wanted else ISSUER}"]
            if self._issuer_wanted:
                issuer += [f"--service-account-jwks-uri={self.server}/openid/v1/jwks"]
            self._api_server = Daemon(
                "kube-apiserver",
                [str(tool.find("kube-apiserver")), f"--secure-port={port}", *issuer, *arguments],
                self.directory,
            )
            stack.callback(self._api_server.kill)
            try:
                self.start_api_server()
            except DaemonError as error:
                if "address already in use" not in str(error) or not attempts:
                    raise
            else:
                return

    def _start_controllers(self, stack: ExitStack) -> None:
        user = "system:kube-controller-manager"
        certificate = self._pki.client(user, user)
        controllers = Daemon(
            "kube-controller-manager",
            [
                str(tool.find("kube-controller-manager")),
                f"--kubeconfig={self._write_kubeconfig('controllers', kubeconfig.certificate(certificate))}",
                f"--controllers={','.join(CONTROLLERS + (NODE_CONTROLLERS if self._node_wanted else ()))}",
                f"--root-ca-file={self.authority}",
                "--use-service-account-credentials=true",  # each with its own permissions, as in every real cluster
                "--leader-elect=false",
                "--secure-port=0",
            ],
            self.directory,
        )
        stack.callback(controllers.kill)
        controllers.start()
        controllers.wait_ready(lambda: self._answers("/api/v1/namespaces/default/serviceaccounts/default"), READY)

    def _kubelet_arguments(self) -> list[str]:
        """How the API server reaches the kubelet, for pod logs and for commands in pods."""
        certificate = self._pki.client("kube-apiserver-kubelet-client", "system:masters")
        return [
            f"--kubelet-client-certificate={certificate}",
            f"--kubelet-client-key={certificate}",
            "--kubelet-preferred-address-types=Hostname",
        ]

    def _start_node(self, stack: ExitStack) -> None:
        user = "system:kube-scheduler"
        access = self._write_kubeconfig("scheduler", kubeconfig.certificate(self._pki.client(user, user)))
        scheduler = Daemon(
            "kube-scheduler",
            [
                str(tool.find("kube-scheduler")),
                f"--kubeconfig={access}",
                "--leader-elect=false",
                "--secure-port=0",
            ],
            self.directory,
        )
        stack.callback(scheduler.kill)
        scheduler.start()
        user = f"system:node:{kubelet.NAME}"
        access = self._write_kubeconfig("node", kubeconfig.certificate(self._pki.client(user, "system:nodes")))

        def registered() -> bool:
            return self._answers(f"/api/v1/nodes/{kubelet.NAME}")

        self.node = stack.enter_context(Node(self.directory, access, self.authority, registered))

    def _write_kubeconfig(self, name: str, user: dict[str, str]) -> Path:
        return kubeconfig.write(self.directory / f"{name}.kubeconfig", self.server, self.authority, user)

    def _answers(self, path: str) -> bool:
        connection = http.client.HTTPSConnection(urlsplit(self.server).netloc, context=self._tls, timeout=5)
        try:
            connection.request("GET", path)
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def _free_port() -> int:
    """A port that is free now. Somebody may take it before the API server does, hence the attempts above."""
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise DaemonError(f"no port of {PORTS.start} to {PORTS.stop} is free")
