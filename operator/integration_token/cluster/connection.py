"""Connects to the API server with a kubeconfig or the pod's ServiceAccount."""

import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.config import incluster_config
from kubernetes.aio.config.config_exception import ConfigException
from yarl import URL

from integration_token.api.names import MANAGER
from integration_token.errors import SettingsError
from integration_token.tls import tolerant

if TYPE_CHECKING:
    from kubernetes.aio.config.kube_config import KubeConfigLoader

_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
"""Where a pod finds the name of its namespace."""

_CONNECTIONS = 16
"""Connections to the API server for all calls together: some may wait long, for a slow webhook for example, and each
permanently costs about 100 KiB."""

_BUFFER = 65536
"""Bytes of a response that are buffered ahead of the reader; up to twice as many."""

_BEARER = "BearerToken"
"""The library's name for the value of the Authorization header."""


class Connection:
    """Keeps connections to the API server open and sends requests, with the current credentials.

    The library's client isn't used: with everything that it imports it takes 10 MiB and a quarter of the start-up time,
    and assembling a request takes it as long as parsing the response.
    """

    def __init__(self, configuration: Configuration, limit: int) -> None:
        """For as many connections at a time.

        :raises OSError, ValueError: if the address, a certificate or a key in the configuration can't be used.
        """
        self.configuration = configuration
        self._prefix = str(URL(configuration.host)).rstrip("/")
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=limit, ssl=_tls_context(configuration)),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": MANAGER},
            proxy=configuration.proxy,
            read_bufsize=_BUFFER,
        )

    async def request(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], limits: aiohttp.ClientTimeout
    ) -> aiohttp.ClientResponse:
        """The response to one request; its body is still to be read."""
        configuration = self.configuration
        authorization = await configuration.get_api_key_with_prefix(_BEARER)
        if authorization:
            headers = {**headers, "Authorization": authorization}
        return await self._session.request(
            method,
            # Names and selectors need no quoting, which takes long.
            URL(self._prefix + path, encoded=True),
            data=body,
            headers=headers,
            timeout=limits,
            server_hostname=configuration.tls_server_name,
        )

    async def close(self) -> None:
        """Closes all connections."""
        await self._session.close()


def _tls_context(configuration: Configuration) -> ssl.SSLContext:
    context = tolerant(ssl.create_default_context(cafile=configuration.ssl_ca_cert, cadata=configuration.ca_cert_data))
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, configuration.key_file)
    if not configuration.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


async def connect(kubeconfig: Path | None, *, watches: int) -> Connection:
    """A connection to the API server of a kubeconfig, or of the cluster that the process runs in.

    A token in a file, such as a pod's, is read again when the file changes.

    :param watches: permanent connections, in addition to those for calls.
    :raises SettingsError: if there is no usable configuration.
    """
    configuration = Configuration()
    if kubeconfig is not None and not kubeconfig.is_file():  # noqa: ASYNC240  # once, at the start
        raise SettingsError(f"--kubeconfig {kubeconfig}: no such file")
    try:
        if kubeconfig is not None:
            loader = await _load_kubeconfig(configuration, str(kubeconfig))
            token_file = _token_file(loader, kubeconfig)
        else:
            incluster_config.load_incluster_config(client_configuration=configuration, try_refresh_token=False)
            token_file = Path(incluster_config.SERVICE_TOKEN_FILENAME)
    except ConfigException as error:
        if kubeconfig is not None:
            raise SettingsError(f"--kubeconfig {kubeconfig}: {error}") from None
        raise SettingsError("not running in a cluster: set --kubeconfig") from None
    except Exception:  # noqa: BLE001  # whatever the library fails on, including its YAML, is in the file
        raise SettingsError(f"--kubeconfig {kubeconfig}: not a kubeconfig") from None
    if token_file is not None:
        configuration.refresh_api_key_hook = _TokenFile(token_file).refresh
    source = "the pod's ServiceAccount" if kubeconfig is None else f"--kubeconfig {kubeconfig}"
    return _connection(configuration, _CONNECTIONS + watches, source)


