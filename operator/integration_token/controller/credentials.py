"""Parses the data of a credentials Secret into the values for a token request: pure."""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any, Final

from integration_token.api.condition import Reason
from integration_token.api.integration import PRIVATE_KEY, Integration
from integration_token.errors import UserActionRequired
from integration_token.oauth.part import MULTILINE

_MAX_VALUE: Final = 4096
"""Characters of a client ID, a client secret or a header: no endpoint issues longer ones."""

_MAX_JSON: Final = 64 * 1024
"""The same for a JSON object with all of them."""


def read_values(data: Mapping[str, Any], keys: Mapping[str, str], integration: Integration) -> dict[str, str]:
    """The values by their names.

    :param data: of the Secret, in base64.
    :param keys: of the Secret, by the values' names; or of the members of its JSON object, if the spec sets a key for
        one.
    :raises UserActionRequired: if one is missing or not valid.
    """
    if integration.json_key:
        return _members(data, keys, integration)
    values = {}
    for name, key in keys.items():
        where = place_of(key, integration)
        if key not in data:
            raise _invalid(f"{where} is missing; add it or set another key in spec.credentialsSecretRef")
        values[name] = _checked(name, _text(data[key], where), where)
    return values


def place_of(key: str, integration: Integration) -> str:
    """The location of that key's value, for messages."""
    if integration.json_key:
        return f"member {key} of the JSON object in key {integration.json_key} of Secret {integration.credentials}"
    return f"key {key} of Secret {integration.credentials}"


def _members(data: Mapping[str, Any], keys: Mapping[str, str], integration: Integration) -> dict[str, str]:
    """From the JSON object: messages contain nothing of it except the member names in the spec."""
    place = f"key {integration.json_key} of Secret {integration.credentials}"
    if integration.json_key not in data:
        raise _invalid(f"{place} is missing; add it or fix spec.credentialsSecretRef.jsonKey")
    text = _text(data[integration.json_key], place)
    if len(text) > _MAX_JSON:
        raise _invalid(f"{place} is longer than {_MAX_JSON} characters; remove what the token request does not need")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise _invalid(f"{place} is not a JSON object; fix it or remove spec.credentialsSecretRef.jsonKey")
    values = {}
    for name, key in keys.items():
        where = place_of(key, integration)
        if key not in document:
            raise _invalid(f"{where} is missing; add it or set another member in spec.credentialsSecretRef")
        value = document[key]
        if name == PRIVATE_KEY and isinstance(value, dict):
            value = json.dumps(value)
        if not isinstance(value, str):
            raise _invalid(f"{where} is not a string; put it in quotes")
        values[name] = _checked(name, value, where)
    return values


def _text(value: Any, where: str) -> str:
    try:
        return base64.b64decode(value).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise _invalid(f"{where} is not UTF-8 text; set it again as UTF-8") from None


def _checked(name: str, value: str, where: str) -> str:
    several = name in MULTILINE
    longest = MULTILINE.get(name, _MAX_VALUE)
    if not value:
        raise _invalid(f"{where} is empty; set it")
    if len(value) > longest:
        raise _invalid(f"{where} is longer than {longest} characters; shorten it")
    if several and not "".join(value.split()).isprintable():
        raise _invalid(f"{where} contains a control character; remove it")
    if not several and not value.isprintable():
        raise _invalid(
            f"{where} contains a line break or another control character; set it again, for example with printf %s"
        )
    return value


def _invalid(what: str) -> UserActionRequired:
    return UserActionRequired(Reason.CREDENTIALS_INVALID, what)
