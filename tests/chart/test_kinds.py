"""The CustomResourceDefinitions: what the API server fills in, and what kubectl shows."""

import json

from tests.chart.rendering import Document, Helm, Kubectl, of_kind
from tests.chart.resource import cluster_endpoint, endpoint, token


def test_endpoint_defaults(kubectl: Kubectl) -> None:
    """From a URL alone, both endpoint kinds get the same complete spec."""
    expected = {
        "tokenURL": "https://login.example.com/oauth/token",
        "requestEncoding": "JSON",
        "clientAuthenticationMethod": "ClientSecretPost",
        "basicEncoding": "Form",
        "grant": "ClientCredentials",
        "timeout": "10s",
        "defaultLifetime": "1h",
        "rateLimit": {"requestsPerMinute": 60},
    }
    assert kubectl.dry_run(endpoint())["spec"] == expected
    assert kubectl.dry_run(cluster_endpoint())["spec"] == expected


def test_token_defaults(kubectl: Kubectl) -> None:
    """From two names a token gets all defaults, except a renewal time that would exclude the alternative field."""
    assert kubectl.dry_run(token())["spec"] == {
        "endpointRef": {"kind": "TokenEndpoint", "name": "grafx"},
        "credentialsSecretRef": {
            "name": "shop-integration",
            "clientIDKey": "client_id",
            "clientSecretKey": "client_secret",
        },
        "target": {"deletionPolicy": "Delete"},
        "consumerDelay": "0s",
        "mountRefresh": "Auto",
        "suspend": False,
    }


def test_a_status_begins_with_the_generation_that_nobody_has_seen(kubectl: Kubectl) -> None:
    """For every kind: tools that wait for a resource without a status consider it done."""
    documents = [token("begun"), endpoint(), cluster_endpoint()]
    kubectl.run("apply", "--filename=-", documents=documents)
    try:
        for kind, name in (("itok", "begun"), ("tep", "grafx"), ("ctep", "grafx")):
            stored = json.loads(kubectl.run("get", kind, name, "--output=json"))
            assert stored["status"] == {"observedGeneration": 0}
            listed = json.loads(kubectl.run("get", kind, "--output=json"))
            assert [item["status"] for item in listed["items"] if item["metadata"]["name"] == name] == [
                {"observedGeneration": 0}
            ]
    finally:
        kubectl.run("delete", "--filename=-", documents=documents)


def test_every_field_is_described(helm: Helm) -> None:
    """`kubectl explain` has a sentence for each field in spec and status."""

    def undescribed(path: str, schema: Document) -> list[str]:
        missing = [] if schema.get("description", "").endswith((".", ":")) else [path]
        for name, child in schema.get("properties", {}).items():
            missing += undescribed(f"{path}.{name}", child)
        if "properties" in schema.get("items", {}):
            for name, child in schema["items"]["properties"].items():
                missing += undescribed(f"{path}[].{name}", child)
        return missing

    for crd in of_kind("CustomResourceDefinition", helm.template()):
        (version,) = crd["spec"]["versions"]
        schema = version["schema"]["openAPIV3Schema"]
        for part in ("spec", "status"):
            assert undescribed(part, schema["properties"][part]) == [], crd["metadata"]["name"]


def test_what_kubectl_prints(kubectl: Kubectl) -> None:
    """`kubectl get` shows future times and the refresh status, `-o wide` endpoint and message.

    The short names and the category work.
    """
    documents = [token("printed"), endpoint(), cluster_endpoint()]
    condition = {
        "type": "Ready",
        "status": "True",
        "reason": "TokenValid",
        "message": "valid for a day",
        "lastTransitionTime": "2030-01-01T00:00:00Z",
    }
    failing = condition | {"type": "Refreshed", "status": "False", "reason": "AccessDenied", "message": "ask for leave"}
    status = {
        "observedGeneration": 1,
        "conditions": [condition, failing],
        "targetName": "printed",
        "scope": ["read"],
        "issueTime": "2030-01-01T00:00:00Z",
        "expirationTime": "2030-01-02T00:00:00Z",
        "renewalTime": "2030-01-01T19:12:00Z",
        "lifetimeSeconds": 86400,
        "lastHandledRenewRequest": "1",
    }
    kubectl.run("apply", "--filename=-", documents=documents)
    try:
        patch = ["--subresource=status", "--type=merge", "--patch"]
        kubectl.run("patch", "itok", "printed", *patch, json.dumps({"status": status}))
        status_of_endpoint = {"conditions": [condition], "host": "login.example.com"}
        for short_name in ("tep", "ctep"):
            kubectl.run("patch", short_name, "grafx", *patch, json.dumps({"status": status_of_endpoint}))

        stored = json.loads(kubectl.run("get", "integrationtoken", "printed", "--output=json"))
        assert stored["status"] == status
        assert _table(kubectl, "itok", "printed") == [
            ["NAME", "READY", "STATUS", "SECRET", "EXPIRES", "RENEWS", "AGE"],
            ["printed", "True", "AccessDenied", "printed", "2030-01-02T00:00:00Z", "2030-01-01T19:12:00Z"],
        ]
        header, row = _table(kubectl, "itok", "printed", "--output=wide")
        assert header[-2:] == ["ENDPOINT", "MESSAGE"]
        assert row[-2:] == ["grafx", "ask for leave"]
        for short_name in ("tep", "ctep"):
            header, row = _table(kubectl, short_name, "grafx", "--output=wide")
            assert header == ["NAME", "READY", "HOST", "AGE", "MESSAGE"]
            assert row[:3] == ["grafx", "True", "login.example.com"]
            assert row[-1] == "valid for a day"
        listed = kubectl.run("get", "integration-token-operator", "--output=name").split()
        assert {name.partition("/")[0].partition(".")[0] for name in listed} == {
            "integrationtoken",
            "tokenendpoint",
            "clustertokenendpoint",
        }
        assert "integrationtoken" not in kubectl.run("get", "all", "--output=name")
    finally:
        kubectl.run("delete", "--filename=-", documents=documents)


def _table(kubectl: Kubectl, *arguments: str) -> list[list[str]]:
    """The cells of what `kubectl get` prints, without a trailing age, which changes."""
    lines = kubectl.run("get", *arguments).splitlines()
    header = [cell for cell in lines[0].split("  ") if cell]
    rows = [[cell.strip() for cell in line.split("  ") if cell] for line in lines[1:]]
    if header[-1].strip() == "AGE":
        rows = [row[:-1] for row in rows]
    return [[cell.strip() for cell in header], *rows]
