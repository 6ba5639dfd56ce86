"""Calls the API with the token that the mounted file holds at the moment of the call."""

import os
import time
import urllib.request
from pathlib import Path
from urllib.error import URLError

AUTHORIZATION = Path("/var/run/integration/authorization")


def call(url: str) -> bytes:
    # Read for every call: that costs microseconds, and a renewed token is used at once.
    request = urllib.request.Request(url, headers={"Authorization": AUTHORIZATION.read_text()})
    with urllib.request.urlopen(request, timeout=10) as answer:
        body: bytes = answer.read()
    return body


while True:
    try:
        call(os.environ["API_URL"])
    except URLError as error:
        print(f"the call failed: {error}", flush=True)
    time.sleep(float(os.environ["INTERVAL"]))
