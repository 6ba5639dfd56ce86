"""Makes text from outside fit to be shown: harmless characters, bounded, and nothing in it of a known secret.

A hostile or careless endpoint may echo what it was sent, whole, encoded or in pieces. So it isn't the secret that is
looked for but every run of eight characters of it, in each form in which it may come back; and whatever else looks like
a credential (a JWT, a long run without a space) goes as well.
"""

import base64
import json
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

MAX_LENGTH = 200
"""Characters of foreign text in a message: enough for a sentence, and too little for a page of HTML."""

_RUN = 8
"""A run this long of a secret is struck out; shorter ones occur by chance and give nothing away."""

_OPAQUE = re.compile(r"[A-Za-z0-9_\-.+/=%~]{25,}")
"""What no sentence holds but every token does."""

_HARMLESS = re.compile(r"[^A-Za-z0-9 .,:;!?'()\[\]/_@=+*~-]")
"""Leaves out control characters, quotes, angle brackets, `$`, `%`, `&` and backslashes: nothing that a shell, a
browser, a terminal or a template would act on, and no character by which encodings are told apart."""


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """`text` cut to 200 harmless characters, with every secret given, in any usual encoding, struck out."""
    covered = bytearray(len(text))
    for secret in secrets:
        for form in _forms(secret):
            for start, end in _occurrences(text, form):
                covered[start:end] = b"\x01" * (end - start)
    kept = "".join("\x00" if hidden else character for character, hidden in zip(text, covered, strict=True))
    kept = re.sub("\x00+", "***", kept)
    kept = _OPAQUE.sub("***", kept)
    kept = " ".join(_HARMLESS.sub(" ", kept).split())
    return kept if len(kept) <= MAX_LENGTH else kept[: MAX_LENGTH - 3] + "..."


def _forms(secret: str) -> set[str]:
    """The ways in which a secret is written: as it is, percent-encoded, form-encoded, JSON-escaped, base64, hex."""
    raw = secret.encode()
    forms = {secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1], raw.hex(), raw.hex().upper()}
    for offset in range(3):
        # Inside a longer base64 text, such as a Basic header, the secret begins at any of three offsets; the first and
        # the last group also hold bits of its neighbours and are left out.
        encoded = base64.b64encode(b"\0" * offset + raw).decode().rstrip("=")
        inner = encoded[4 if offset else 0 : len(encoded) // 4 * 4]
        forms |= {inner, inner.replace("+", "-").replace("/", "_")}
    return {form for form in forms if form}


def _occurrences(text: str, form: str) -> Iterator[tuple[int, int]]:
    """Where a run of the form stands in the text; a form shorter than a run must stand there whole."""
    length = min(_RUN, len(form))
    runs = {form[start : start + length] for start in range(len(form) - length + 1)}
    for start in range(len(text) - length + 1):
        if text[start : start + length] in runs:
            yield start, start + length