async def connect_as_caller(kubeconfig: str | None, context: str | None) -> tuple[Connection, str]:
    """A connection to the API server that kubectl would use with these flags, and the default namespace.

    :param kubeconfig: a file; None: those in KUBECONFIG, or the one in the home directory, or else the pod's
        ServiceAccount.
    :param context: None for the current one.
    :raises SettingsError: if there is no usable configuration.
    """
    configuration, namespace = Configuration(), ""
    if kubeconfig is not None and not Path(kubeconfig).is_file():  # noqa: ASYNC240  # once, at the start
        raise SettingsError(f"--kubeconfig {kubeconfig}: no such file")
    source = "the kubeconfig" if kubeconfig is None else f"--kubeconfig {kubeconfig}"
    try:
        loader = await _load_kubeconfig(configuration, kubeconfig, context)
        namespace = str(loader.current_context["context"].get("namespace") or "default")
    except ConfigException as error:
        if kubeconfig is not None or context is not None or "KUBERNETES_SERVICE_HOST" not in os.environ:
            raise SettingsError(f"{source}: {' '.join(str(error).split())}") from None
        try:
            incluster_config.load_incluster_config(client_configuration=configuration, try_refresh_token=False)
            source, namespace = "the pod's ServiceAccount", own_namespace()
        except (ConfigException, SettingsError):
            raise SettingsError("the pod has no ServiceAccount token: set --kubeconfig") from None
    except Exception:  # noqa: BLE001  # whatever the library fails on, including its YAML, is in the file
        raise SettingsError(f"{source}: not a kubeconfig") from None
    return _connection(configuration, _CONNECTIONS, source), namespace


def _connection(configuration: Configuration, limit: int, source: str) -> Connection:
    """:param source: of the configuration, for messages."""
    try:
        return Connection(configuration, limit)
    except (OSError, ValueError):
        raise SettingsError(f"{source}: cannot use the server's address, a certificate or a key in it") from None


async def _load_kubeconfig(
    configuration: Configuration, file: str | None, context: str | None = None
) -> "KubeConfigLoader":
    """Sets the configuration from a kubeconfig; None for the default of either."""
    # Imported late: a pod needs none of it, and it brings the library's client.
    from kubernetes.aio.config.kube_config import load_kube_config  # noqa: PLC0415

    return await load_kube_config(file, context, configuration, persist_config=False)


def _token_file(loader: "KubeConfigLoader", kubeconfig: Path) -> Path | None:
    """The file with the token of a kubeconfig's user; None if it authenticates another way. As with kubectl, the file
    takes precedence over a token in the kubeconfig itself."""
    user = loader._user  # noqa: SLF001  # the only way to find the user
    if user is None or "exec" in user or "auth-provider" in user or "tokenFile" not in user:
        return None
    return kubeconfig.parent / str(user["tokenFile"])


class _TokenFile:
    """A token that something else renews, such as the kubelet in a pod.

    The library would read a pod's once a minute, and a kubeconfig's only once. Checking before each call takes
    microseconds, and needs no special handling for a refused token.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, ...] = ()

    def refresh(self, configuration: Configuration) -> None:
        """Called by the library before it sends a token."""
        try:
            found = os.stat(self._path)  # noqa: PTH116  # pathlib takes longer than the system call
            seen = (found.st_ino, found.st_mtime_ns, found.st_size)
            if seen == self._seen:
                return
            token = self._path.read_text().strip()
        except (OSError, ValueError):
            return  # the current token may still be valid
        # An empty file is being written right now; a line break would end the header.
        if token and token.isprintable():
            configuration.api_key[_BEARER] = f"Bearer {token}"
            self._seen = seen


def own_namespace() -> str:
    """The namespace of the pod.

    :raises SettingsError: outside of a pod.
    """
    try:
        return _NAMESPACE.read_text().strip()
    except OSError:
        raise SettingsError("not running in a cluster: set the Lease's namespace with --lease-namespace") from None


@dataclass(frozen=True, slots=True)
class Access:
    """How a client reaches its API server, for another library that must connect as the same user."""

    server: str
    ca_file: str | None
    verify: bool
    scheme: str | None
    """Of the Authorization header; None with a client certificate."""
    token: str | None = field(repr=False)
    certificate_file: str | None
    key_file: str | None
    proxy: str | None


async def access(connection: Connection) -> Access:
    """The connection's current settings: a pod's token changes about every hour."""
    configuration = connection.configuration
    authorization = await configuration.get_api_key_with_prefix(_BEARER) or ""
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
