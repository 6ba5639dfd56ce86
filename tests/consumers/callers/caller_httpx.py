"""Calls an API with httpx again and again: `python caller_httpx.py FILE`."""

import os
import sys
import time
from pathlib import Path

import httpx

from tests.consumers.snippets.mounted_token_httpx import MountedToken

with httpx.Client(auth=MountedToken(Path(sys.argv[1])), timeout=2) as client:
    while True:
        try:
            client.get(os.environ["API_URL"]).raise_for_status()
        except (OSError, httpx.HTTPError) as error:
            print(f"the call failed: {error!r}", flush=True)
        time.sleep(float(os.environ["INTERVAL"]))
