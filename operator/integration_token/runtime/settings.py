"""The settings of an installation: frozen, read from flags and environment variables by the same rules."""

import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from urllib.parse import urlsplit

from integration_token.api.names import MANAGER
from integration_token.errors import SettingsError

LOG_LEVELS = ("debug", "info", "warning", "error")
LOG_FORMATS = ("text", "json")

_NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_LEASE = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]{0,252}[a-z0-9_])?\.?|[0-9a-f:.]+")
_PRINTABLE = re.compile(r"[\x21-\x7e]+")

Value = str | bool | Sequence[str] | None


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of `integration-token-operator run`."""

    kubeconfig: Path | None = None
    """None for the pod's ServiceAccount, which is how the chart runs it."""
    namespaces: tuple[str, ...] = ()
    """Namespaces to serve; empty for all, which requires a ClusterRole."""
    insecure_endpoints: bool = False
    """Allows http and loopback token URLs: never use it with real credentials."""
    allowed_hosts: frozenset[str] = frozenset()
    """The only hosts that credentials are sent to; empty for every public one."""
    private_hosts: frozenset[str] = frozenset()
    """Hosts with private addresses that a TokenEndpoint may use. Empty by default: otherwise anyone who can create a
    TokenEndpoint could reach into the network."""
    proxy_url: str | None = None
    """The proxy for token requests. It resolves names itself, so addresses cannot be checked and hosts must be
    listed."""
    no_proxy: frozenset[str] = frozenset()
    """Hosts that are reached directly despite a proxy, with addresses checked as without one."""
    trusted_ca_file: Path | None = None
    """PEM file of authorities that endpoints without a CA of their own and the proxy trust besides the system's; None
    for the system's only."""
    leader_elect: bool = False
    """Stay on standby while another process with the same Lease works. Off for a single replica, which then needs no
    Lease and no permission for one."""
    lease_name: str = MANAGER
    """Name of the Lease. Installations that split the work by namespaces need different names if they run in the same
    namespace."""
    lease_namespace: str | None = None
    """Namespace of the Lease; None for the pod's."""
    metrics_address: tuple[str, int] = ("", 8080)
    """Where /healthz, /readyz and /metrics are served; without a host on all of the pod's addresses, IPv4 and IPv6,
    since probes come from the node."""
    log_level: str = "info"
    """info logs a line for each token written and for each failure; debug adds one for each request."""
    log_format: str = "text"
    """json is for log collectors."""
    audit_token_ids: bool = False
    """Include the `jti` of tokens that are JWTs in the audit log: at some servers it is the key to an opaque token."""


def read_settings(flags: Mapping[str, Value], environment: Mapping[str, str]) -> Settings:
    """The settings from flags (by field name, None if not given) and environment variables; flags take precedence.

    :raises SettingsError: if a value is not valid.
    """
    values: dict[str, object] = {}
    for field in fields(Settings):
        flag = flags.get(field.name)
        name, text = variable(field.name), environment.get(variable(field.name), "")
        if flag is not None and flag != []:
            values[field.name] = _read(field.name, f"--{option(field.name)}", flag)
        elif text:
            values[field.name] = _read(field.name, name, text)
    settings = Settings(**values)  # type: ignore[arg-type]  # _read returns the right types
    if settings.proxy_url and not settings.allowed_hosts:
        raise SettingsError(
            "--proxy-url requires --allowed-host: a proxy resolves names itself, so only a list of hosts limits where"
            " credentials go"
        )
    if settings.leader_elect and settings.kubeconfig is not None and settings.lease_namespace is None:
        raise SettingsError(
            "--leader-elect with --kubeconfig requires --lease-namespace: only a pod has a namespace of its own"
        )
    return settings


def option(field: str) -> str:
    """The flag of a field, without its dashes."""
    return {"namespaces": "namespace", "allowed_hosts": "allowed-host", "private_hosts": "private-host"}.get(
        field, field.replace("_", "-")
    )


def variable(field: str) -> str:
    """The environment variable of a field."""
    return "INTEGRATION_TOKEN_" + field.upper()


def _read(field: str, source: str, value: Value) -> object:
    """A field's value from a flag or a variable; in a variable, lists are comma-separated."""
    items = [item.strip() for item in value.split(",") if item.strip()] if isinstance(value, str) else value
    text = value if isinstance(value, str) else ""
    match field:
        case "kubeconfig" | "trusted_ca_file":
            return Path(text)
        case "insecure_endpoints" | "leader_elect" | "audit_token_ids":
            return value if isinstance(value, bool) else _boolean(source, text)
        case "namespaces":
            assert isinstance(items, Sequence)  # noqa: S101  # by the parser's declaration
            return tuple(dict.fromkeys(_matching(source, item, _NAMESPACE, "a valid namespace name") for item in items))
        case "allowed_hosts" | "private_hosts" | "no_proxy":
            assert isinstance(items, Sequence)  # noqa: S101  # by the parser's declaration
            return frozenset(_host(source, item) for item in items)
        case "lease_name":
            return _matching(source, text, _LEASE, "a valid Lease name")
        case "lease_namespace":
            return _matching(source, text, _NAMESPACE, "a valid namespace name")
        case "proxy_url":
            return _proxy(source, text)
        case "metrics_address":
            return _address(source, text)
        case "log_level":
            return _choice(source, text, LOG_LEVELS)
        case _:
            return _choice(source, text, LOG_FORMATS)


def _boolean(source: str, text: str) -> bool:
    if text.lower() not in {"true", "false"}:
        raise SettingsError(f"{source}: {text!r} is not valid; set it to true or false")
    return text.lower() == "true"


def _choice(source: str, text: str, choices: Sequence[str]) -> str:
    if text not in choices:
        raise SettingsError(f"{source}: {text!r} is not valid; set it to one of {', '.join(choices)}")
    return text


def _matching(source: str, text: str, pattern: re.Pattern[str], what: str) -> str:
    if not pattern.fullmatch(text):
        raise SettingsError(f"{source}: {text!r} is not {what}")
    return text


def _host(source: str, text: str) -> str:
    return _matching(source, text.lower().strip("[]"), _HOST, "a host name or an address, without scheme and port")


def _proxy(source: str, text: str) -> str:
    try:
        parts = urlsplit(text)
        usable = parts.scheme in {"http", "https"} and bool(_HOST.fullmatch(parts.hostname or "")) and parts.port != 0
        usable = usable and bool(_PRINTABLE.fullmatch(text))
    except ValueError:
        usable = False
    if not usable:
        # Not shown: a proxy's URL may contain a password.
        raise SettingsError(f"{source}: not a URL such as http://proxy.example:3128")
    return text


def _address(source: str, text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    host = host.strip("[]")
    try:
        if host:
            ipaddress.ip_address(host)
        number = int(port)
    except ValueError:
        number = -1
    if not 0 <= number <= 65535:
        raise SettingsError(f"{source}: {text!r} is not an address such as :8080 or 127.0.0.1:8080")
    return host, number
