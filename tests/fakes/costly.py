"""Responses that a hostile token endpoint could send to keep the operator busy, and the cost of reading them."""

import base64
import gzip
import json
import random
import string
import sys
import time
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Final

from integration_token.api.endpoint import RequestEncoding
from integration_token.errors import Failure
from integration_token.oauth.authentication.client_secret_basic import basic_authorization
from integration_token.oauth.refusal import Asked
from integration_token.oauth.response import Answer, read_answer

SMALL: Final = 16 * 1024
LARGE: Final = 64 * 1024
"""Bytes of a response: as many as are read, and a quarter of that."""

SECRET: Final = "kT9vQ2xLr7WmZ4bNc8YsJ1hGfD6pAe3U"

ASKED: Final = Asked(
    "TokenEndpoint login", "https://login.example/oauth/token", RequestEncoding.JSON, "ClientSecretBasic", ""
)

_ALPHABET: Final = string.ascii_letters + string.digits + "-_"
_MARKS: Final = "".join(set(string.punctuation) - set('"\\'))
_NAMED: Final = ("client", "credentials", "invalid", "Token", "x", "unsupported", "Authentication", "reader", "v2")
_MIXED: Final = ("%25", "%5c", "%26", "amp;", "\\u0025", "\\x26", "&#37;", "41", "&#92;", "u0041", "x41;", " ", "e3")


@dataclass(frozen=True, slots=True)
class Costly:
    """A response, and the current token when it arrives."""

    body: bytes
    held: str = ""
    status: int = 200
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    """More current tokens."""

    def read(self) -> tuple[str, ...]:
        """The scopes found in it; none if it is refused."""
        basic = basic_authorization("client", SECRET)
        headers = {"content-type": self.content_type, **dict(self.headers)}
        try:
            return read_answer(
                Answer(self.status, headers, self.body[:LARGE], 1000.0),
                asked=ASKED,
                scopes=("read",),
                default_lifetime=60.0,
                secrets=tuple(filter(None, (SECRET, self.held, basic))),
                received=1000.0,
            ).scope or ()  # fmt: skip
        except Failure:
            return ()


@cache
def honest() -> bytes:
    """A response of 64 KiB from a friendly server: a token and a list of what it is valid for."""
    choose = random.Random(1)  # noqa: S311  # reproducible, not secret
    fields = {
        "access_token": _drawn(choose, 2000),
        "token_type": "Bearer",
        "expires_in": 86400,
        "scope": " ".join(f"template_collection:{number}" for number in range(20)),
    }
    environments: list[dict[str, object]] = []
    body = b""
    while len(body) < LARGE - 100:
        environments += ({"id": number, "name": "production", "permissions": ["read"]} for number in range(10))
        body = json.dumps({**fields, "environments": environments}).encode()
    return body


def seventeen() -> Costly:
    """A token of 8,000 characters and 630 scopes, each of which had to be compared with it."""
    return Costly(_granted(_drawn(random.Random(1), 8000), [f"Aabcdefgh{number:03}" for number in range(630)]))  # noqa: S311


