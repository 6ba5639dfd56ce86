"""Settings come from flags and environment variables, by the same rules."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from integration_token.errors import SettingsError
from integration_token.runtime.settings import Settings, option, read_settings, variable

PROXY = "http://user:pass@proxy.example:3128"

EVERY: dict[str, tuple[Any, str, object]] = {
    "kubeconfig": ("some/config", "some/config", Path("some/config")),
    "namespaces": (["a", "b", "a"], "a, b ,a,", ("a", "b")),
    "insecure_endpoints": (True, "True", True),
    "allowed_hosts": (["Login.Example", "[::1]"], "Login.Example, [::1]", frozenset({"login.example", "::1"})),
    "private_hosts": (["10.0.0.7"], "10.0.0.7", frozenset({"10.0.0.7"})),
    "proxy_url": (PROXY, PROXY, PROXY),
    "no_proxy": (["Login.Internal.Example"], "login.internal.example", frozenset({"login.internal.example"})),
    "trusted_ca_file": ("some/ca.pem", "some/ca.pem", Path("some/ca.pem")),
    "leader_elect": (True, "true", True),
    "lease_name": ("tokens.store", "tokens.store", "tokens.store"),
    "lease_namespace": ("operators", "operators", "operators"),
    "metrics_address": ("127.0.0.1:9090", "127.0.0.1:9090", ("127.0.0.1", 9090)),
    "log_level": ("debug", "debug", "debug"),
    "log_format": ("json", "json", "json"),
    "audit_token_ids": (True, "true", True),
}
"""By field: as a flag, as a variable, and the resulting value."""

BAD = [
    ("namespaces", "Store", "'Store' is not a valid namespace name"),
    ("namespaces", "a" * 64, f"'{'a' * 64}' is not a valid namespace name"),
    ("namespaces", "-a", "'-a' is not a valid namespace name"),
    ("namespaces", "a\nb", r"'a\nb' is not a valid namespace name"),
    ("allowed_hosts", "https://login.example", "'https://login.example' is not a host name or an address, without"),
    ("allowed_hosts", "login.example:443", "'login.example:443' is not a host name or an address, without scheme and"),
    ("allowed_hosts", "*.example", "'*.example' is not a host name"),
    ("allowed_hosts", "söhne.example", "'söhne.example' is not a host name"),
    ("private_hosts", "a b", "'a b' is not a host name or an address, without scheme and port"),
    ("proxy_url", "proxy.example:3128", "not a URL such as http://proxy.example:3128"),
    ("proxy_url", "socks5://proxy.example", "not a URL such as http://proxy.example:3128"),
    ("proxy_url", "http://", "not a URL such as http://proxy.example:3128"),
    ("proxy_url", "http://proxy.example:99999", "not a URL such as http://proxy.example:3128"),
    ("proxy_url", "http://proxy.example:0", "not a URL such as http://proxy.example:3128"),
    ("proxy_url", "http://[::1:3128", "not a URL such as http://proxy.example:3128"),
    ("proxy_url", "http://user:pa55\x07word@proxy.example", "not a URL such as http://proxy.example:3128"),
    ("proxy_url", "http://user:pa55word@proxy example", "not a URL such as http://proxy.example:3128"),
    ("proxy_url", "http://user:pa55 word@proxy.example", "not a URL such as http://proxy.example:3128"),
    ("no_proxy", ".example", "'.example' is not a host name"),
    ("lease_name", "Tokens", "'Tokens' is not a valid Lease name"),
    ("lease_name", "a/b", "'a/b' is not a valid Lease name"),
    ("lease_namespace", "a.b", "'a.b' is not a valid namespace name"),
    ("metrics_address", "localhost:8080", "'localhost:8080' is not an address such as :8080 or 127.0.0.1:8080"),
    ("metrics_address", ":65536", "':65536' is not an address such as :8080 or 127.0.0.1:8080"),
    ("metrics_address", ":-1", "':-1' is not an address such as :8080 or 127.0.0.1:8080"),
    ("metrics_address", "127.0.0.1:", "'127.0.0.1:' is not an address such as :8080 or 127.0.0.1:8080"),
    ("log_level", "trace", "'trace' is not valid; set it to one of debug, info, warning, error"),
    ("log_level", "DEBUG", "'DEBUG' is not valid; set it to one of debug, info, warning, error"),
    ("log_format", "xml", "'xml' is not valid; set it to one of text, json"),
]


def values(field: str, value: Any) -> dict[str, Any]:
    """Flags with that value, plus a list of hosts if a proxy needs one."""
    flags: dict[str, Any] = {
        field: [value] if field in {"namespaces", "allowed_hosts", "private_hosts", "no_proxy"} else value
    }
    return flags | ({"allowed_hosts": ["login.example"]} if field == "proxy_url" else {})


def test_without_anything_set_an_operator_serves_all_namespaces_and_public_hosts() -> None:
    """With its pod's account, and logs for people."""
    settings = read_settings({}, {})
    assert settings == Settings()
    assert (settings.kubeconfig, settings.namespaces, settings.insecure_endpoints) == (None, (), False)
    assert settings.allowed_hosts == settings.private_hosts == frozenset()
    assert settings.metrics_address == ("", 8080)
    assert (settings.log_level, settings.log_format) == ("info", "text")


