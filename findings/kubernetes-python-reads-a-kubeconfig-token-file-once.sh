#!/usr/bin/env bash
# kubernetes (Python client): a kubeconfig's `tokenFile` is read once, when the configuration is loaded, and never
# again.
#
# One would guess: a token is in a file so that it can be replaced, and a long-running client reads it again, as the
# same package does in a pod, where the in-cluster loader re-reads the service account's file after a minute.
# In fact: after the exchange the old token is sent for the life of the process, and 401 changes nothing. (Nor does it
# for the in-cluster loader, which waits out its minute.) And one sends `Bearer`, the other `bearer`.
# For authors of consumers: reload such a kubeconfig on a 401. Servers: compare the scheme case-insensitively. Takes 65
# seconds, because it waits for the minute.
set -euo pipefail

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
python3 -m venv venv
venv/bin/pip install --quiet --no-cache-dir kubernetes==37.0.2
venv/bin/pip freeze | grep ^kubernetes=
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=api -days 1 \
  -keyout key.pem -out ca.pem -addext subjectAltName=IP:127.0.0.1 \
  -addext keyUsage=critical,digitalSignature,keyCertSign 2>/dev/null

cat >try.py <<'PYTHON'
import http.server
import pathlib
import ssl
import threading
import time

from kubernetes import client, config
from kubernetes.config.incluster_config import InClusterConfigLoader


class Api(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        seen.append(self.headers["Authorization"])
        taken = seen[-1].split(" ")[1] == token.read_text()
        self.send_response(200 if taken else 401)
        self.end_headers()

    log_message = lambda *_: None


def ask():
    answers = {}
    for name, api in clients.items():
        try:
            status = client.VersionApi(api).get_code(_preload_content=False).status
        except client.ApiException as refusal:
            status = refusal.status
        answers[name] = f"{seen[-1]}: {status}"
    print(answers)
    return answers


seen = []
token = pathlib.Path("token").absolute()
token.write_text("first")
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api)
tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
tls.load_cert_chain("ca.pem", "key.pem")
server.socket = tls.wrap_socket(server.socket, server_side=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
address = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(server.server_port)}
cluster = {"server": f"https://127.0.0.1:{server.server_port}", "certificate-authority": "ca.pem"}
kubeconfig = {
    "clusters": [{"name": "c", "cluster": cluster}],
    "users": [{"name": "u", "user": {"tokenFile": str(token)}}],
    "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}], "current-context": "x",
}
in_pod = client.Configuration()
InClusterConfigLoader(str(token), "ca.pem", environ=address).load_and_set(in_pod)
clients = {"kubeconfig": config.new_client_from_config_dict(kubeconfig), "in-cluster": client.ApiClient(in_pod)}
assert ask() == {"kubeconfig": "Bearer first: 200", "in-cluster": "bearer first: 200"}
token.write_text("second")
assert ask() == {"kubeconfig": "Bearer first: 401", "in-cluster": "bearer first: 401"}
time.sleep(61)
assert ask() == {"kubeconfig": "Bearer first: 401", "in-cluster": "bearer second: 200"}
PYTHON
venv/bin/python try.py
