"""Cases for the probe: what users specify, and a token for it."""

import random
from typing import Any, Final

Object = dict[str, Any]

URL: Final = "https://login.example/oauth/token"
ISSUED: Final = 1_800_000_000.25
DAY: Final = 86400.0


def case(
    *, kind: str = "ClusterTokenEndpoint", endpoint: Object | None = None, token: Object | None = None, **spec: Any
) -> Object:
    """One case: a one-day token at an endpoint with defaults, unless more is specified."""
    namespaced = {"namespace": "store"} if kind == "TokenEndpoint" else {}
    return {
        "endpoint": {
            "kind": kind,
            "metadata": {"name": "grafx", "uid": "endpoint-uid", "generation": 1, "resourceVersion": "3"} | namespaced,
            "spec": {"tokenURL": URL} | (endpoint or {}),
        },
        "integration": {
            "metadata": {
                "namespace": "store",
                "name": "shop",
                "uid": "resource-uid",
                "generation": 1,
                "resourceVersion": "5",
            },
            "spec": {
                "endpointRef": {"kind": kind, "name": "grafx"},
                "credentialsSecretRef": {"name": "shop-integration"},
            }
            | spec,
        },
        "credentials": {"uid": "credentials-uid", "resourceVersion": "7"},
        "token": {"access_token": "t0k3n", "issued": ISSUED, "expires": ISSUED + DAY, "assumed": False, "scope": []}
        | (token or {}),
    }


FIXED: Final = {
    "defaults": case(),
    "defaults of a namespaced endpoint": case(kind="TokenEndpoint"),
    "every field of the endpoint": case(
        kind="TokenEndpoint",
        endpoint={
            "audience": "https://api.example",
            "requestEncoding": "Form",
            "clientAuthenticationMethod": "ClientSecretBasic",
            "parameters": {"resource": "https://api.example/v2", "a": "ä \"b\" & 'c'"},
            "caBundle": "-----BEGIN CERTIFICATE-----",
            "timeout": "20s",
            "rolloverLead": "1h",
            "defaultLifetime": "30m",
            "rateLimit": {"requestsPerMinute": 5},
        },
    ),
    "the endpoint's audience": case(
        endpoint={"audience": "https://api.example", "namespaceSelector": {"matchLabels": {"team": "a"}}}
    ),
    "an audience of its own": case(
        endpoint={"audience": "https://api.example"},
        audience="https://other.example/ü",
    ),
    "scopes": case(scopes=["write", "read"], token={"scope": ["read", "write"]}),
    "keys of the credentials": case(
        credentialsSecretRef={"name": "both", "clientIDKey": "id", "clientSecretKey": "secret"}
    ),
    "all of a target": case(
        target={
            "name": "shop-token",
            "deletionPolicy": "Retain",
            "template": {
                "metadata": {"labels": {"team": "a", "app": "shop"}, "annotations": {"note": "ü"}},
                "data": {"env": "TOKEN=${token}\nTYPE=${token_type}", "all": "${authorization} ${expires_at} ${scope}"},
            },
        },
        token={"scope": ["read"]},
    ),
    "an assumed expiry": case(token={"assumed": True, "expires": ISSUED + 3600}),
    "parts of a second": case(token={"issued": 1_800_000_000.0004, "expires": 1_800_003_599.9996}),
    "a long token": case(token={"access_token": "eyJhbGciOiJSUzI1NiJ9." + "Ab-_" * 500}),
    "how it is renewed": case(renewBefore="30m", mountRefresh="Always"),
    "how long it is used": case(consumerDelay="1m"),
}
"""Named after what is special about them."""


def drawn(seed: int, count: int) -> list[Object]:
    """Random cases of what release 0.1.0 knows; a seed always gives the same ones."""
    draw = random.Random(seed)  # noqa: S311  # no secret
    return [_drawn(draw) for _ in range(count)]


def _drawn(draw: random.Random) -> Object:
    endpoint: Object = {
        "tokenURL": f"https://{_word(draw)}.example/{_word(draw)}",
        "audience": draw.choice(["", _text(draw)]),
        "requestEncoding": draw.choice(["JSON", "Form"]),
        "clientAuthenticationMethod": draw.choice(["ClientSecretPost", "ClientSecretBasic"]),
        "parameters": {_word(draw): _text(draw) for _ in range(draw.randrange(4))},
    }
    spec: Object = {
        "audience": draw.choice(["", _text(draw)]),
        "scopes": [_word(draw) for _ in range(draw.randrange(4))],
        "credentialsSecretRef": {"name": _word(draw), **_some(draw, clientIDKey=_word, clientSecretKey=_word)},
        "target": {
            **_some(draw, name=_word),
            "deletionPolicy": draw.choice(["Delete", "Retain"]),
            "template": {
                "metadata": {field: {_word(draw): _text(draw) for _ in range(draw.randrange(3))} for field in _FIELDS},
                "data": {_word(draw): _text(draw) + draw.choice(_PLACEHOLDERS) for _ in range(draw.randrange(3))},
            },
        },
    }
    issued = 1_700_000_000 + draw.random() * 1e9
    token = {
        "access_token": "".join(draw.choices("abcXYZ019-._~+/=", k=draw.randrange(1, 400))),
        "issued": issued,
        "expires": issued + draw.choice([draw.random() * 60, draw.random() * DAY, 3600, 30 * DAY]),
        "assumed": draw.random() < 0.3,
        "scope": [_word(draw) for _ in range(draw.randrange(4))],
    }
    return case(kind=draw.choice(["TokenEndpoint", "ClusterTokenEndpoint"]), endpoint=endpoint, token=token, **spec)


_FIELDS = ("labels", "annotations")
_PLACEHOLDERS = ("", "${token}", "${expires_at}", "${scope}", "${authorization}", "${unknown}", "$${token}")


def _some(draw: random.Random, **fields: Any) -> Object:
    return {name: value(draw) for name, value in fields.items() if draw.random() < 0.5}


def _word(draw: random.Random) -> str:
    return "".join(draw.choices("abcdefgh", k=draw.randrange(1, 9)))


def _text(draw: random.Random) -> str:
    return "".join(draw.choices("ab/:?&=%\"'\\ äß€😀\u2028", k=draw.randrange(1, 30)))