def test_every_setting_has_a_flag_and_a_variable() -> None:
    """Their names follow from each other."""
    assert {field.name for field in fields(Settings)} == set(EVERY)
    assert {option(name): variable(name) for name in EVERY} == {
        "kubeconfig": "INTEGRATION_TOKEN_KUBECONFIG",
        "namespace": "INTEGRATION_TOKEN_NAMESPACES",
        "insecure-endpoints": "INTEGRATION_TOKEN_INSECURE_ENDPOINTS",
        "allowed-host": "INTEGRATION_TOKEN_ALLOWED_HOSTS",
        "private-host": "INTEGRATION_TOKEN_PRIVATE_HOSTS",
        "proxy-url": "INTEGRATION_TOKEN_PROXY_URL",
        "no-proxy": "INTEGRATION_TOKEN_NO_PROXY",
        "trusted-ca-file": "INTEGRATION_TOKEN_TRUSTED_CA_FILE",
        "leader-elect": "INTEGRATION_TOKEN_LEADER_ELECT",
        "lease-name": "INTEGRATION_TOKEN_LEASE_NAME",
        "lease-namespace": "INTEGRATION_TOKEN_LEASE_NAMESPACE",
        "metrics-address": "INTEGRATION_TOKEN_METRICS_ADDRESS",
        "log-level": "INTEGRATION_TOKEN_LOG_LEVEL",
        "log-format": "INTEGRATION_TOKEN_LOG_FORMAT",
        "audit-token-ids": "INTEGRATION_TOKEN_AUDIT_TOKEN_IDS",
    }


@pytest.mark.parametrize("field", EVERY)
def test_a_flag_and_a_variable_set_the_same(field: str) -> None:
    """For several values, repeat the flag or separate them by commas in the variable."""
    flag, text, value = EVERY[field]
    hosts = {variable("allowed_hosts"): "login.example"} if field == "proxy_url" else {}
    assert getattr(read_settings({field: flag}, hosts), field) == value
    assert getattr(read_settings({}, {variable(field): text} | hosts), field) == value


def test_flags_go_before_variables_each_for_itself() -> None:
    """A flag that isn't given leaves the variable as it is; the two are never merged."""
    environment = {
        "INTEGRATION_TOKEN_NAMESPACES": "a,b",
        "INTEGRATION_TOKEN_LOG_LEVEL": "error",
        "INTEGRATION_TOKEN_INSECURE_ENDPOINTS": "false",
    }
    flags = {"namespaces": ["c"], "log_level": None, "insecure_endpoints": True, "allowed_hosts": []}
    settings = read_settings(flags, environment)
    assert (settings.namespaces, settings.log_level, settings.insecure_endpoints) == (("c",), "error", True)


def test_an_empty_variable_counts_as_unset() -> None:
    """A chart sets them all."""
    assert read_settings({}, {variable(field): "" for field in EVERY}) == Settings()


def test_a_bad_variable_that_a_flag_overrides_does_no_harm() -> None:
    """It isn't read."""
    assert read_settings({"log_level": "debug"}, {"INTEGRATION_TOKEN_LOG_LEVEL": "trace"}).log_level == "debug"


@pytest.mark.parametrize(("field", "value", "message"), BAD)
def test_a_bad_value_is_refused_with_where_it_came_from(field: str, value: str, message: str) -> None:
    """Flag or variable, in one line that shows no password."""
    sources: list[tuple[dict[str, Any], dict[str, str], str]] = [
        (values(field, value), {}, f"--{option(field)}: "),
        ({}, {variable(field): value}, f"{variable(field)}: "),
    ]
    for flags, environment, source in sources:
        with pytest.raises(SettingsError) as caught:
            read_settings(flags, environment)
        assert str(caught.value).startswith(source + message)
        assert "pa55" not in str(caught.value)
        assert len(str(caught.value).splitlines()) == 1


def test_a_truth_is_true_or_false() -> None:
    """In any case; anything else is ambiguous."""
    name = "INTEGRATION_TOKEN_INSECURE_ENDPOINTS"
    assert [read_settings({}, {name: text}).insecure_endpoints for text in ("TRUE", "false")] == [True, False]
    for text in ("1", "yes", "on", "nope"):
        with pytest.raises(SettingsError, match=f"{name}: '{text}' is not valid; set it to true or false"):
            read_settings({}, {name: text})


def test_a_proxy_needs_a_list_of_hosts() -> None:
    """A proxy resolves names itself, so addresses can't be checked."""
    with pytest.raises(SettingsError, match="--proxy-url requires --allowed-host: a proxy resolves names itself"):
        read_settings({"proxy_url": "http://proxy.example:3128"}, {})


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (":9090", ("", 9090)),
        ("[::1]:9090", ("::1", 9090)),
        ("[::]:0", ("::", 0)),
        ("10.0.0.7:65535", ("10.0.0.7", 65535)),
    ],
)
def test_metrics_are_served_at_an_address_and_a_port(text: str, address: tuple[str, int]) -> None:
    """Without an address, on all interfaces."""
    assert read_settings({"metrics_address": text}, {}).metrics_address == address


def test_settings_do_not_change() -> None:
    """What was read at startup holds until the end."""
    with pytest.raises(AttributeError):
        Settings().log_level = "debug"  # type: ignore[misc]  # that is the point


def test_election_outside_of_a_pod_needs_a_namespace() -> None:
    """A pod has one of its own; a user who runs the operator with a kubeconfig says where to put the Lease."""
    flags: dict[str, Any] = {"leader_elect": True, "kubeconfig": "config"}
    with pytest.raises(SettingsError, match="--leader-elect with --kubeconfig requires --lease-namespace"):
        read_settings(flags, {})
    assert read_settings({**flags, "lease_namespace": "operators"}, {}).lease_namespace == "operators"
    assert read_settings({"leader_elect": True}, {}).lease_namespace is None
