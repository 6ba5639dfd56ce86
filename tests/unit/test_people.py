"""What the user-facing commands print, whatever others have written."""

import argparse
import base64
import json
import os
import re
import shlex
import subprocess
import sys
import weakref
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from integration_token.__main__ import main
from integration_token.api.integration import shortened
from integration_token.api.names import RENEW_ANNOTATION
from integration_token.api.value import format_time
from integration_token.cluster.collection import SECRETS, Collection
from integration_token.cluster.connection import Access
from integration_token.command import bundle, diagnosis, renewal, status
from integration_token.command.caller import Caller, Missing
from integration_token.command.diagnosis import Found
from integration_token.command.output import ExitCode, harmless, span, table
from integration_token.command.parser import add_commands
from integration_token.command.resource import cells, is_good, summary, urgency
from integration_token.command.token import claims, held
from integration_token.errors import Unavailable
from kubernetes.aio.config import incluster_config, kube_config

from tests.unit.virtual import EPOCH, FakeClock
from tests.unit.virtual import run as run_virtually

SECRET = "s3cr3t-of-somebody"


def jwt(payload: object) -> str:
    """An unsigned JWT."""
    text = payload if isinstance(payload, str) else json.dumps(payload)
    head, body = (base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in ("{}", text))
    return f"{head}.{body}.c2ln"


@pytest.mark.parametrize(
    ("token", "shown"),
    [
        pytest.param("opaque", None, id="an opaque token"),
        pytest.param("a.b.c", None, id="three parts that aren't a JWT"),
        pytest.param(jwt("[1]"), None, id="a payload that isn't an object"),
        pytest.param(jwt("[" * 9000), None, id="a deeply nested payload"),
        pytest.param("x" * 70000, None, id="a payload that is too large"),
        pytest.param(
            jwt({"iss": "https://login", "sub": SECRET, "jti": SECRET}), {"iss": "https://login"}, id="others"
        ),
        pytest.param(jwt({"aud": ["a", 7, {"b": 1}], "exp": 12.5}), {"aud": ["a"], "exp": 12.5}, id="a list"),
        pytest.param(jwt({"exp": True, "iat": None, "scope": {"a": 1}}), {}, id="types that the standard doesn't have"),
        pytest.param(jwt({"iss": "a\x1b[2Jb\nc"}), {"iss": "a [2Jb c"}, id="terminal control characters"),
        pytest.param(jwt('{"exp": 1e400, "iat": 1}'), {"iat": 1}, id="an invalid number"),
        pytest.param(jwt({"iss": "y" * 300}), {"iss": "y" * 256 + "…"}, id="a long one"),
    ],
)
def test_of_a_token_five_claims_are_shown_as_far_as_they_are_harmless(token: str, shown: object) -> None:
    """Nothing else is shown, whoever issued the token."""
    assert claims(token) == shown


def test_a_claim_that_repeats_the_token_is_not_shown() -> None:
    """An issuer could have a token repeat itself; a short name that is part of it by chance is shown."""
    signature = "c2lnbmF0dXJlLW9mLXNvbWVib2R5"
    payload = {"iss": signature, "scope": f"read {signature * 20}", "aud": ["api", signature[:20]]}
    head, body, _ = jwt(payload).split(".")
    assert claims(f"{head}.{body}.{signature}") == {"aud": ["api"]}
    assert claims(jwt({"scope": "c2ln"})) == {"scope": "c2ln"}


def test_a_secret_without_a_token_has_none() -> None:
    """Nor does a Secret whose data isn't base64."""
    assert held({})[0] == held({"token": "%%%"})[0] == "none"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "in 0s"), (59, "in 59s"), (61, "in 1m"), (3600, "in 1h"), (11520, "in 3h12m"), (90000, "in 1d1h"),
     (172800, "in 2d"), (-300, "5m ago")],
)  # fmt: skip
def test_times_are_shown_as_people_say_them(seconds: float, text: str) -> None:
    """In the two largest units."""
    assert span(seconds) == text


def test_a_text_of_others_stays_in_its_line() -> None:
    """Long text is truncated."""
    assert harmless("a\r\n\x1b]0;title\x07b") == "a   ]0;title b"
    assert table(("A", "B"), [("x\ny", "")]) == "A     B\nx y   -"
    assert len(harmless("x" * 5000)) == 1025


