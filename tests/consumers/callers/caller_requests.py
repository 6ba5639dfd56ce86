"""Calls an API with requests again and again: `python caller_requests.py FILE`."""

import os
import sys
import time
from pathlib import Path

import requests

from tests.consumers.snippets.mounted_token_requests import MountedToken

with requests.Session() as session:
    session.auth = MountedToken(Path(sys.argv[1]))
    while True:
        try:
            session.get(os.environ["API_URL"], timeout=2, allow_redirects=False).raise_for_status()
        except (OSError, requests.RequestException) as error:
            print(f"the call failed: {error!r}", flush=True)
        time.sleep(float(os.environ["INTERVAL"]))
