#!/usr/bin/env bash
# uvicorn, httpx and Python's email.utils: a response with its own Date gets a second one, and the two are read as local
# time.
#
# One would guess: a server adds Date to a response that has none, so an ASGI application that passes on another
# server's response with its headers (a proxy, a cache in front of a token server) sends the original one. And a Date
# that cannot be read raises ValueError, which one catches.
# In fact: uvicorn puts its own Date before the application's unless it is started with date_header=False. httpx and
# requests join the two with ", ", and parsedate_to_datetime() accepts "..., 01:00:00 GMT, ..., 03:00:00 GMT" without an
# error: the first date, but without its zone. timestamp() then reads it as local time: right in a container at UTC,
# hours off on a laptop. Comparing it with an aware time raises TypeError.
# For authors of token clients that correct lifetimes with Date or Age: read all the values (httpx: headers.get_list),
# use none if they differ, and refuse dates without a zone. Proxies: drop Date before passing on.
set -euo pipefail

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
python3 -m venv venv
venv/bin/pip install --quiet --no-cache-dir uvicorn==0.54.0 httpx==0.28.1 requests==2.34.2
venv/bin/pip freeze | grep -E '^(uvicorn|httpx|requests)='

cat >try.py <<'PYTHON'
import email.utils
import os
import socket
import threading
import time

import httpx
import requests
import uvicorn

ISSUED = time.time() - 7200  # when the token server made the answer that is handed on


async def application(scope, receive, send):
    headers = {"content-type": "application/json", "date": email.utils.formatdate(ISSUED, usegmt=True)}
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": 200, "headers": encoded})
    await send({"type": "http.response.body", "body": b'{"access_token": "t", "token_type": "Bearer"}'})


def serve(**settings):
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(application, log_level="error", lifespan="off", **settings))
    threading.Thread(target=server.run, args=([listening],), daemon=True).start()
    return f"http://127.0.0.1:{listening.getsockname()[1]}/token"


def hours_old(date, zone):
    os.environ["TZ"] = zone
    time.tzset()
    return round((time.time() - email.utils.parsedate_to_datetime(date).timestamp()) / 3600)


both, one = serve(), serve(date_header=False)
dates = httpx.post(both).headers.get_list("date")
print("as sent:", *dates, sep="\n  ")
assert len(dates) == 2
assert dates[1] == email.utils.formatdate(ISSUED, usegmt=True) == httpx.post(one).headers["date"]
for client in (httpx, requests):
    joined = client.post(both).headers["date"]
    read = email.utils.parsedate_to_datetime(joined)
    ages = [hours_old(joined, zone) for zone in ("UTC0", "JST-9", "PST8")]
    print(f"{client.__name__}: read as {read!r}, hours old at UTC, UTC+9, UTC-8: {ages}")
    assert joined == ", ".join(dates)
    assert read.tzinfo is None
    assert ages == [0, 9, -8]
    assert {hours_old(client.post(one).headers["date"], zone) for zone in ("UTC0", "JST-9")} == {2}
PYTHON
venv/bin/python try.py
