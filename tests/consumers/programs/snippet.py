"""Our own programs around the documented snippets."""

import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import ClassVar, Final

from tests.cluster import go_program, toolchain
from tests.cluster.module import KUBERNETES
from tests.consumers.program import Program, Site
from tests.node.consumer import find_interpreter

_ROOM: Final = Path(__file__).parents[1]
SNIPPETS: Final = _ROOM / "snippets"
CALLERS: Final = _ROOM / "callers"
ROOT: Final = Path(__file__).parents[3]


def shown(file: Path, start: str = "") -> str:
    """The part of a file that the documents show: everything from those words on, without the imports."""
    text = file.read_text()
    return text[text.index(start) :]


class _Python(Program):
    """One library."""

    key = "authorization"
    library: ClassVar[str]

    def version(self) -> str:
        """See Program."""
        return metadata.version(self.library)

    def command(self, site: Site) -> list[str]:
        """See Program."""
        module = f"tests.consumers.callers.caller_{self.library}"
        return ["env", f"PYTHONPATH={ROOT}", sys.executable, "-P", "-m", module, str(site.mount / self.key)]


class HTTPX(_Python):
    """httpx from the lock file."""

    name = "Python httpx"
    library = "httpx"
    setting = shown(SNIPPETS / "mounted_token_httpx.py", "class ")


class Requests(_Python):
    """requests from the lock file."""

    name = "Python requests"
    library = "requests"
    setting = shown(SNIPPETS / "mounted_token_requests.py", "class ")


class Node(Program):
    """fetch in the machine's Node.js."""

    name = "Node fetch"
    key = "authorization"
    setting = shown(SNIPPETS / "mounted-token.mjs")

    def version(self) -> str:
        """See Program."""
        said = subprocess.run([find_interpreter("node"), "--version"], capture_output=True, text=True, check=True)
        return said.stdout.strip().removeprefix("v")

    def command(self, site: Site) -> list[str]:
        """See Program."""
        return [str(find_interpreter("node")), str(CALLERS / "caller.mjs"), str(site.mount / self.key)]


class Go(Program):
    """net/http in the Go that builds it."""

    name = "Go net/http"
    key = "authorization"
    setting = shown(_ROOM / "roundtripper" / "mounted_token.go", "type ")

    def version(self) -> str:
        """See Program."""
        command = [str(toolchain.go(KUBERNETES)), "env", "GOVERSION"]
        said = subprocess.run(command, capture_output=True, text=True, check=True, cwd="/").stdout
        return said.strip().removeprefix("go")

    def command(self, site: Site) -> list[str]:
        """See Program."""
        return [str(go_program.build(_ROOM / "roundtripper")), str(site.mount / self.key)]


class Java(Program):
    """java.net.http in the machine's JDK."""

    name = "Java HttpClient"
    key = "authorization"
    setting = shown(SNIPPETS / "MountedToken.java")

    def version(self) -> str:
        """See Program."""
        said = subprocess.run([find_interpreter("java"), "--version"], capture_output=True, text=True, check=True)
        return said.stdout.split()[1]

    def command(self, site: Site) -> list[str]:
        """See Program."""
        # The launcher takes one file; the first class in it is run.
        source = site.home / "Caller.java"
        source.write_text((CALLERS / "Caller.java").read_text() + self.setting)
        return [str(find_interpreter("java")), str(source), str(site.mount / self.key)]
