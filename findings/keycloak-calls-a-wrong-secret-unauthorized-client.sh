#!/usr/bin/env bash
# Keycloak: a wrong client secret is `unauthorized_client`, and no response of its token endpoint has a Date.
#
# One would guess: a wrong secret is `invalid_client` (RFC 6749, section 5.2), and `unauthorized_client` means that the
# client is known but may not use the grant. Every HTTP/1.1 response of a server with a clock has a Date (RFC 9110,
# section 6.6.1), so a cached token's age, or a client's wrong clock, shows.
# In fact: `invalid_client` is for unknown clients. A wrong secret gets the same 401 `unauthorized_client` as a client
# without the grant, and the same description as an unknown one. Tokens and refusals have no Date, and no Age either.
# For authors of token clients: on `unauthorized_client` advise users to check the secret as well as the grant, and
# treat both as final. Do not rely on Date: besides `expires_in`, only the issuer's own `iat` and `exp` say anything
# about time. Downloads about 200 MB and needs Java 17 or later, Maven and unzip.
set -euo pipefail

tmp=$(mktemp -d)
keycloak=
trap '[ -z "$keycloak" ] || { kill "$keycloak" && wait "$keycloak" || true; }; rm -rf "$tmp"' EXIT
cd "$tmp"
mvn -q -B -Dmaven.repo.local="$tmp/repository" org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy \
  -Dartifact=org.keycloak:keycloak-quarkus-dist:26.7.3:zip -DoutputDirectory="$tmp"
unzip -q keycloak-quarkus-dist-26.7.3.zip
mkdir -p keycloak-26.7.3/data/import
cat >keycloak-26.7.3/data/import/realm.json <<'JSON'
{"realm": "trial", "enabled": true, "clients": [
  {"clientId": "reporter", "secret": "opensesame", "serviceAccountsEnabled": true},
  {"clientId": "website", "secret": "opensesame", "serviceAccountsEnabled": false}]}
JSON
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
keycloak-26.7.3/bin/kc.sh start-dev --import-realm --http-host=127.0.0.1 --http-port="$port" >log 2>&1 &
keycloak=$!
for _ in $(seq 240); do
  if curl -fs "http://127.0.0.1:$port/realms/trial" >/dev/null; then break; fi
  kill -0 "$keycloak" || { cat log; exit 1; }
  sleep 1
done
grep -o 'Keycloak [0-9.]* on JVM' log

PORT=$port python3 - <<'PYTHON'
import http.client
import json
import os
import urllib.parse


def ask(client, secret):
    connection = http.client.HTTPConnection("127.0.0.1", int(os.environ["PORT"]))
    form = {"grant_type": "client_credentials", "client_id": client, "client_secret": secret}
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/realms/trial/protocol/openid-connect/token", urllib.parse.urlencode(form), headers)
    response = connection.getresponse()
    answer = json.loads(response.read())
    times = [name for name in ("Date", "Age", "Expires", "Last-Modified") if name in response.headers]
    return response.status, answer.get("error"), answer.get("error_description"), times


seen = {
    "right": ask("reporter", "opensesame"),
    "wrong secret": ask("reporter", "wrong"),
    "unknown client": ask("nobody", "wrong"),
    "client without the grant": ask("website", "opensesame"),
}
for name, answer in seen.items():
    print(f"{name}: {answer}")
text = "Invalid client or Invalid client credentials"
assert seen == {
    "right": (200, None, None, []),
    "wrong secret": (401, "unauthorized_client", text, []),
    "unknown client": (401, "invalid_client", text, []),
    "client without the grant": (401, "unauthorized_client", "Client not enabled to retrieve service account", []),
}
PYTHON
