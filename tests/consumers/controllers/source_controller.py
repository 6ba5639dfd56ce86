"""Flux's source-controller, which fetches from a Git server with the token."""

import yaml

from tests.apiserver.ledger import Ledger
from tests.apiserver.stage import Stage, Token
from tests.cluster import tool
from tests.cluster.port import free_port
from tests.consumers.controller import Controller
from tests.consumers.controllers.git_server import GitServer
from tests.consumers.pace import QUICK
from tests.fakes.call import Call, Verdict


class SourceController(Controller):
    """Checks the repository every second, more often than anybody would want."""

    name = "Flux source-controller"
    program = "source-controller"
    setting = """\
apiVersion: integrationtoken.dev/v1alpha1
kind: IntegrationToken
metadata: {name: git-bearer, namespace: flux-system}
spec:
  endpointRef: {kind: ClusterTokenEndpoint, name: git-login}
  credentialsSecretRef: {name: git-client}
  target:
    template:
      data:
        bearerToken: ${token}                     # goes before username and password
        headers: |                                # of a Provider of type generic
          Authorization: ${authorization}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: shop, namespace: flux-system}
spec:
  url: https://git.example.com/shop/deploy.git
  ref: {branch: main}
  interval: 1m
  secretRef: {name: git-bearer}
"""

    def token(self) -> Token:
        """With its CRDs and a GitRepository that names the Secret, at our own server."""
        integration, repository = yaml.safe_load_all(self.setting)
        metadata, spec = integration["metadata"], integration["spec"]
        site = self.site
        work = site.home / "repository"
        work.mkdir()
        self._server = site.stack.enter_context(GitServer(site.login.endpoint.issuer, work))
        stage = Stage(site.kube, Ledger(), site.login, metadata["namespace"], endpoint=False)
        endpoint = spec["endpointRef"]
        stage.endpoint(endpoint["name"], kind=endpoint["kind"], rolloverLead=f"{QUICK.lead:.0f}s")
        client = "git"
        stage.credentials(spec["credentialsSecretRef"]["name"], client, stage.client(client, policy=QUICK.policy))
        spec["target"]["template"]["data"]["ca.crt"] = self._server.ca_pem
        site.kube.create(integration)
        self.install(sorted((self.sources() / "config" / "crd" / "bases").iterdir()))
        repository["spec"] |= {"url": self._server.url, "interval": "1s"}
        file = site.home / "repository.yaml"
        file.write_text(yaml.safe_dump(repository))
        site.plane.kubectl("apply", f"--filename={file}")
        return Token(stage, metadata["name"], client, metadata["name"])

    def command(self) -> list[str]:
        """It stores what it fetched in its home, and serves it there."""
        home = self.site.home
        storage = home / "storage"
        storage.mkdir()
        address = f"127.0.0.1:{free_port()}"
        flags = ["--metrics-addr=0", "--health-addr=0", f"--storage-addr={address}", f"--storage-adv-addr={address}"]
        environment = [f"HOME={home}", f"TMPDIR={home}", "NO_PROXY=127.0.0.1"]
        return [*environment, str(tool.find(self.program)), f"--storage-path={storage}", *flags]

    def has(self, value: str) -> bool:
        """Whether it has called with it."""
        known = self.site.login.endpoint.issuer.find(value)
        return known is not None and any(
            call.verdict is Verdict.ACCEPTED and (call.serial or 0) >= known.serial for call in self.calls()
        )

    def calls(self) -> tuple[Call, ...]:
        """Calls at the server."""
        return self._server.calls
