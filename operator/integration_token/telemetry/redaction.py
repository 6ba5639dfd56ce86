"""Makes text from outside fit to be shown: harmless characters, bounded, and nothing in it of a known secret.

A hostile or careless endpoint may echo what it was sent, whole, encoded or in pieces. So it isn't the secret that is
looked for but every run of eight characters of it, in each form in which it may come back, with escapes undone and
separators left out; and whatever else looks like a credential (a JWT, a long run without a space) goes as well.

What that costs is bounded, whoever chooses texts and secrets: where telling would take too long, more is struck out.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate

from integration_token.telemetry.disclosure import Secrets
from integration_token.telemetry.overlap import RUN, TooMuch, shared_runs
from integration_token.telemetry.reading import Text, plain, undone

MAX_LENGTH = 200
"""Characters of foreign text in a message: enough for a sentence, and too little for a page of HTML."""

_CONSIDERED = 2000
"""Characters of foreign text that are looked at: the rest would never be shown."""

_READ = 640
"""Characters of them that are looked through for secrets, not counting long gaps and what is struck out anyway."""

_EDGE = 48
"""Characters of those that are looked through with what stands beside them."""

_OPAQUE = re.compile(r"[A-Za-z0-9_\-.+/=%~]{25,}")
"""What no sentence holds but every token does."""

_HARMLESS = re.compile(r"[^A-Za-z0-9 .,:;!?'()\[\]/_@=+*~-]")
"""Leaves out control characters, quotes, angle brackets, `$`, `%`, `&` and backslashes: nothing that a shell, a
browser, a terminal or a template would act on, and no character by which encodings are told apart."""

_STRUCK = re.compile(rf"{_OPAQUE.pattern}|\*\*\*")
_PASSED_OVER = re.compile(r"\x00{100,}|\s{100,}")
_WORD = re.compile(r"\x00+|[^\x00\s]+")


def redact(text: str, secrets: Iterable[str] | Secrets = ()) -> str:
    """`text` cut to 200 harmless characters, with every secret given, in any usual encoding, struck out.

    :param secrets: for several texts, better as :class:`Secrets`: what they have in common is done once.
    """
    text = text[:_CONSIDERED]
    kept = _OPAQUE.sub(lambda found: "\x00" * len(found[0]), text)
    known = secrets if isinstance(secrets, Secrets) else Secrets(secrets)
    if known:
        places = _places(kept)
        read = "".join(map(text.__getitem__, places))
        views, complete = _readings(read, places)
        if not complete:
            return "***"
        covered = bytearray(len(kept))
        for start, end in known.found_in(views):
            covered[start:end] = b"\x01" * (end - start)
        last = places[-1] + 1 if places else 0
        kept = "".join(
            "\x00" if hidden else character for character, hidden in zip(kept[:last], covered[:last], strict=True)
        )
    kept = re.sub("\x00+", "***", kept)
    kept = " ".join(_HARMLESS.sub(" ", kept).split())
    return kept if len(kept) <= MAX_LENGTH else kept[: MAX_LENGTH - 3] + "..."


def _readings(text: str, places: Sequence[int]) -> tuple[list[Text], bool]:
    """All readings of a text as it is and as it would be shown."""
    return undone([plain(each, places) for each in dict.fromkeys((text, _HARMLESS.sub(" ", text)))])


def _places(kept: str) -> list[int]:
    """The characters that are looked through: a little more than will be shown."""
    shown, end = 0, len(kept)
    for word in _WORD.finditer(kept):
        shown += 3 if word[0][0] == "\x00" else len(_HARMLESS.sub("", word[0]))
        if shown > MAX_LENGTH:
            end = word.end() + _EDGE
            break
    places: list[int] = []
    last = 0
    for gap in _PASSED_OVER.finditer(kept, 0, end):
        places += range(last, gap.start() + _EDGE)
        last = gap.end() - _EDGE
    places += range(last, min(end, len(kept)))
    return places[:_READ]


class _Texts:
    """Many short texts, to be looked through at once."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = list(texts)
        self.joined = " ".join(self._texts)
        self._begins = list(accumulate((len(text) + 1 for text in self._texts), initial=0))

    def at(self, start: int, end: int) -> list[str]:
        """Those that have a part in this stretch of all of them."""
        return self._texts[bisect_right(self._begins, start) - 1 : bisect_left(self._begins, end)]


def leaking(texts: Iterable[str], secrets: Iterable[str], between: str) -> set[str]:
    """Those of many short ASCII texts in which anything would be struck out, where `between` stands between words."""
    many = _Texts(texts)
    read = many.joined
    words = read.translate(dict.fromkeys(map(ord, between), " "))
    spans = [found.span() for found in _STRUCK.finditer(words)]
    if read and (known := Secrets(secrets)):
        views, complete = _readings(read, range(len(read)))
        if not complete:
            spans += (found.span() for found in _HARMLESS.finditer(read))
        spans += known.found_in(views)
    return {text for span in spans for text in many.at(*span)}


def repeating(texts: Iterable[str], secrets: Iterable[str]) -> set[str]:
    """Those of many short ASCII texts that share a run of eight characters, as it is, with a secret."""
    many = _Texts(texts)
    read = many.joined.encode()
    try:
        starts = {start for secret in secrets for start in shared_runs(read, [secret.encode(errors="replace")])}
    except TooMuch:
        return set(many.at(0, len(read)))
    return {text for start in starts for text in many.at(start, start + RUN)}
