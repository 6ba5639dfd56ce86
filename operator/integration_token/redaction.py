"""Makes text from outside fit to be shown: harmless characters, bounded, and nothing in it of a known secret.

A hostile or careless endpoint may echo what it was sent, whole, encoded or in pieces. So it isn't the secret that is
looked for but every run of eight characters of it, in each form in which it may come back, with escapes undone and
separators left out; and whatever else looks like a credential (a JWT, a long run without a space) goes as well.
"""

import base64
import html
import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple
from urllib.parse import quote, quote_plus

MAX_LENGTH = 200
"""Characters of foreign text in a message: enough for a sentence, and too little for a page of HTML."""

_CONSIDERED = 2000
"""Characters of foreign text that are looked at: the rest would never be shown."""

_RUN = 8
"""A run this long of a secret is struck out; shorter ones occur by chance and give nothing away."""

_NESTING = 3
"""How many layers of escapes are undone: more than careless software puts on top of each other."""

_MAX_SECRET = 8192
"""Characters of a secret that can be looked for at a bearable price; beside a longer one, no foreign text is shown."""

_OPAQUE = re.compile(r"[A-Za-z0-9_\-.+/=%~]{25,}")
"""What no sentence holds but every token does."""

_HARMLESS = re.compile(r"[^A-Za-z0-9 .,:;!?'()\[\]/_@=+*~-]")
"""Leaves out control characters, quotes, angle brackets, `$`, `%`, `&` and backslashes: nothing that a shell, a
browser, a terminal or a template would act on, and no character by which encodings are told apart."""

_SEPARATORS = re.compile(rb"[\x00-\x2f\x3a-\x60\x7b-\x7f]+")
"""All of ASCII but lower-case letters and digits: what may stand between the parts of a secret, or for a part of it."""


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """`text` cut to 200 harmless characters, with every secret given, in any usual encoding, struck out."""
    secrets = tuple(secrets)
    if any(len(secret) > _MAX_SECRET for secret in secrets):
        return "***"
    text = text[:_CONSIDERED]
    forms = {form.lower() for secret in secrets for form in _forms(secret)}
    exact = _runs(forms)
    joined = _runs({squeezed for form in forms if len(squeezed := _SEPARATORS.sub(b"", form)) >= _RUN})
    covered = bytearray(len(text))
    for found in _OPAQUE.finditer(text):
        covered[found.start() : found.end()] = b"\x01" * len(found[0])
    for view in _views(text) if forms else ():
        for start, end in (*_occurrences(view, exact), *_occurrences(view.squeezed(), joined)):
            covered[start:end] = b"\x01" * (end - start)
    kept = "".join("\x00" if hidden else character for character, hidden in zip(text, covered, strict=True))
    kept = re.sub("\x00+", "***", kept)
    kept = " ".join(_HARMLESS.sub(" ", kept).split())
    return kept if len(kept) <= MAX_LENGTH else kept[: MAX_LENGTH - 3] + "..."


def _forms(secret: str) -> set[bytes]:
    """The ways in which a secret is written that don't come off with the escapes: as it is, form-encoded, base64,
    hex."""
    raw = secret.encode()
    forms = {raw, raw.replace(b" ", b"+")}
    for written in {raw, quote(secret, safe="").encode(), quote_plus(secret).encode()}:
        forms.add(written.hex().encode())
        for offset in range(3):
            # Inside a longer base64 text, such as a Basic header, the secret begins at any of three offsets; the first
            # and the last group also hold bits of its neighbours and are left out.
            encoded = base64.b64encode(b"\0" * offset + written).rstrip(b"=")
            inner = encoded[4 if offset else 0 : len(encoded) // 4 * 4]
            forms |= {inner, inner.replace(b"+", b"-").replace(b"/", b"_")}
    return {form for form in forms if form}


def _runs(forms: Iterable[bytes]) -> dict[int, set[bytes]]:
    """All runs of the forms by their length; a form shorter than a run counts as a whole."""
    runs: dict[int, set[bytes]] = {}
    for form in forms:
        length = min(_RUN, len(form))
        runs.setdefault(length, set()).update(form[start : start + length] for start in range(len(form) - length + 1))
    return runs


class _View(NamedTuple):
    """A reading of the text, in lower-case UTF-8 where it is compared."""

    data: bytes
    spans: list[tuple[int, int]]
    """Where in the text each byte comes from."""

    def squeezed(self) -> "_View":
        """Without anything but letters and digits: hyphens, spaces or line breaks put into a secret don't hide it."""
        data = self.data.lower()
        kept = [index for index, byte in enumerate(data) if not _SEPARATORS.match(bytes([byte]))]
        return _View(bytes(data[index] for index in kept), [self.spans[index] for index in kept])


def _views(text: str) -> Iterator[_View]:
    """The text as it is, as it would be shown, and both with their escapes undone, one layer after the other."""
    views = [_plain(text), _plain(_HARMLESS.sub(" ", text))]
    seen: set[bytes] = set()
    for _ in range(_NESTING + 1):
        fresh = []
        for view in views:
            if view.data not in seen:
                seen.add(view.data)
                fresh.append(view)
                yield view
        views = [_undone(view, pattern, decode) for view in fresh for pattern, decode in _ESCAPES]


def _plain(text: str) -> _View:
    data, spans = bytearray(), []
    for index, character in enumerate(text):
        encoded = character.encode(errors="replace")
        data += encoded
        spans += [(index, index + 1)] * len(encoded)
    return _View(bytes(data), spans)


def _undone(view: _View, pattern: re.Pattern[bytes], decode: Callable[[re.Match[bytes]], bytes]) -> _View:
    data, spans, last = bytearray(), [], 0
    for found in pattern.finditer(view.data):
        decoded = decode(found)
        data += view.data[last : found.start()] + decoded
        spans += view.spans[last : found.start()]
        spans += [(view.spans[found.start()][0], view.spans[found.end() - 1][1])] * len(decoded)
        last = found.end()
    return _View(bytes(data + view.data[last:]), spans + view.spans[last:])


def _unbackslashed(found: re.Match[bytes]) -> bytes:
    if found[1] is not None:
        return bytes.fromhex(found[1].decode())
    if found[2] is not None:
        return bytes(found[2])
    return str(json.loads(f'"{found[0].decode()}"')).encode(errors="replace")


_ESCAPES: tuple[tuple[re.Pattern[bytes], Callable[[re.Match[bytes]], bytes]], ...] = (
    (re.compile(rb"%([0-9A-Fa-f]{2})"), lambda found: bytes.fromhex(found[1].decode())),
    (re.compile(rb"\\x([0-9A-Fa-f]{2})|\\([\"'\\/])|(?:\\u[0-9A-Fa-f]{4})+|\\[bfnrt]"), _unbackslashed),
    (
        re.compile(rb"&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z]{2,8});"),
        lambda found: html.unescape(found[0].decode()).encode(errors="replace"),
    ),
)
"""Percent-encoding, the backslashes of JSON and programming languages, the entities of HTML."""


def _occurrences(view: _View, runs: dict[int, set[bytes]]) -> Iterator[tuple[int, int]]:
    """Where in the text a run stands."""
    data = view.data.lower()
    for length, wanted in runs.items():
        for start in range(len(data) - length + 1):
            if data[start : start + length] in wanted:
                yield view.spans[start][0], view.spans[start + length - 1][1]
