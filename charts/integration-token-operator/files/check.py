"""Run by `helm test` in the operator's own image: checks that the operator is ready and that its kinds are served.

Arguments: the operator's readiness URL, a timeout in seconds, and the kinds' plural names. Retries until everything is
fine, since a test may start before the pods of an upgrade; prints the problem when the time is up.
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
"""Seconds between two checks."""


def get(url: str, token: str = "", context: ssl.SSLContext | None = None) -> bytes:
    """The response's body."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310  # the chart's own two URLs
    with urllib.request.urlopen(request, timeout=5, context=context) as answer:  # noqa: S310
        return bytes(answer.read())


def missing(plurals: list[str]) -> str:
    """The kinds that the API server does not serve. Every account may see which it serves, so this one has no Role."""
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
    """What is wrong; empty if nothing is."""
    try:
        get(ready)
    except (OSError, http.client.HTTPException) as error:
        return f"the operator is not ready: {ready}: {error}"
    try:
        absent = missing(plurals)
    except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
        return f"cannot read from the API server which kinds it serves: {error}"
    return f"the API server does not serve {absent}: install the CRDs (crds.enabled)" if absent else ""


def main(ready: str, seconds: str, *plurals: str) -> int:
    """The exit status: 1 if something is still wrong when the time is up."""
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
