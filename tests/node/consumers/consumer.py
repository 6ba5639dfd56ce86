"""Calls the API with the token that the mounted file holds at the moment of the call."""

import os
import time
import urllib.request
from http.client import HTTPException
from pathlib import Path

AUTHORIZATION = Path("/var/run/integration/authorization")


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect counts as a failed call: followed, it would take the token elsewhere."""

    def redirect_request(self, *_: object, **__: object) -> None:
        return None


OPENER = urllib.request.build_opener(NoRedirect)


def call(url: str) -> bytes:
    # Read for every call: that costs microseconds, and a renewed token is used at once.
    request = urllib.request.Request(url, headers={"Authorization": AUTHORIZATION.read_text().strip()})
    with OPENER.open(request, timeout=10) as answer:
        body: bytes = answer.read()
    return body


while True:
    try:
        call(os.environ["API_URL"])
    # The file was just being exchanged; no answer, or none in time; one from 300 on, or one that can't be read.
    except (OSError, HTTPException, ValueError) as error:
        print(f"the call failed: {error}", flush=True)
    time.sleep(float(os.environ["INTERVAL"]))
