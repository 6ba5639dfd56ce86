"""nginx with njs, which runs JavaScript in it, from Debian's packages."""

from typing import Final

from tests.cluster import deb
from tests.cluster.port import free_port
from tests.consumers.program import MOUNT, ORIGIN, Site
from tests.consumers.programs.proxy import Proxy

_SERVER: Final = "nginx"
_MODULE: Final = "libnginx-mod-http-js"

_AROUND: Final = """\
load_module {module};
daemon off;
# One process: a master that is killed leaves its workers behind.
master_process off;
pid nginx.pid;
error_log stderr;
events {{}}
http {{
access_log off;
client_body_temp_path body;
proxy_temp_path proxy;
fastcgi_temp_path fastcgi;
uwsgi_temp_path uwsgi;
scgi_temp_path scgi;
{setting}}}
"""


class Nginx(Proxy):
    """A script reads the file for each request."""

    name = "nginx njs"
    key = "authorization"
    setting = f"""\
js_import token.js;
js_set $auth token.header;
server {{
    listen 8080;
    location / {{
        proxy_pass {ORIGIN};
        proxy_set_header Authorization $auth;
    }}
}}
"""
    script = f"""\
import fs from "fs";
function header() {{ return fs.readFileSync("{MOUNT}/authorization", "utf8"); }}
export default {{ header }};
"""
    beside = (script,)

    def version(self) -> str:
        """See Program."""
        versions = _packages().versions
        return f"{versions[_SERVER]}, njs {versions[_MODULE]}"

    def command(self, site: Site) -> list[str]:
        """See Program."""
        self._port = free_port()
        (site.home / "token.js").write_text(self.set_up(site, self.script))
        setting = self.set_up(site).replace("listen 8080;", f"listen 127.0.0.1:{self._port};")
        usr = _packages().root / "usr"
        module = usr / "lib" / "nginx" / "modules" / "ngx_http_js_module.so"
        (site.home / "nginx.conf").write_text(_AROUND.format(module=module, setting=setting))
        return [str(usr / "sbin" / "nginx"), "-p", str(site.home), "-c", "nginx.conf", "-e", "stderr"]


def _packages() -> deb.Unpacked:
    """Without their libraries, all of which curl, dpkg or perl already need."""
    return deb.unpacked(_SERVER, _MODULE)
