"""The fake servers respond like those that they stand for."""

import base64
import ssl
import time
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import httpx
import pytest

from tests.fakes import fault
from tests.fakes.api import EnvironmentAPI
from tests.fakes.fault import CATALOGUE, Fault
from tests.fakes.issuer import Grant
from tests.fakes.process import Configuration, EndpointProcess, derived_secret
from tests.fakes.token_endpoint import TokenEndpoint

SECRET = "s3cret with spaces & percent % signs"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[TokenEndpoint]:
    """One server for all; every test has its own client."""
    with TokenEndpoint(accepts=lambda _, secret: secret == SECRET) as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    """A client that ignores the environment's proxies."""
    with httpx.Client(trust_env=False, timeout=5) as client:
        yield client


def body(client_id: str, **changes: Any) -> dict[str, Any]:
    """A good request."""
    return {
        "grant_type": "client_credentials",
        "client_id": client_id,
        "client_secret": SECRET,
        "audience": "https://api.example",
    } | changes


def read_some(http: httpx.Client, url: str, request: dict[str, Any]) -> None:
    """Reads enough of a response to see that it doesn't end."""
    with http.stream("POST", url, json=request, timeout=0.2) as answer:
        for received, _ in enumerate(answer.iter_raw(65536)):
            if received > 10:
                break


def test_json_form_and_basic_ask_for_the_same_token(endpoint: TokenEndpoint, http: httpx.Client) -> None:
    """The encoding isn't part of the grant."""
    answers = [http.post(endpoint.url, json=body("à la carte")), http.post(endpoint.url, data=body("à la carte"))]
    basic = "Basic " + base64.b64encode(b"%C3%A0+la+carte:s3cret+with+spaces+%26+percent+%25+signs").decode()
    fields = {"grant_type": "client_credentials", "audience": "https://api.example"}
    answers.append(http.post(endpoint.url, data=fields, headers={"authorization": basic}))
    assert {answer.status_code for answer in answers} == {200}
    tokens = {answer.json()["access_token"] for answer in answers}
    assert tokens == set(endpoint.tokens("à la carte"))
    assert answers[0].json()["token_type"] == "Bearer"
    assert "date" in answers[0].headers
    records = [record for record in endpoint.log if record.client_id == "à la carte"]
    assert [record.minted for record in records] == [True, False, False]


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"json": body("x", client_secret="wrong")}, 401, "access_denied"),
        ({"json": body("x", audience="https://unknown.example")}, 403, "access_denied"),
        ({"json": body("x", audience="")}, 403, "access_denied"),
        ({"json": body("x", client_secret="")}, 401, "invalid_client"),
        ({"json": body("x", grant_type="password")}, 400, "unsupported_grant_type"),
        ({"json": body("x", grant_type="")}, 400, "invalid_request"),
        ({"json": body("x", organization=7)}, 400, "invalid_request"),
        ({"json": []}, 400, "invalid_request"),
        ({"json": body("x"), "headers": {"content-type": "application/json; charset=utf-8"}}, 400, "invalid_request"),
        ({"json": body("x"), "headers": {"authorization": "Basic eDp5"}}, 400, "invalid_request"),
        ({"json": body("x"), "params": {"client_id": "x"}}, 400, "invalid_request"),
        ({"content": "grant_type=a&grant_type=b", "headers": {"content-type": FORM}}, 400, "invalid_request"),
        ({"content": "grant_type=a b", "headers": {"content-type": FORM}}, 400, "invalid_request"),
        (
            {"content": '{"audience": "a", "audience": "b"}', "headers": {"content-type": "application/json"}},
            400,
            "invalid_request",
        ),
    ],
)
def test_what_breaks_the_rules_gets_an_error_and_no_token(
    endpoint: TokenEndpoint, http: httpx.Client, changes: dict[str, Any], status: int, error: str
) -> None:
    """To the letter of the RFC, or as Auth0 responds."""
    answer = http.post(endpoint.url, **changes)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert (endpoint.log[-1].status, endpoint.log[-1].error, endpoint.log[-1].serial) == (status, error, None)


def test_other_paths_and_methods_are_refused(endpoint: TokenEndpoint, http: httpx.Client) -> None:
    """404 and 405, both logged."""
    assert http.get(endpoint.url).status_code == 405
    assert http.post(endpoint.url + "/").status_code == 404
    assert [record.status for record in endpoint.log[-2:]] == [405, 404]


@pytest.mark.parametrize("spoiled", CATALOGUE, ids=lambda spoiled: spoiled.name)
def test_a_fault_spoils_as_many_answers_as_asked_for_and_then_no_more(
    endpoint: TokenEndpoint, http: httpx.Client, spoiled: Fault
) -> None:
    """Every fault in the catalogue affects only its own client, and leaves a working server."""
    endpoint.fault(spoiled, client_id=spoiled.name, count=1)
    assert http.post(endpoint.url, json=body("another")).status_code == 200
    broken = {fault.HANG, fault.RESET, fault.NO_HTTP, fault.TRUNCATED}
    with pytest.raises(httpx.TransportError) if spoiled in broken else nullcontext():
        read_some(http, endpoint.url, body(spoiled.name))
    assert endpoint.log[-1].fault == spoiled.name
    good = http.post(endpoint.url, json=body(spoiled.name))
    assert good.status_code == 200
    assert good.json()["access_token"] in endpoint.tokens(spoiled.name)
    assert endpoint.log[-1].fault == ""


