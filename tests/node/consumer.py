"""Pods that mount a target Secret and call an API with it, written in the users' languages.

Their containers use the empty pause image: interpreters and compilers are the machine's, mounted read-only.
"""

import json
import shutil
from pathlib import Path
from typing import Any, Final

from tests.cluster import go_program, pause_image
from tests.cluster.plane import ControlPlane
from tests.cluster.toolchain import ToolError

SOURCES: Final = Path(__file__).parent / "consumers"

MOUNT: Final = "/var/run/integration"
"""Where the programs look for the Secret's files."""

INTERVAL: Final = 0.1
"""Seconds between two calls."""

DIRECTORIES: Final = ("/bin", "/etc", "/lib", "/lib64", "/usr")
"""The machine's directories."""

CURL: Final = 'header = "Authorization: ${authorization}"\n'
"""The template of the file that curl reads, `curl.conf`."""

COMMANDS: Final = {
    "shell": ("sh", "consumer.sh"),
    "python": ("python3", "consumer.py"),
    "javascript": ("node", "consumer.mjs"),
    "go": ("", "consumer.go"),
    "java": ("java", "Consumer.java"),
}
"""Interpreter and source by language; Go is compiled here."""


class Consumer:
    """One pod."""

    def __init__(self, plane: ControlPlane, namespace: str, name: str, language: str, secret: str, url: str) -> None:
        """Creates it. `url` is what it calls."""
        self._plane = plane
        self._namespace = namespace
        self.name = name
        interpreter, source = COMMANDS[language]
        mounts = {directory: directory for directory in DIRECTORIES if Path(directory).is_dir()}
        if interpreter:
            program = find_interpreter(interpreter)
            command = [str(program), f"/consumers/{source}"]
            mounts["/consumers"] = str(SOURCES)
            if not program.is_relative_to("/usr"):
                # Installers put bin into a directory with everything else.
                mounts[str(program.parents[1])] = str(program.parents[1])
        else:
            program = go_program.build(SOURCES / source)
            command = [f"/consumers/{program.name}"]
            mounts["/consumers"] = str(program.parent)
        plane.kubectl("create", "--filename=-", stdin=json.dumps(self._manifest(command, mounts, secret, url)))

    def log(self) -> str:
        """What it printed."""
        return self._plane.kubectl("logs", self.name, f"--namespace={self._namespace}", check=False)

    def _manifest(self, command: list[str], mounts: dict[str, str], secret: str, url: str) -> dict[str, Any]:
        hosts = {f"host-{number}": mount for number, mount in enumerate(mounts.items())}
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": self.name, "namespace": self._namespace},
            "spec": {
                "hostNetwork": True,
                "automountServiceAccountToken": False,
                "enableServiceLinks": False,
                "terminationGracePeriodSeconds": 0,
                "securityContext": {"runAsUser": 65532, "runAsGroup": 65532},
                "containers": [
                    {
                        "name": "consumer",
                        "image": pause_image.NAME,
                        "command": command,
                        "env": [
                            {"name": "API_URL", "value": url},
                            {"name": "INTERVAL", "value": str(INTERVAL)},
                        ],
                        "volumeMounts": [
                            {"name": "token", "mountPath": MOUNT, "readOnly": True},
                            {"name": "scratch", "mountPath": "/tmp"},
                            *(
                                {"name": name, "mountPath": inside, "readOnly": True}
                                for name, (inside, _) in hosts.items()
                            ),
                        ],
                    }
                ],
                "volumes": [
                    {"name": "token", "secret": {"secretName": secret}},
                    {"name": "scratch", "emptyDir": {}},
                    *({"name": name, "hostPath": {"path": outside}} for name, (_, outside) in hosts.items()),
                ],
            },
        }


def find_interpreter(name: str) -> Path:
    """The machine's own, not one earlier on this process's PATH: a container has no such PATH.

    :raises ToolError: if the machine lacks it.
    """
    found = shutil.which(name, path="/usr/local/bin:/usr/bin:/bin") or shutil.which(name)
    if found is None:
        raise ToolError(f"{name} not found: the consumers need sh, curl, python3, node and a JDK's java")
    return Path(found).resolve()