def body(name: str, *, ready: bool, refreshed: str, expires: str = "2030-01-01T00:00:00Z") -> dict[str, Any]:
    """A resource in that state."""
    good = refreshed == "Refreshed"
    conditions = [
        {"type": "Ready", "status": str(ready), "reason": "TokenValid", "message": ""},
        {"type": "Refreshed", "status": str(good), "reason": refreshed, "message": "why"},
    ]
    metadata = {"namespace": "store", "name": name, "generation": 1}
    return {"metadata": metadata, "spec": {}, "status": {"conditions": conditions, "expirationTime": expires}}


class Told:
    """A resource whose status shows the last renewal request at once, and somebody else's."""

    def __init__(self, other: str) -> None:
        """`other`: what somebody else requests right after us; empty if nobody does."""
        self.other = other
        self.value = ""

    async def token(self, _: str) -> dict[str, Any]:
        """As stored."""
        found = body("shop", ready=True, refreshed="Refreshed")
        found["metadata"]["annotations"] = {RENEW_ANNOTATION: self.other or self.value}
        found["status"]["lastHandledRenewRequest"] = shortened(self.other or self.value)
        return found

    async def ask_for_renewal(self, _: str, value: str) -> None:
        """Records the request."""
        self.value = value


@pytest.mark.parametrize("other", ["", "of somebody else", "long " * 200])
def test_a_renewal_that_two_users_requested_is_reported_to_both(other: str) -> None:
    """The stored value is one of the two, and that one is followed; the status shortens a long one."""
    told: list[str] = []
    caller: Any = Told(other)

    async def renew(clock: FakeClock) -> tuple[str, ExitCode]:
        return await renewal.run(caller, ["shop"], clock, seconds=5.0, as_json=False, progress=told.append)

    said, code = run_virtually(renew)
    assert code == 0
    assert "still returns the same token" in said
    assert told == ["waiting for the operator to ask the endpoint for shop, at most 5 s"]


class Away(Told):
    """An API server that is unavailable for a while, and has only one resource."""

    def __init__(self, failures: int) -> None:
        """`failures`: how many reads fail after the renewal request was accepted."""
        super().__init__("")
        self.failures = failures

    async def token(self, name: str) -> dict[str, Any]:
        """As stored, if available."""
        if name != "shop":
            raise Missing(f"IntegrationToken store/{name} does not exist")
        if self.value and self.failures:
            self.failures -= 1
            raise Unavailable("the API server cannot be reached")
        return await super().token(name)


def renewed(caller: Any, *names: str) -> tuple[list[tuple[str, str]], ExitCode]:
    """Name and result of each, and the exit code."""

    async def renew(clock: FakeClock) -> tuple[str, ExitCode]:
        return await renewal.run(caller, list(names), clock, seconds=5.0, as_json=True, progress=lambda _: None)

    said, code = run_virtually(renew)
    return [(each["name"], each["result"]) for each in json.loads(said)], code


def test_a_wait_for_a_renewal_outlasts_an_outage_of_the_api_server() -> None:
    """Up to the timeout: the request is stored, and a lasting outage is reported."""
    assert renewed(Away(3), "shop") == ([("shop", "unchanged")], ExitCode.GOOD)
    assert renewed(Away(99), "shop") == ([("shop", "timeout")], ExitCode.NOT_GOOD)


def test_the_result_of_one_is_reported_whatever_happens_to_the_next() -> None:
    """It has been requested, and a user who repeats the command would request it twice."""
    assert renewed(Away(0), "shop", "shpo") == ([("shop", "unchanged"), ("shpo", "missing")], ExitCode.NOT_GOOD)


PIPE = """
import argparse, sys
from integration_token.clock import SystemClock
from integration_token.command import entry
async def run(chosen, clock):
    return "x" * 1000000, entry.ExitCode.NOT_GOOD
entry._run = run
sys.exit(entry.main(argparse.Namespace(), SystemClock(), print))
"""


