"""The machine's curl."""

import subprocess
from types import MappingProxyType

from tests.consumers.program import Program, Site
from tests.node.consumer import CURL, SOURCES


class Curl(Program):
    """The documented shell program: one process per call."""

    name = "curl"
    key = "curl.conf"
    template = MappingProxyType({"curl.conf": CURL})
    setting = (SOURCES / "consumer.sh").read_text()

    def version(self) -> str:
        """See Program."""
        said = subprocess.run(["curl", "--version"], capture_output=True, text=True, check=True).stdout
        return said.split()[1]

    def command(self, site: Site) -> list[str]:
        """See Program."""
        script = site.home / "consumer.sh"
        script.write_text(self.set_up(site))
        return ["sh", str(script)]
