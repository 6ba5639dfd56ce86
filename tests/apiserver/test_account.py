"""The operator's own account: its token expires, and the token's file is renewed before that, or too late.

These tests use the second plane, whose API server may be stopped: a restarted one remembers no token, and every watch
starts over.
"""

import time
from typing import Final

import httpx
import pytest
from integration_token.cluster.collection import SECRETS
from integration_token.cluster.connection import access, connect
from integration_token.cluster.gateway import Gateway
from integration_token.errors import Unavailable
from kubernetes.aio.config import incluster_config

from tests.apiserver.kube import Kube
from tests.apiserver.ledger import Ledger
from tests.apiserver.operator import Installation, Operator
from tests.apiserver.stage import SOON, Login, Stage, Token
from tests.cluster.plane import ControlPlane
from tests.cluster.poll import poll

RELEASE: Final = "account-operator"

LONG: Final = 3600.0
"""Seconds: until all tests are over."""
SHORT: Final = 5.0
"""Seconds: until the operator has started and worked."""
MOMENT: Final = 2.0
"""Seconds: for a few calls."""

BACK: Final = 20.0
"""Seconds from a good token to working again.

It takes 4, but without a token kopf may take 5 to end, and lists are retried every 5.
"""


class Account:
    """The account of an operator that reads its token from a file."""

    def __init__(self, plane: ControlPlane, installation: Installation, ledger: Ledger) -> None:
        """Doesn't start the operator yet."""
        self._plane = plane
        self._ledger = ledger
        namespace, name = installation.user.split(":")[-2:]
        self.file = plane.account_token(namespace, name, LONG)
        installation.kubeconfig = self.file.kubeconfig
        self.operator = Operator(installation, ledger)

    def renew(self, seconds: float) -> float:
        """Puts another token into the file; returns when it will have expired, in the API server's whole seconds."""
        self.file.renew(seconds)
        self._ledger.note(self.file.token)
        return time.time() + seconds + 1

    def await_expiry(self, at: float) -> None:
        """Returns once a token that expires `at` is refused, even in watches."""
        poll(lambda: time.time() > at, "the token to expire", SHORT + 2)
        self._plane.stop_api_server()
        self._plane.start_api_server()


@pytest.fixture(scope="module")
def stage(other_kube: Kube, ledger: Ledger, login: Login) -> Stage:
    """The namespace that the operator serves."""
    return Stage(other_kube, ledger, login, "account")


@pytest.fixture(scope="module")
def account(other_plane: ControlPlane, stage: Stage, ledger: Ledger) -> Account:
    """The account of an operator whose kubeconfig names the file."""
    values = ["crds.enabled=false", "endpoints.insecure=true", f"namespaces={{{stage.namespace}}}"]
    return Account(other_plane, Installation(other_plane, RELEASE, *values), ledger)


def _assert_works(stage: Stage, name: str, quiet: Token) -> None:
    """New objects are seen, and changes are repaired."""
    quiet.edit_secret(stringData={"extra": "x"})
    stage.token(name).until_ready(BACK)
    quiet.until(lambda: "extra" not in quiet.data(), "the repair", BACK)


def _is_ready(operator: Operator) -> bool:
    return operator.status("/readyz") == httpx.codes.OK


def test_token_that_is_renewed_in_time(account: Account, stage: Stage) -> None:
    """The operator uses a renewed token, and keeps working when the one that it started with has expired."""
    expiry = account.renew(SHORT)
    with account.operator as operator:
        quiet = stage.token("quiet").until_ready()

        account.renew(LONG)
        account.await_expiry(expiry)

        _assert_works(stage, "in-time", quiet)
        poll(lambda: _is_ready(operator), "it to be ready", SOON)
        assert "Unauthorized" not in operator.log.read_text()


def test_token_that_is_renewed_too_late(account: Account, stage: Stage) -> None:
    """While its token is refused the operator runs and reports that it is not ready; a renewed token fixes that."""
    expiry = account.renew(SHORT)
    with account.operator as operator:
        pid = operator.pid
        quiet = stage.token("late-quiet").until_ready()

        account.await_expiry(expiry)
        poll(lambda: "401 Unauthorized" in operator.log.read_text(), "the token to be refused", SOON)
        poll(lambda: not _is_ready(operator), "it to say so", BACK)
        assert operator.probe("/healthz").is_success
        account.renew(LONG)

        _assert_works(stage, "too-late", quiet)
        poll(lambda: _is_ready(operator), "it to be ready", SOON)
        assert (operator.pid, operator.process.running) == (pid, True)
        assert "Traceback" not in operator.log.read_text()


async def test_token_of_a_pod(
    other_plane: ControlPlane, account: Account, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a pod each call uses the token file's current content, and kopf's login is no older."""
    server = httpx.URL(other_plane.server)
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(account.file.path))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(other_plane.authority))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", server.host)
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(server.port))
    expiry = account.renew(MOMENT)
    client = await connect(None, watches=0)
    try:
        gateway = Gateway(client)
        assert await gateway.list_metadata(SECRETS, stage.namespace, "")
        account.await_expiry(expiry)
        with pytest.raises(Unavailable, match="401"):
            await gateway.list_metadata(SECRETS, stage.namespace, "")

        account.renew(LONG)

        assert await gateway.list_metadata(SECRETS, stage.namespace, "")
        assert (await access(client)).token == account.file.token
    finally:
        await client.close()