def test_a_reader_may_stop_early() -> None:
    """As `head` does: there is no traceback, and the exit code still reflects the tokens."""
    command = f"{sys.executable} -c {shlex.quote(PIPE)} | true; echo ${{PIPESTATUS[0]}}"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    answer = subprocess.run(["bash", "-c", command], env=environment, capture_output=True, text=True, check=False)
    assert answer.stderr == ""
    assert answer.stdout.splitlines()[-1] == "1"


def test_those_that_need_somebody_come_first() -> None:
    """First those without a token, then those with a failing refresh, then by expiry."""
    found = [
        summary(body("later", ready=True, refreshed="Refreshed", expires="2031-01-01T00:00:00Z"), EPOCH),
        summary(body("sooner", ready=True, refreshed="Refreshed"), EPOCH),
        summary(body("failing", ready=True, refreshed="AccessDenied"), EPOCH),
        summary(body("without", ready=False, refreshed="InvalidClient"), EPOCH),
        summary({"metadata": {"namespace": "store", "name": "new", "generation": 1}, "spec": {}}, EPOCH),
    ]
    assert [each["name"] for each in sorted(found, key=urgency)] == ["new", "without", "failing", "sooner", "later"]
    assert [is_good(each) for each in found] == [True, True, False, False, False]


class Stored:
    """A cluster with a few objects, in which no Secret's data may be read."""

    def __init__(self, **objects: dict[str, Any]) -> None:
        """Objects by plural."""
        self.objects = objects

    async def get(self, collection: Collection, _: str, __: str) -> dict[str, Any] | None:
        """One object."""
        assert collection is not SECRETS
        return self.objects.get(collection.plural)

    async def get_metadata(self, collection: Collection, _: str, __: str) -> dict[str, Any] | None:
        """The same without data."""
        found = self.objects.get(collection.plural)
        return found and {"metadata": found["metadata"]}

    async def access(self) -> Access:
        """With a certificate."""
        return Access("https://10.0.0.1:6443", None, True, None, None, None, None, None)

    async def pages(self, collection: Collection, _: str, __: str) -> AsyncGenerator[list[dict[str, Any]], None]:
        """All objects of a kind."""
        found = self.objects.get(collection.plural)
        yield [found] if found else []


