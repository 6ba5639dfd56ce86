"""The operators' writes in the API server's audit log, each with the process that made it.

A process is identified by its account token: the log has the token's ID.
"""

import json
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from tests.bench.audit import rehearsed
from tests.faults.record import Write

CREDENTIAL: Final = "authentication.kubernetes.io/credential-id"
_CHANGES: Final = frozenset({"create", "update", "patch", "delete"})


def credential_id(token: str) -> str:
    """The ID of a ServiceAccount token, in the audit log's format."""
    payload = token.split(".")[1]
    claims = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return f"JTI={claims['jti']}"


def read_writes(path: Path, processes: Mapping[str, int]) -> list[Write]:
    """The writes of those processes, oldest first.

    :param processes: by the ID of their credential.
    """
    found = []
    with path.open("rb") as log:
        for line in log:
            if b'"verb":"get"' in line or b'"verb":"watch"' in line or CREDENTIAL.encode() not in line:
                continue
            try:
                event = json.loads(line)
            except ValueError:
                continue  # cut off when the API server was killed
            if (write := read_write(event, processes)) is not None:
                found.append(write)
    return sorted(found, key=lambda write: write.at)


def read_write(event: Mapping[str, Any], processes: Mapping[str, int]) -> Write | None:
    """The write in an audit event; None if it isn't one, or is somebody else's."""
    (credential,) = event["user"].get("extra", {}).get(CREDENTIAL, [""])
    about = event.get("objectRef") or {}
    if event["verb"] not in _CHANGES or credential not in processes:
        return None
    if rehearsed(event):
        return None  # nothing was changed
    return Write(
        at=datetime.fromisoformat(event["stageTimestamp"]).timestamp(),
        process=processes[credential],
        resource=about.get("resource", ""),
        place=(about.get("namespace", ""), about.get("name", "")),
        code=event["responseStatus"]["code"],
    )
