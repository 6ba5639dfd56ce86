"""Templates: builds a Secret's data from a token, and checks whether a Secret of the template's type is allowed and
valid. Pure."""

import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final, NoReturn

from integration_token.api.condition import Reason
from integration_token.api.integration import Template
from integration_token.api.token import StoredToken, Token
from integration_token.api.value import format_time
from integration_token.cluster.collection import Object
from integration_token.errors import UserActionRequired

FIXED: Final = ("token", "authorization", "expires_at")
"""The keys that every target has; a template cannot replace them."""

_MAX_DATA = 512 * 1024
"""Characters that the template may produce: a Secret holds 1 MiB, base64 included."""
_MAX_QUOTED = 64
"""Characters of a wrong placeholder that are quoted."""

_PLACEHOLDER = re.compile(r"\$\{([a-z_]+)( *)(?:\|([^{}]*)|:([^{}]*))?\}")
"""A name, and an encoding after `|` or an argument after `:`; spaces in between are a mistake. Names with capitals,
digits or a leading space are other languages', such as a shell's `${HOME}` or `${ name }`, and are left alone."""
_USER = re.compile(r"[^\x00-\x1f\x7f:]*")
"""What may precede the colon in Basic credentials (RFC 7617, section 2)."""

_BASIC = "basic"
_NAMES = ("token", "token_type", "authorization", "expires_at", "scope")
_ENCODINGS: Mapping[str, Callable[[str], str]] = {
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    # Includes the quotes, as with `toJson` of Helm and of External Secrets.
    "json": json.dumps,
}
_UNIX = "unix"
_KNOWN = (
    f"{', '.join(f'${{{name}}}' for name in _NAMES)}, each also with |base64 or |json, ${{expires_at|unix}} and"
    " ${basic:USER}"
)
"""All placeholders, for messages."""

_SAMPLE = Token("x", issued=0.0, expires=1.0, assumed=False, scope=())
"""Stands in for a token that has not been requested yet."""
_SCOPED = replace(_SAMPLE, scope=("x",))
"""The same, with scopes from the endpoint."""

_REFUSED_TYPES = frozenset({"kubernetes.io/service-account-token", "bootstrap.kubernetes.io/token"})
_REFUSED_PREFIX = "helm.sh/"
"""Kubernetes fills a Secret of the first type with a ServiceAccount's token and accepts one of the second as a new
node's credentials, and Helm trusts its own type about what is installed. Anyone who can create IntegrationTokens but
not Secrets must not get any of them."""
_REFUSED_LABEL = ("owner", "helm")
"""How Helm finds its releases, whatever the Secret's type."""
_REFUSED_NAMES = "sh.helm.release."
"""How Helm reads one revision of a release, whatever its labels."""
_REFUSED_ANNOTATIONS = "kubernetes.io/service-account."
"""Which ServiceAccount a Secret of the first type is for."""

_DOCKER_CONFIG, _DOCKER_CFG = "kubernetes.io/dockerconfigjson", "kubernetes.io/dockercfg"
_SSH_AUTH, _SSH_KEY = "kubernetes.io/ssh-auth", "ssh-privatekey"
_DEMANDED: Mapping[str, tuple[str, ...]] = {
    _DOCKER_CONFIG: (".dockerconfigjson",),
    _DOCKER_CFG: (".dockercfg",),
    _SSH_AUTH: (_SSH_KEY,),
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
}
"""The keys without which the API server refuses a Secret of the type."""
_BASIC_AUTH, _EITHER = "kubernetes.io/basic-auth", ("username", "password")
"""This type requires one of two."""


def check_template(template: Template, secret: Object | None, stored: StoredToken | None) -> None:
    """Checks before a token is requested that the template may and can make a Secret.

    :param secret: the current target; `stored` is what it contains. What an earlier version wrote there is kept, even
        if it is refused today.
    :raises UserActionRequired: if not.
    """
    check_identity(template)
    unknown = _unknown(template)
    held = (secret or {}).get("data") or {}
    written = data_of(template, stored.token) if unknown and stored is not None else {}
    for key, placeholder in unknown.items():
        if key not in written or held.get(key) != encoded(written[key]):
            _refuse(f"data[{key}] contains the unknown placeholder {_quoted(placeholder)}; use {_KNOWN}")
    # With both samples if the text matters: whether the endpoint states scopes shows only in a response.
    for sample in (_SAMPLE, _SCOPED) if template.type in {_DOCKER_CONFIG, _DOCKER_CFG} else (_SAMPLE,):
        check_type(template.type, data_of(template, sample))


def check_identity(template: Template) -> None:
    """Checks that a Secret of the template cannot act as someone's identity.

    :raises UserActionRequired: if it could.
    """
    if template.type in _REFUSED_TYPES or template.type.startswith(_REFUSED_PREFIX):
        _refuse(
            f"type {template.type} is not allowed, since Kubernetes or Helm gives such Secrets a special"
            " meaning; set another type"
        )
    name, value = _REFUSED_LABEL
    if template.labels.get(name) == value:
        _refuse(
            f"metadata.labels contains {name}: {value}, which would make the Secret look like a Helm release; remove it"
        )
    for key in template.annotations:
        if key.startswith(_REFUSED_ANNOTATIONS):
            _refuse(
                f"metadata.annotations contains {key}, which would put a ServiceAccount's token in the Secret;"
                " remove it"
            )