async def diagnosed(**objects: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Result and detail of each step."""
    caller = Caller(Stored(**objects), "store")  # type: ignore[arg-type]
    return {step.name: (step.result, step.detail) async for step in diagnosis.steps(caller, "shop", Found())}


TOKEN = {
    "metadata": {"namespace": "store", "name": "shop", "uid": "uid", "generation": 1},
    "spec": {
        "endpointRef": {"kind": "ClusterTokenEndpoint", "name": "login"},
        "credentialsSecretRef": {"name": "shop-integration"},
    },
}


async def test_authorities_that_the_caller_cannot_know_are_no_fault_of_the_endpoint() -> None:
    """The system's roots would be the wrong ones to judge by."""
    spec = {"tokenURL": "https://8.8.8.8/token", "caBundleRef": {"name": "corporate", "key": "ca.crt"}}
    endpoint = {"metadata": {"name": "login", "uid": "uid"}, "spec": spec}
    found = await diagnosed(integrationtokens=TOKEN, clustertokenendpoints=endpoint)
    assert found["addresses"][0] == "ok"
    assert found["TLS"][0] == "skipped"


async def test_consent_is_looked_at_without_the_data_of_a_secret() -> None:
    """Its metadata is enough: label and hosts."""
    endpoint = {"metadata": {"name": "login", "uid": "uid"}, "spec": {"tokenURL": "https://127.0.0.1/token"}}
    labels, data = {"integrationtoken.dev/credentials": "true"}, {"client_secret": SECRET}
    annotations = {"integrationtoken.dev/allowed-hosts": "other.example"}
    for metadata, result in (
        ({}, "failed"),
        ({"labels": labels}, "ok"),
        ({"labels": labels, "annotations": annotations}, "failed"),
    ):
        secret = {"metadata": {"uid": "uid", "resourceVersion": "1"} | metadata, "data": data}
        found = await diagnosed(integrationtokens=TOKEN, clustertokenendpoints=endpoint, secrets=secret)
        assert found["credentials"][0] == result
        assert found["addresses"][0] == "unsure"


ACCOUNTED = {
    **TOKEN,
    "spec": {"endpointRef": {"kind": "ClusterTokenEndpoint", "name": "login"}, "serviceAccountRef": {"name": "shop"}},
}
RELEASED = {
    "labels": {"integrationtoken.dev/credentials": "true"},
    "annotations": {
        "integrationtoken.dev/allowed-hosts": "127.0.0.1",
        "integrationtoken.dev/allowed-audiences": "https://10.0.0.1:6443",
    },
}


@pytest.mark.parametrize(
    ("metadata", "spec", "step", "result", "told"),
    [
        (RELEASED, {}, "service account", "ok", "no token was requested for it"),
        ({}, {}, "service account", "failed", "kubectl label serviceaccount"),
        ({"labels": RELEASED["labels"]}, {}, "service account", "failed", "allowed-hosts"),
        (RELEASED, {"assertion": {"audience": "urn:other"}}, "service account", "failed", "allowed-audiences"),
        (RELEASED, {"assertion": {"audience": "https://10.0.0.1:6443"}}, "service account", "failed", "identity"),
        (RELEASED, {"clientAuthenticationMethod": "ClientSecretPost"}, "references", "failed", "serviceAccountRef"),
    ],
)
async def test_an_account_is_looked_at_as_the_operator_does(
    metadata: dict[str, Any], spec: dict[str, Any], step: str, result: str, told: str
) -> None:
    """Its consent and lists, what its token would be valid for, and whether the endpoint accepts one."""
    url = {"tokenURL": "https://127.0.0.1/token", "clientAuthenticationMethod": "ServiceAccountToken"}
    endpoint = {"metadata": {"name": "login", "uid": "uid"}, "spec": url | spec}
    account = {"metadata": {"uid": "uid", **metadata}}
    found = await diagnosed(integrationtokens=ACCOUNTED, clustertokenendpoints=endpoint, serviceaccounts=account)
    assert found[step][0] == result
    assert told in found[step][1]
    assert "credentials" not in found


async def test_an_account_that_is_missing_is_reported() -> None:
    """In the operator's words."""
    found = await diagnosed(integrationtokens=ACCOUNTED)
    assert found["service account"] == (
        "failed",
        "ServiceAccount shop does not exist; create it or fix spec.serviceAccountRef",
    )


def test_a_name_that_others_chose_stays_in_its_line() -> None:
    """Terminal control characters have no effect."""
    assert "\x1b" not in diagnosis.rendered([diagnosis.Step("event \x1b]0;x\x07", "ok", "")])


def test_a_support_bundle_has_fields_by_an_allow_list() -> None:
    """Whatever may contain a secret by accident appears by name only."""
    token = {
        "kind": "IntegrationToken",
        "metadata": {"name": "shop", "annotations": {"kubectl.kubernetes.io/last-applied-configuration": SECRET}},
        "spec": {
            "credentialsSecretRef": {"name": "shop", "other": SECRET},
            "target": {"template": {"data": {"curl.conf": SECRET}, "metadata": {"annotations": {"a": SECRET}}}},
            "other": SECRET,
        },
        "status": {"conditions": [], "other": SECRET},
    }
    endpoint = {
        "kind": "TokenEndpoint",
        "metadata": {"name": "login", "managedFields": [SECRET]},
        "spec": {"tokenURL": f"https://user:{SECRET}@login.example/{SECRET}?key={SECRET}", "parameters": {"k": SECRET}},
    }
    event = {"reason": "Issued", "message": "good", "source": {"host": SECRET}}
    files = bundle.contents(Found(token, endpoint, (event,)), [], "0.1.0")
    assert SECRET not in json.dumps(files)
    assert files["endpoint.json"]["spec"]["host"] == "login.example"
    assert files["endpoint.json"]["spec"]["parameters"] == ["k"]
    assert files["integrationtoken.json"]["spec"]["target"]["template"]["keys"] == ["curl.conf"]


def test_the_document_has_every_command_flag_and_exit_code() -> None:
    """It also lists the keys that programs may rely on."""
    commands = argparse.ArgumentParser().add_subparsers()
    add_commands(commands)
    text = (Path(__file__).parents[2] / "operator" / "docs" / "command-line.md").read_text()
    for name, parser in commands.choices.items():
        assert f"### {name}\n" in text
        flags = {flag for action in parser._actions for flag in action.option_strings if flag.startswith("--")}
        assert {flag for flag in flags - {"--help"} if f"`{flag}" not in text} == set()
    assert re.findall(r"^\| (\d+) \|", text, re.MULTILINE) == [str(code.value) for code in ExitCode]
    told = summary(body("shop", ready=True, refreshed="Refreshed"), EPOCH)
    assert ", ".join(f"`{key}`" for key in told) in text


@pytest.mark.parametrize(
    "arguments",
    [
        ["inspect", "shop/../../secrets/x"],
        ["status", "-n", "a?b"],
        ["status", "--output", "yaml"],
        ["renew"],
        ["renew", "shop", "--timeout", "soon"],
        ["renew", "shop", "--timeout", "9" * 400 + "h"],
        ["inspect", "a", "b"],
        ["look"],
    ],
)
def test_wrong_use_is_reported_in_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """The exit code is 2."""
    with pytest.raises(SystemExit) as end:
        main(arguments)
    said = capsys.readouterr()
    assert (end.value.code, said.out, len(said.err.splitlines())) == (2, "", 1)


def test_a_token_that_expired_while_no_operator_ran_is_not_called_good() -> None:
    """Its status still says so; a token without a deadline can't miss one."""
    late = body("late", ready=True, refreshed="Refreshed", expires="2027-01-15T07:00:00Z")
    assert format_time(EPOCH) == "2027-01-15T08:00:00Z"
    found = summary(late, EPOCH)
    assert not is_good(found)
    assert cells(found, EPOCH)[-1] == "has expired since; check that an operator is running"
    assert urgency(found) < urgency(summary(body("failing", ready=True, refreshed="AccessDenied"), EPOCH))
    late["status"]["expirationAssumed"] = True
    assert is_good(summary(late, EPOCH))


class Large(dict[str, Any]):
    """A resource of any size."""


class Many:
    """A cluster with many large resources that counts how many are in memory at once."""

    def __init__(self) -> None:
        """Starts with none in memory."""
        self.most = 0

    async def pages(self, *_: object) -> AsyncGenerator[list[Large], None]:
        """A hundred pages of two."""
        told: list[weakref.ref[Large]] = []
        for number in range(100):
            page = [Large(body(f"{number}-{each}", ready=True, refreshed="Refreshed")) for each in "ab"]
            for each in page:
                each["status"] |= {"targetName": "x" * 5000, "renewalTime": "x" * 5000}
            told += map(weakref.ref, page)
            yield page
            del page, each
            self.most = max(self.most, sum(reference() is not None for reference in told))


async def test_a_list_takes_no_more_memory_than_what_is_shown_of_it() -> None:
    """Each resource may have a megabyte, and the command may run inside the operator's pod."""
    cluster = Many()
    said, code = await status.run(Caller(cluster, ""), EPOCH, as_json=True)  # type: ignore[arg-type]
    assert (len(json.loads(said)), code) == (200, ExitCode.GOOD)
    assert cluster.most <= 4
    assert max(map(len, said.splitlines())) < 300


async def test_what_no_installation_admits_is_not_said_to_depend_on_it() -> None:
    """Only http depends on the installation."""
    endpoint = {"metadata": {"name": "login", "uid": "uid"}, "spec": {"tokenURL": "nowhere"}}
    found = await diagnosed(integrationtokens=TOKEN, clustertokenendpoints=endpoint)
    assert found["endpoint"] == ("failed", "spec.tokenURL is not an https URL with a host; fix it")
    endpoint["spec"] = {"tokenURL": "http://login.example/token"}
    found = await diagnosed(integrationtokens=TOKEN, clustertokenendpoints=endpoint)
    assert found["endpoint"][0] == "unsure"


def test_a_pod_without_an_account_is_reported_in_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message says what to do."""
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "1")
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "absent"))
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(tmp_path / "absent"))
    assert main(["status"]) == ExitCode.WRONG_USE
    [said] = capsys.readouterr().err.splitlines()
    assert "set --kubeconfig" in said
