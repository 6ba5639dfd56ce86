"""Searches text for secrets: whole, encoded, as a digest that a guess could be compared with, or in pieces."""

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import quote, quote_plus

DIGESTS: Final = ("md5", "sha1", "sha256", "sha512", "blake2b", "blake2s")

PIECE: Final = 16
"""Characters of a secret, in any of its forms, that count as a leak."""


def forms(secret: str) -> set[str]:
    """The forms in which a secret may be written."""
    raw = secret.encode()
    found = {
        secret,
        quote(secret),
        quote(secret, safe=""),
        quote_plus(secret),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        repr(secret)[1:-1],
        raw.hex(),
    }
    for algorithm in DIGESTS:
        digest = hashlib.new(algorithm, raw, usedforsecurity=False).digest()
        found |= {digest.hex(), base64.b64encode(digest).decode(), base64.urlsafe_b64encode(digest).decode()}
    for offset in range(3):
        # Inside a longer text, such as a Basic header, it begins at any of three offsets.
        inner = base64.b64encode(b"\0" * offset + raw + b"\0" * 3).decode()[4 if offset else 0 : -4]
        inner = inner[: len(inner) // 4 * 4 - 4] if len(inner) > PIECE + 4 else inner
        found |= {inner, inner.replace("+", "-").replace("/", "_")}
    return found


class Canary:
    """Knows the secrets, and finds them."""

    def __init__(self, secrets: Iterable[str]) -> None:
        """`secrets` of any length; those shorter than a piece are searched for whole."""
        self._pieces: dict[str, int] = {}
        self._short: dict[str, int] = {}
        for number, secret in enumerate(sorted(secrets)):
            for form in forms(secret):
                if len(form) < PIECE:
                    self._short[form] = number
                for start in range(len(form) - PIECE + 1):
                    self._pieces[form[start : start + PIECE]] = number

    def find(self, text: str) -> int | None:
        """Where the first piece of a secret begins in the text."""
        for start in range(len(text) - PIECE + 1):
            if text[start : start + PIECE] in self._pieces:
                return start
        return min((at for short in self._short if (at := text.find(short)) >= 0), default=None)

    def leaks(self, texts: Mapping[str, str]) -> list[str]:
        """Where pieces of secrets appear, with the text before them but without the secret."""
        found = []
        for name, text in texts.items():
            at = self.find(text)
            if at is not None:
                found.append(f"{name}, after: {text[max(0, at - 200) : at]}")
        return found
