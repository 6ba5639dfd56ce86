"""What `helm test` runs inside the operator's own image: is it ready, and are its kinds served?

Arguments: the URL that tells whether the operator is ready, and the kinds' plural names. It is asked until all is well,
since a test may come before the pods of an upgrade do; what keeps it from being well is said when the pod's time is up.
"""

import http.client
import json
import os
import ssl
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from integration_token.tls import tolerant

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
PAUSE = 1.0
"""Seconds between two looks."""


def get(url: str, token: str = "", context: ssl.SSLContext | None = None) -> bytes:
    """The answer's body."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310  # the chart's own two
    with urllib.request.urlopen(request, timeout=5, context=context) as answer:  # noqa: S310
        return bytes(answer.read())


def missing(plurals: list[str]) -> str:
    """Which of the kinds the API server doesn't serve. Every account may see what it does, so this one has no role."""
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    context = tolerant(ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt")))
    url = f"https://{place}/apis/integrationtoken.dev/v1alpha1"
    try:
        served = json.loads(get(url, (ACCOUNT / "token").read_text(), context))["resources"]
    except urllib.error.HTTPError as error:
        if error.code != 404:
            raise
        served = []
    return ", ".join(sorted({*plurals} - {resource["name"] for resource in served}))


def problem(ready: str, plurals: list[str]) -> str:
    """What isn't as it should be; empty where all is."""
    try:
        get(ready)
    except (OSError, http.client.HTTPException) as error:
        return f"the operator is not ready: {ready}: {error}"
    try:
        absent = missing(plurals)
    except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
        return f"the API server does not tell which kinds it serves: {error}"
    return f"the API server serves no {absent}: install the CRDs (crds.enabled)" if absent else ""


def main(ready: str, seconds: str, *plurals: str) -> int:
    """The exit status: 1 where something is wrong to the end."""
    deadline = time.monotonic() + float(seconds)
    while found := problem(ready, list(plurals)):
        if time.monotonic() > deadline:
            print(found)
            return 1
        time.sleep(PAUSE)
    print("the operator is ready, and its kinds are served")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
