"""Proxies that add a header from a file to the requests that they pass on."""

from urllib.parse import urlsplit

from tests.cluster import tool
from tests.cluster.module import CADDY
from tests.cluster.port import free_port
from tests.consumers.program import MOUNT, ORIGIN, Program, Site


class Proxy(Program):
    """A proxy that a caller without a token calls at `_port`."""

    _port: int
    """On the loopback address; `command` chooses it."""

    def caller(self, site: Site) -> list[str]:
        """See Program."""
        url = f"http://127.0.0.1:{self._port}{urlsplit(site.url).path}"
        return ["sh", "-c", f'while true; do curl --silent --max-time 2 "{url}"; sleep "$INTERVAL"; done']


class Caddy(Proxy):
    """It reads the file for each request."""

    name = "Caddy"
    key = "authorization"
    setting = f"""\
:8080 {{
	reverse_proxy {ORIGIN} {{
		header_up Authorization {{file.{MOUNT}/authorization}}
	}}
}}
"""

    def version(self) -> str:
        """See Program."""
        return CADDY.version("github.com/caddyserver/caddy/v2").removeprefix("v")

    def command(self, site: Site) -> list[str]:
        """See Program."""
        self._port = free_port()
        config = self.set_up(site).replace(":8080", f"http://127.0.0.1:{self._port}")
        (site.home / "Caddyfile").write_text("{\n\tadmin off\n}\n" + config)
        return [str(tool.find("caddy")), "run", "--config", "Caddyfile"]
