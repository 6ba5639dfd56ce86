"""How long a renewed token takes from its Secret to the API, through pods that mount it."""

from collections.abc import Iterable
from datetime import datetime

from tests.apiserver.stage import Token
from tests.cluster.plane import ControlPlane
from tests.fakes.call import Call, switches


def delays(plane: ControlPlane, token: Token, calls: Iterable[Call]) -> list[float]:
    """Seconds from each write of the Secret, as the API server saw it, to a pod's first call with the new content."""
    wanted = {"resource": "secrets", "namespace": token.namespace, "name": token.target}
    writes = [
        datetime.fromisoformat(event["requestReceivedTimestamp"]).timestamp()
        for event in plane.audit_events()
        if event["verb"] in {"create", "update"} and wanted.items() <= event.get("objectRef", {}).items()
    ]
    return [switch.time - max(write for write in writes if write < switch.time) for switch in switches(calls)]
