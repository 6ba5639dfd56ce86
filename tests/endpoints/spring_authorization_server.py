"""Spring Authorization Server, on Spring Boot."""

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from tests.cluster import cache
from tests.cluster.toolchain import ToolError
from tests.endpoints import maven
from tests.endpoints.managed import REGISTERED, Managed
from tests.endpoints.server import Capability

PROGRAM: Final = Path(__file__).parent / "spring"
"""Our program around its libraries. spring.lock has the output of `sha256sum *.jar`; an error shows the new one."""
_RESOLVE: Final = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"


class SpringAuthorizationServer(Managed):
    """See TokenServer."""

    name = "spring-authorization-server"
    methods = frozenset(REGISTERED)
    capabilities = frozenset({Capability.SCOPE_REFUSAL})
    path = "/oauth2/token"

    def _command(self, port: int, url: str, directory: Path) -> list[str]:
        java = ["java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", f"{_built()}/*:{_built()}"]
        return [*java, "Server", f"--server.port={port}", f"--issuer={url}"]


def _built() -> Path:
    """The directory with its libraries and our program. Raises ToolError."""
    key = hashlib.sha256(b"".join(file.read_bytes() for file in sorted(PROGRAM.iterdir()))).hexdigest()[:16]
    return cache.made(
        f"spring-{key}", "getting Spring Authorization Server from Maven Central, once", "about 30 s", _make
    )


def _make(home: Path) -> None:
    _fetch(home, home.with_name("repository"))
    _compile(home)


def _fetch(libraries: Path, repository: Path) -> None:
    arguments = (_RESOLVE, "--quiet", "-DincludeScope=runtime", f"-DoutputDirectory={libraries}")
    with tempfile.TemporaryDirectory() as directory:
        shutil.copy(PROGRAM / "pom.xml", directory)
        maven.run(*arguments, repository=repository, directory=Path(directory))
    found = [f"{hashlib.sha256(jar.read_bytes()).hexdigest()}  {jar.name}" for jar in sorted(libraries.iterdir())]
    if found != (PROGRAM / "spring.lock").read_text().splitlines():
        raise ToolError("\n".join(["the libraries aren't those of spring.lock:", *found]))


def _compile(libraries: Path) -> None:
    command = ["javac", "-proc:none", "-parameters", "-cp", f"{libraries}/*", "-d", str(libraries)]
    answer = subprocess.run(
        [*command, str(PROGRAM / "Server.java")], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if answer.returncode:
        raise ToolError(f"javac ended with {answer.returncode}:\n{answer.stderr}")