def test_no_secret_and_no_token_is_in_what_can_be_printed(endpoint: TokenEndpoint, http: httpx.Client) -> None:
    """Even if a fault has put them into the response."""
    endpoint.fault(fault.ECHOES[0], client_id="canary", count=1)
    for _ in range(2):
        http.post(endpoint.url, json=body("canary"))
    printed = repr((endpoint.log, list(endpoint.issuer)))
    assert not any(value in printed for value in (SECRET, *endpoint.tokens()))


def test_faults_of_all_can_be_ended(endpoint: TokenEndpoint, http: httpx.Client) -> None:
    """As when a server is repaired."""
    endpoint.fault(fault.status(503))
    assert {http.post(endpoint.url, json=body(name)).status_code for name in ("a", "b")} == {503}
    endpoint.mend()
    assert http.post(endpoint.url, json=body("a")).status_code == 200


def test_an_endpoint_that_was_away_answers_at_the_same_place(endpoint: TokenEndpoint, http: httpx.Client) -> None:
    """Connections are refused meanwhile; clients and tokens stay the same."""
    url = endpoint.url
    before = http.post(url, json=body("patient")).json()
    with endpoint.away(), pytest.raises(httpx.ConnectError):
        http.post(url, json=body("patient"))
    assert endpoint.url == url
    assert http.post(url, json=body("patient")).json()["access_token"] == before["access_token"]


def test_lost_permissions_come_with_a_new_token(endpoint: TokenEndpoint, http: httpx.Client) -> None:
    """They stay lost."""
    before = http.post(endpoint.url, json=body("reduced")).json()
    endpoint.fault(fault.FEWER_SCOPES, client_id="reduced", count=2)
    after = [http.post(endpoint.url, json=body("reduced")).json() for _ in range(3)]
    assert before["access_token"] != after[0]["access_token"]
    assert {answer["access_token"] for answer in after} == {after[0]["access_token"]}
    assert {answer["scope"] for answer in after} == {"font:list"}


def test_tls_is_trusted_by_the_authority_and_for_the_name_in_the_certificate() -> None:
    """A certificate for another name is refused."""
    for name, trusted in (("127.0.0.1", True), ("wrong.example", False)):
        with TokenEndpoint(clients={"x": SECRET}, tls=True, certificate_name=name, date=False) as endpoint:
            context = ssl.create_default_context(cadata=endpoint.ca_pem)
            with httpx.Client(verify=context, trust_env=False) as client:
                if trusted:
                    answer = client.post(endpoint.url, json=body("x"))
                    assert answer.status_code == 200
                    assert "date" not in answer.headers
                else:
                    with pytest.raises(httpx.ConnectError):
                        client.post(endpoint.url, json=body("x"))


def test_the_api_accepts_a_token_until_its_expiry(http: httpx.Client) -> None:
    """By the issuer's own records, on the injected clock."""
    times = iter([1000.0, 1025.0, 1025.0, 1025.0])
    endpoint = TokenEndpoint(lifetime=20, clients={"x": SECRET})
    with endpoint, EnvironmentAPI(endpoint.issuer, clock=lambda: next(times)) as api:
        token = endpoint.issuer.answer(Grant("x"), 1000).token.value
        headers = [f"Bearer {token}", f"bearer {token}", "Bearer x", token]
        answers = [http.get(api.url("store"), headers={"authorization": header}) for header in headers]
        assert [answer.status_code for answer in answers] == [200, 401, 401, 401]
        assert [call.verdict for call in api.calls] == ["accepted", "expired", "unknown", "missing"]
        assert [call.expired_for for call in api.calls] == [0, 5, 0, 0]


def test_a_process_of_its_own_serves_whole_families_of_clients_and_hands_over_its_log(http: httpx.Client) -> None:
    """Any client ID with the prefix works, each with a secret derived from it."""
    with EndpointProcess(Configuration(prefix="bench-", lifetime=60, lead=10)) as endpoint:
        for client_id in ("bench-1", "bench-2", "bench-1"):
            request = body(client_id, client_secret=derived_secret(client_id))
            assert http.post(endpoint.url, json=request).status_code == 200
        assert endpoint.count() == 3
        assert [record.serial for record in endpoint.log] == [1, 2, 1]


def test_a_separate_process_takes_the_configured_time_for_each_answer(http: httpx.Client) -> None:
    """The good response comes late, and the log has the time of the request."""
    with EndpointProcess(Configuration(delay=0.05)) as endpoint:
        request = body("bench-1", client_secret=derived_secret("bench-1"))
        answers = [http.post(endpoint.url, json=request) for _ in range(2)]
        assert all(answer.is_success and answer.elapsed.total_seconds() >= 0.05 for answer in answers)
        assert [record.minted for record in endpoint.log] == [True, False]


def test_a_process_of_its_own_lets_first_tokens_expire_together_and_mints_the_next_when_asked(
    http: httpx.Client,
) -> None:
    """Whenever they were issued, spread as configured; later ones live and are cached as usual."""
    begin = time.time() + 300
    with EndpointProcess(Configuration(first_expiry=begin, spread=10, lifetime=1000, lead=10)) as endpoint:
        clients = [f"bench-{number}" for number in range(20)]
        for client_id in (*clients, *clients, clients[0]):
            request = body(client_id, client_secret=derived_secret(client_id))
            assert http.post(endpoint.url, json=request).status_code == 200
        first, second, again = (endpoint.log[start : start + 20] for start in (0, 20, 40))
    expiries = [record.expires or 0 for record in first]
    assert all(begin - 1 <= expiry <= begin + 10 for expiry in expiries)
    assert max(expiries) - min(expiries) > 5
    assert expiries != sorted(expiries)
    assert all(record.expires == pytest.approx(record.received + (record.expires_in or 0)) for record in first)
    assert {(record.minted, record.expires_in) for record in second} == {(True, 1000)}
    assert [record.minted for record in again] == [False]
