"""Makes text from outside fit to be shown: harmless characters, bounded, and nothing in it of a known secret.

A hostile or careless endpoint may echo what it was sent, whole, encoded or in pieces. So it isn't the secret that is
looked for but every run of eight characters of it, in each form in which it may come back, with escapes undone and
separators left out; and whatever else looks like a credential (a JWT, a long run without a space) goes as well.

What that costs is bounded, whoever chooses texts and secrets: where telling would take too long, more is struck out.
"""

import re
from collections.abc import Iterable

from integration_token.disclosure import Secrets
from integration_token.overlap import ABSENT, Runs
from integration_token.reading import plain, undone

MAX_LENGTH = 200
"""Characters of foreign text in a message: enough for a sentence, and too little for a page of HTML."""

_CONSIDERED = 2000
"""Characters of foreign text that are looked at: the rest would never be shown."""

_READ = 640
"""Characters of them that are looked through for secrets, not counting long gaps and what is struck out anyway."""

_EDGE = 12
"""Characters of those that are looked through with what stands beside them."""

_OPAQUE = re.compile(r"[A-Za-z0-9_\-.+/=%~]{25,}")
"""What no sentence holds but every token does."""

_HARMLESS = re.compile(r"[^A-Za-z0-9 .,:;!?'()\[\]/_@=+*~-]")
"""Leaves out control characters, quotes, angle brackets, `$`, `%`, `&` and backslashes: nothing that a shell, a
browser, a terminal or a template would act on, and no character by which encodings are told apart."""

_PASSED_OVER = re.compile(r"\x00{25,}|\s{25,}")
_WORD = re.compile(r"\x00+|[^\x00\s]+")


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """`text` cut to 200 harmless characters, with every secret given, in any usual encoding, struck out."""
    text = text[:_CONSIDERED]
    kept = _OPAQUE.sub(lambda found: "\x00" * len(found[0]), text)
    if known := Secrets(secrets):
        places = _places(kept)
        read = "".join(map(text.__getitem__, places))
        views, complete = undone([plain(read, places), plain(_HARMLESS.sub(" ", read), places)])
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


def leaking(texts: Iterable[str], secrets: Iterable[str], between: str) -> set[str]:
    """Those of many short texts in which anything would be struck out, where `between` stands between words too."""
    texts = tuple(texts)
    spaces = dict.fromkeys(map(ord, between), " ")
    found = {text for text in texts if "***" in text or _OPAQUE.search(text.translate(spaces))}
    if texts and (known := Secrets(secrets)):
        owners = [text for text in texts for _ in f"{text} "]
        read = " ".join(texts)
        views, complete = undone([plain(read), plain(_HARMLESS.sub(" ", read))])
        if not complete:
            found.update(text for text in texts if _HARMLESS.search(text))
        for start, end in known.found_in(views):
            found.update(owners[start:end])
    return found


def repeating(texts: Iterable[str], secrets: Iterable[str]) -> set[str]:
    """Those of many short texts that share a run of eight characters, as it is, with a secret."""
    texts = tuple(texts)
    owners = [text for text in texts for _ in range(len(text.encode()) + 1)]
    runs = Runs(ABSENT.join(text.encode() for text in texts))
    return {owners[start] for secret in secrets for start in runs.found_in(secret.encode(errors="replace"))}
