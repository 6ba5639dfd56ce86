"""The API server's audit log: who requested what, counted by the server and not by the client."""

import json
from pathlib import Path
from typing import Any

POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    # One line per request, and no bodies, because they contain Secrets.
    "omitStages": ["RequestReceived", "ResponseStarted"],
    "rules": [{"level": "Metadata"}],
}


class AuditLog:
    """The log of one API server, in its directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._path = directory / "audit.log"

    def arguments(self) -> list[str]:
        """The API server's arguments; also writes the policy."""
        policy = self._directory / "audit-policy.json"
        policy.write_text(json.dumps(POLICY))
        return [
            f"--audit-policy-file={policy}",
            f"--audit-log-path={self._path}",
            # The line is written before the response ends, so a client that has the response finds the line.
            "--audit-log-mode=blocking",
            # In MiB: one file has everything, without rotation.
            "--audit-log-maxsize=1000000",
        ]

    def events(self) -> list[dict[str, Any]]:
        """Every event so far, oldest first; a line that is just being written is left out."""
        complete, _, _ = self._path.read_bytes().rpartition(b"\n")
        return [json.loads(line) for line in complete.splitlines()]