@cache
def answers(size: int) -> dict[str, Costly]:
    """One of each kind, of about as many bytes, with a current token of that length."""
    choose = random.Random(2)  # noqa: S311  # reproducible, not secret
    scopes = size // 8
    token, held = _drawn(choose, size - scopes - 300), _drawn(choose, size)
    marks, held_marks = _drawn(choose, size - scopes - 300, _MARKS), _drawn(choose, size, _MARKS)
    pair = "ab" * (size // 2)
    named = "".join(_words(size, lambda: _name(choose)))[:size]
    found = {
        "scopes of random letters": Costly(_granted(token, _words(scopes, lambda: _drawn(choose, 24)))),
        "the same beside a token held": Costly(_granted(token, _words(scopes, lambda: _drawn(choose, 24))), held),
        "scopes of pieces of the token": Costly(_granted(token, _words(scopes, lambda: _pieces(choose, token, 4)))),
        "scopes of pieces of a token held": Costly(
            _granted(token, _words(scopes, lambda: _pieces(choose, held, 7))), held
        ),
        "scopes of lower-case letters": Costly(
            _granted(token.lower(), _words(scopes, lambda: _drawn(choose, 24, string.ascii_lowercase))), held.lower()
        ),
        "scopes of words": Costly(_granted(named[: len(token)], _words(scopes, lambda: _name(choose))), named),
        "scopes of marks": Costly(_granted(marks, _words(scopes, lambda: _drawn(choose, 24, _MARKS))), held_marks),
        "scopes of escapes": Costly(_granted(marks, _words(scopes, lambda: "%2525" * 5)), held_marks),
        "scopes of two letters": Costly(
            _granted(pair[: len(token)], _words(scopes, lambda: _drawn(choose, 20, "abAB"))), f"b{pair}"
        ),
        "scopes in base64": Costly(
            _granted(token, _words(scopes, lambda: base64.b64encode(_drawn(choose, 15).encode()).decode())), held
        ),
        "scopes in hexadecimal": Costly(
            _granted(token, _words(scopes, lambda: _drawn(choose, 11).encode().hex())), held
        ),
        "a type of many parts": Costly(
            json.dumps({"access_token": token[:99], "token_type": ["a'"] * (size // 6 - 50)}).encode(), held
        ),
        "a JWT of many numbers": Costly(_granted(_jwt(size // 4 * 3 - 300), []), held),
        "many numbers": Costly(b'{"access_token":"x","a":[' + b"1e9," * (size // 4 - 8) + b"0]}", held),
        "a redirect": Costly(b"", held, 302, headers=(("location", f"/{held[: size // 2]}/{held[: size // 4]}"),)),
        "a page of a firewall": Costly(b"\n" * (size - 1) + b"<", held, 403),
        "no JSON once unpacked": Costly(zlib.compress(b"x" * size), held, headers=(("content-encoding", "deflate"),)),
        "much more once unpacked": Costly(
            zlib.compress(b" " * 1000 * size), held, headers=(("content-encoding", "deflate"),)
        ),
        "scopes once unpacked": Costly(
            gzip.compress(_granted(token, _words(scopes, lambda: _drawn(choose, 24)))),
            held,
            headers=(("content-encoding", "gzip"),),
        ),
        "no JSON": Costly(b"x" * size, held, content_type=held),
    }
    texts = {
        "pieces of the token held": " ".join(held[place : place + 7] for place in range(0, size, 8)),
        "smaller pieces": " ".join(held[place : place + 4] for place in range(0, size, 5)),
        "the token held": held,
        "words": "sorry " * (size // 6),
        "escapes of one kind": "\\u0041" * (size // 7),
        "entities": "&#x41;" * (size // 6),
        "escapes of all kinds": "".join(choose.choice(_MIXED) for _ in range(size // 4)),
        "escapes in escapes": "%252541%5cu0041&amp;amp;" * (size // 26),
        "base64": " ".join(_words(size - 200, lambda: base64.b64encode(_drawn(choose, 15).encode()).decode())),
        "hexadecimal": " ".join(_words(size - 200, lambda: _drawn(choose, 8).encode().hex())),
        "gaps": ("a" + " " * 8) * (size // 9),
        "long runs": ("x" * 25 + "'") * (size // 26),
        "names": " ".join(_words(size - 200, lambda: _name(choose))),
        "names in one run": named,
        "letters that are not shown": "é a" * (size // 9),
    }
    for name, whole in texts.items():
        text = whole[: size - 200]
        for kind, secret in {"letters": held, "marks": held_marks, "two letters": pair, "names": named}.items():
            fields = {"error": "invalid_client", "error_description": text}
            found[f"{name}, {kind} held"] = Costly(json.dumps(fields).encode(), secret, 400)
    return found


PARTS: Final = (
    *("a", "ab", " ", ": ", "-", "\n", "é", "sorry ", "%25", "%2525", "%41", "\\u0041", "\\x5c", "&#x41;", "&amp;"),
    *("4f", "61626364", "YWJjZGVm", "a1B2c3D4", "aB3-", "::/.", "[{,}]", "~!*'", "eyJhbGciOiJub25lIn0."),
    *("x" * 24, "y" * 25, SECRET[:9], SECRET[5:12], "client_credentials", "InvalidClient/"),
)
"""What hostile texts may consist of."""


def mixed(parts: list[str], held: str, shares: tuple[int, int, int], size: int) -> Costly:
    """A response with a token, scopes and a description of these parts, in these shares of the whole."""
    lengths = [share * (size - 200) // max(1, sum(shares)) for share in shares]
    token, scope, description = (("".join(parts) * length)[:length] for length in lengths)
    fields = {"access_token": "".join(filter(_bearable, token)), "scope": scope, "error_description": description}
    body = json.dumps({**fields, "error": "invalid_client", "token_type": "Bearer"}, ensure_ascii=False).encode()
    return Costly(body, (held * size)[:size])


def drawn(length: int) -> str:
    """A token of that length."""
    return _drawn(random.Random(3), length)  # noqa: S311  # reproducible, not secret


def _bearable(character: str) -> bool:
    return "!" <= character <= "~"


def seconds(work: Callable[[], object], rounds: int = 5) -> float:
    """This thread's CPU time for doing it once, in the best of several rounds."""
    best = float("inf")
    # Coverage slows down Python code by half, but not the C code that it is compared with.
    tracing = sys.gettrace()
    sys.settrace(None)
    try:
        for _ in range(rounds):
            begin = time.thread_time()
            work()
            best = min(best, time.thread_time() - begin)
    finally:
        sys.settrace(tracing)
    return best


def ratios(costs: Iterable[Callable[[], object]], rounds: int = 3) -> list[float]:
    """How often `json.loads` could parse the honest body in the time that each takes."""
    body = honest()
    honestly = seconds(lambda: json.loads(body), 50)
    return [seconds(cost, rounds) / honestly for cost in costs]


def growth(small: Callable[[], object], large: Callable[[], object]) -> float:
    """How often the second fits into the time of the first; the least of a few measurements."""
    return min(seconds(large, 3) / seconds(small, 3) for _ in range(2))


def _granted(token: str, scopes: list[str]) -> bytes:
    return json.dumps({"access_token": token, "expires_in": 60, "scope": " ".join(scopes)}).encode()


def _jwt(size: int) -> str:
    """A token whose claims take that many bytes."""
    claims = b'{"a":[' + b"1e9," * (size // 4) + b"0]}"
    return f"a.{base64.urlsafe_b64encode(claims).decode().rstrip('=')}.c"


def _drawn(choose: random.Random, length: int, alphabet: str = _ALPHABET) -> str:
    return "".join(choose.choices(alphabet, k=length))


def _pieces(choose: random.Random, secret: str, length: int) -> str:
    places = (choose.randrange(len(secret) - length) for _ in range(24 // length))
    return "".join(secret[place : place + length] for place in places)


def _name(choose: random.Random) -> str:
    """Common words, which a secret may consist of too."""
    return "".join(choose.choice(_NAMED) + choose.choice("_-/=.") for _ in range(4))


def _words(length: int, word: Callable[[], str]) -> list[str]:
    """Words with a total length of about that, each followed by a space."""
    words: list[str] = []
    left = length
    while left > 0:
        words.append(word())
        left -= len(words[-1]) + 1
    return words
