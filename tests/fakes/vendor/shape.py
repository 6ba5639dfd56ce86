"""What the vendors' modules have in common: parsing a request, and verifying an assertion."""

import json
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import parse_qsl

import jwt


class Refused(Exception):
    """The request differs from the page; the message says how."""


def fields_of(headers: Mapping[str, str], body: bytes, content_type: str) -> dict[str, str]:
    """The fields of a body, each of them once and none empty.

    :param content_type: the only one accepted.
    :raises Refused: if the type or the fields are wrong.
    """
    if headers.get("Content-Type") != content_type:
        raise Refused(f"the content type is not {content_type}")
    pairs: list[tuple[str, Any]] = (
        json.loads(body, object_pairs_hook=list)
        if content_type == "application/json"
        else parse_qsl(body.decode("ascii"), strict_parsing=True)
    )
    fields = dict(pairs)
    if len(fields) != len(pairs) or not all(isinstance(value, str) and value for value in fields.values()):
        raise Refused("a field is given twice, is empty, or is no text")
    return fields


def check_names(what: str, found: Mapping[str, Any], required: set[str], optional: Collection[str] = ()) -> None:
    """Checks that these are the names on the page.

    :raises Refused: if one is missing or unknown.
    """
    missing, others = required - set(found), set(found) - required - {*optional}
    if missing or others:
        raise Refused(f"{what}: missing {sorted(missing)}, not on the page {sorted(others)}")


def verified(assertion: str, key: Any, algorithm: str, audience: str, now: float) -> dict[str, Any]:
    """The claims of an assertion for that one audience, signed by that key and currently valid.

    :raises Refused: if it isn't.
    """
    checks = {"verify_exp": False, "verify_iat": False, "verify_aud": False}
    try:
        claims = dict(jwt.decode(assertion, key, algorithms=[algorithm], options=checks))  # type: ignore[arg-type]
    except jwt.PyJWTError as error:
        raise Refused(f"the assertion is {error}") from None
    if claims.get("aud") != audience:
        raise Refused("the audience is not this server, as one text")
    if not claims.get("iat", 0) <= now < claims.get("exp", 0):
        raise Refused("the assertion is not valid now")
    return claims
