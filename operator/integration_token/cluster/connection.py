"""How the API server is reached: a kubeconfig, or the account of the pod."""

from dataclasses import dataclass, field
from pathlib import Path

from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.config import ConfigException, load_incluster_config, load_kube_config

from integration_token.api.names import MANAGER
from integration_token.errors import SettingsError

_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
"""Where a pod finds the name of its namespace."""

_CONNECTIONS = 32
"""Connections to the API server for all calls together."""


async def connect(kubeconfig: Path | None, *, watches: int) -> ApiClient:
    """A client for the API server of a kubeconfig, or of the cluster that the process runs in.

    Credentials that are files, such as a pod's bound token, are read again when they change.

    :param watches: how many connections are held for good, beside those of calls.
    :raises SettingsError: where there is no usable configuration.
    """
    configuration = Configuration()
    if kubeconfig is not None and not kubeconfig.is_file():  # noqa: ASYNC240  # once, at the start
        raise SettingsError(f"--kubeconfig {kubeconfig}: no such file")
    try:
        if kubeconfig is not None:
            await load_kube_config(
                config_file=str(kubeconfig), client_configuration=configuration, persist_config=False
            )
        else:
            load_incluster_config(client_configuration=configuration)
    except ConfigException as error:
        if kubeconfig is not None:
            raise SettingsError(f"--kubeconfig {kubeconfig}: {error}") from None
        raise SettingsError("not inside a pod of a cluster: name a kubeconfig by --kubeconfig") from None
    except Exception:  # noqa: BLE001  # whatever the library stumbles over, also in its YAML, is in the file
        raise SettingsError(f"--kubeconfig {kubeconfig}: not a kubeconfig") from None
    configuration.connection_pool_maxsize = _CONNECTIONS + watches
    # The library would look into .netrc and the proxies' variables at every request, which is slow and not for us.
    configuration.client_session_kwargs = {"trust_env": False}
    client = ApiClient(configuration)
    client.user_agent = MANAGER
    return client


def own_namespace() -> str:
    """The namespace of the pod.

    :raises SettingsError: outside of one.
    """
    try:
        return _NAMESPACE.read_text().strip()
    except OSError:
        raise SettingsError("not inside a pod of a cluster: name the Lease's namespace by --lease-namespace") from None


@dataclass(frozen=True, slots=True)
class Access:
    """How a client reaches its API server, for another library that must do so as the same user."""

    server: str
    ca_file: str | None
    verify: bool
    scheme: str | None
    """Of the Authorization header; None with a client certificate."""
    token: str | None = field(repr=False)
    certificate_file: str | None
    key_file: str | None
    proxy: str | None


async def access(client: ApiClient) -> Access:
    """What the client uses now: a pod's token changes about every hour."""
    configuration = client.configuration
    authorization = await configuration.get_api_key_with_prefix("BearerToken") or ""
    scheme, _, token = authorization.partition(" ")
    return Access(
        server=configuration.host,
        ca_file=configuration.ssl_ca_cert,
        verify=configuration.verify_ssl,
        scheme=scheme or None,
        token=token or None,
        certificate_file=configuration.cert_file,
        key_file=configuration.key_file,
        proxy=configuration.proxy,
    )