def check_name(name: str) -> None:
    """Checks that the name gives a Secret no special meaning.

    :raises UserActionRequired: if it does.
    """
    if name.startswith(_REFUSED_NAMES):
        raise UserActionRequired(
            Reason.INVALID_SPEC,
            f"the target Secret's name {name} begins with {_REFUSED_NAMES}, which would make it look like a Helm"
            " release; set another spec.target.name",
        )


def check_type(kind: str, data: Mapping[str, str]) -> None:
    """Checks that the API server accepts the data for a Secret of the type.

    :raises UserActionRequired: if not.
    """
    lacking = [key for key in _DEMANDED.get(kind, ()) if key not in data]
    if lacking:
        _refuse(f"data lacks {' and '.join(lacking)}, which type {kind} requires; add it")
    if kind == _BASIC_AUTH and not any(key in data for key in _EITHER):
        _refuse(f"data contains neither {' nor '.join(_EITHER)}, but type {kind} requires one of them; add it")
    if kind == _SSH_AUTH and not data[_SSH_KEY]:
        _refuse(f"data[{_SSH_KEY}] is empty, but type {kind} requires a key there; set it")
    if kind == _DOCKER_CONFIG:
        _check_json(".dockerconfigjson", data, "auths")
    if kind == _DOCKER_CFG:
        _check_json(".dockercfg", data)


def has_placeholder(template: Template) -> bool:
    """Whether any text of the template's data contains a placeholder."""
    values = _Values(_SAMPLE)
    texts = template.data.values()
    return any(values.of(found) is not None for text in texts for found in _PLACEHOLDER.finditer(text))


def data_of(template: Template, token: Token) -> dict[str, str]:
    """The data of a Secret with the token.

    :raises UserActionRequired: if it would be too large.
    """
    values, size = _Values(token), 0
    for text in template.data.values():
        size += len(text)
        for found in _PLACEHOLDER.finditer(text):
            # Counted before the text is filled in, so that no more than allowed is ever created.
            size += len(values.of(found) or "")
            if size > _MAX_DATA:
                break
        if size > _MAX_DATA:
            _refuse(f"data is larger than {_MAX_DATA // 1024} KiB with this token; shorten it")
    # A single pass: a placeholder inside a value is never replaced.
    data = {key: _PLACEHOLDER.sub(values.filled, text) for key, text in template.data.items()}
    return data | {key: values.plain[key] for key in FIXED}


def encoded(text: str) -> str:
    """A value as in a Secret's `data`."""
    return base64.b64encode(text.encode()).decode()


class _Values:
    """The values of placeholders, each computed once."""

    def __init__(self, token: Token) -> None:
        self._token = token
        self._made: dict[str, str | None] = {}
        self.plain = {
            "token": token.access_token,
            "token_type": "Bearer",
            "authorization": f"Bearer {token.access_token}",
            "expires_at": format_time(token.expires),
            "scope": " ".join(token.scope or ()),
        }

    def of(self, found: re.Match[str]) -> str | None:
        """Its value; None if it is unknown."""
        if found[0] not in self._made:
            self._made[found[0]] = self._make(*found.groups())
        return self._made[found[0]]

    def filled(self, found: re.Match[str]) -> str:
        """Its value; unchanged if it is unknown."""
        value = self.of(found)
        return found[0] if value is None else value

    def _make(self, name: str, spaces: str, encoding: str | None, argument: str | None) -> str | None:
        if spaces:
            return None
        if argument is not None:
            known = name == _BASIC and _USER.fullmatch(argument)
            return encoded(f"{argument}:{self._token.access_token}") if known else None
        text = self.plain.get(name)
        if text is None or encoding is None:
            return text
        if encoding == _UNIX and name == "expires_at":
            return str(int(self._token.expires))
        return _ENCODINGS[encoding](text) if encoding in _ENCODINGS else None


def _unknown(template: Template) -> dict[str, str]:
    """The first unknown placeholder of each text, by key."""
    values, found = _Values(_SAMPLE), {}
    for key, text in template.data.items():
        first = next((each[0] for each in _PLACEHOLDER.finditer(text) if _is_unknown(each, values)), None)
        if first is not None:
            found[key] = first
    return found


def _is_unknown(found: re.Match[str], values: _Values) -> bool:
    # With an argument, any other name belongs to another language, such as `${env:HOME}`.
    others = found[4] is not None and found[1] not in (_BASIC, *_NAMES)
    return not others and values.of(found) is None


def _check_json(key: str, data: Mapping[str, str], *members: str) -> None:
    try:
        found = json.loads(data[key], parse_constant=_no_json)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not all(isinstance(found.get(member), dict) for member in members):
        example = '{"registry.example.com": {"auth": "${basic:USER}"}}'
        for member in members:
            example = f'{{"{member}": {example}}}'
        _refuse(f"data[{key}] is not a JSON object of registries; write it as {example}")


def _no_json(constant: str) -> NoReturn:
    """Rejects NaN and Infinity, which Python accepts."""
    raise ValueError(constant)


def _quoted(placeholder: str) -> str:
    shown = placeholder if placeholder.isprintable() else ascii(placeholder)[1:-1]
    return shown if len(shown) <= _MAX_QUOTED else f"{shown[:_MAX_QUOTED]}…"


def _refuse(what: str) -> NoReturn:
    raise UserActionRequired(Reason.INVALID_SPEC, f"spec.target.template.{what}")
