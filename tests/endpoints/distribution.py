"""Keycloak as published, built once with the options used here and a database with its tables."""

import hashlib
import os
import secrets
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Final

from tests.cluster import cache
from tests.cluster.progress import step
from tests.cluster.toolchain import ToolError
from tests.endpoints import maven

CURRENT: Final = maven.Artifact(
    "org.keycloak",
    "keycloak-quarkus-dist",
    "26.7.3",
    "zip",
    "27a6535553c3cdcd083872ba40629efafb3475e3b758e0c6f691395561dd0f1f",
)
OLDER: Final = maven.Artifact(
    "org.keycloak",
    "keycloak-quarkus-dist",
    "26.5.6",
    "zip",
    "490189d9dff05272432d51f71a069462eeca97f2920a694d539a1e6c26a5a347",
)
"""The first minor version that takes a client's certificate from a front by RFC 9440."""
BUILD: Final = (
    "--db=dev-file",
    "--spi-x509cert-lookup--provider=rfc9440",  # in which a front passes on a client's certificate
)
"""Options that Keycloak accepts only at build time."""
ADMIN: Final = "harness"
"""The client with which tests manage the server."""
_TAIL: Final = 15


class Distribution:
    """One directory of the cache."""

    def __init__(self, artifact: maven.Artifact) -> None:
        """Prepares it, which takes a minute the first time. Raises ToolError."""
        key = hashlib.sha256(repr((artifact, BUILD)).encode()).hexdigest()[:16]
        base = cache.root() / f"keycloak-{key}"
        self.home = base / f"keycloak-{artifact.version}"
        self._secret = base / "secret"
        done = base / "done"
        with cache.lock(base.with_suffix(".lock")):
            if not done.exists():
                with step(f"getting Keycloak {artifact.version} from Maven Central, once", "about 1 min"):
                    shutil.rmtree(base, ignore_errors=True)
                    base.mkdir(parents=True)
                    _fetch(artifact, base)
                    self._build()
                done.touch()

    @property
    def secret(self) -> str:
        """The secret of the client ADMIN, in the realm master."""
        return self._secret.read_text()

    def copy_database(self, directory: Path) -> str:
        """A separate database, and its URL."""
        shutil.copytree(self.home / "data" / "h2", directory)
        # A killed server would otherwise lose the last half second.
        return f"jdbc:h2:file:{directory / 'keycloakdb'};NON_KEYWORDS=VALUE;WRITE_DELAY=0"

    def command(self, *options: str) -> list[str]:
        """The command that starts it.

        Keycloak's own script leaves a process behind when it is killed, so this is what that script runs.
        """
        opened = [f"--add-opens=java.base/java.{name}=ALL-UNNAMED" for name in ("util", "util.concurrent", "lang")]
        properties = {
            "kc.home.dir": self.home,
            "jboss.server.config.dir": self.home / "conf",
            "java.util.logging.manager": "org.jboss.logmanager.LogManager",
            "java.util.concurrent.ForkJoinPool.common.threadFactory": (
                "io.quarkus.bootstrap.forkjoin.QuarkusForkJoinWorkerThreadFactory"
            ),
            "picocli.disable.closures": "true",
        }
        # It lives for minutes, which is too short for the optimising compiler to pay off.
        java = ["java", "-Xmx512m", "-XX:MaxMetaspaceSize=256m", "-XX:TieredStopAtLevel=1", *opened]
        java += [f"-D{name}={value}" for name, value in properties.items()]
        jar = str(self.home / "lib" / "quarkus-run.jar")
        return [*java, "-cp", jar, "io.quarkus.bootstrap.runner.QuarkusEntryPoint", "start", "--optimized", *options]

    def _build(self) -> None:
        secret = secrets.token_urlsafe(32)
        self._secret.touch(mode=0o600)
        self._secret.write_text(secret)
        self._call("build", *BUILD)
        # This also creates the tables, which is half of a start.
        named = (f"--client-id={ADMIN}", "--client-secret:env=ADMIN_SECRET")
        self._call("bootstrap-admin", "service", "--optimized", *named, ADMIN_SECRET=secret)

    def _call(self, *arguments: str, **environment: str) -> None:
        # A zip has no modes, so the script isn't executable yet.
        command = ["bash", str(self.home / "bin" / "kc.sh"), *arguments]
        answer = subprocess.run(
            command,
            env=os.environ | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if answer.returncode:
            said = answer.stdout.splitlines()[-_TAIL:]
            raise ToolError("\n".join([f"keycloak {arguments[0]} ended with {answer.returncode}:", *said]))


def _fetch(artifact: maven.Artifact, base: Path) -> None:
    archive = maven.fetch(artifact, base)
    with zipfile.ZipFile(archive) as content:
        content.extractall(base)
    archive.unlink()
