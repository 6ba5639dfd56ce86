"""Makes text from outside safe to show: harmless characters, bounded length, and no part of a known secret.

A hostile or careless endpoint may echo what it was sent: whole, encoded or in pieces. So the search is not for the
secret but for every run of eight of its characters, in each form in which it may come back, with escapes undone and
separators removed. Everything else that looks like a credential (a JWT, a long run without a space) is removed as well.
Common words stay: removing one would reveal that the secret contains it.

The cost is bounded, whoever chooses the texts and the secrets: if the search would take too long, nothing is shown, and
the text says so.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Sequence
from itertools import accumulate

from integration_token.telemetry.disclosure import Secrets
from integration_token.telemetry.overlap import RUN, TooMuch, shared_runs
from integration_token.telemetry.reading import Text, plain, undone
from integration_token.telemetry.vocabulary import is_public, is_wording

MAX_LENGTH = 200
"""Characters of foreign text in a message: enough for a sentence, too little for an HTML page. Of a longer text both
ends are shown: one says what failed, the other often what to do."""

UNTOLD = "(not shown: checking it for secrets takes too long)"
"""Replaces a text that was not searched to its end."""

_OMITTED = " ... "

_CONSIDERED = 1000
"""Characters of foreign text that are considered at either end: those in between would never be shown."""

_READ = 320
"""Characters of them that are searched for secrets at either end, not counting long gaps and what is removed anyway."""

_EDGE = 48
"""Context characters that are searched with those."""

_SPLIT = 24
"""A word of up to this many characters is left out rather than shown in part."""

_OPAQUE = re.compile(r"[A-Za-z0-9_\-.+/=%~]{25,}")
"""Occurs in every token but in no sentence; also in addresses and names, which are recognised by their words."""

_HARMLESS = re.compile(r"[^A-Za-z0-9 .,:;!?'()\[\]/_@=+*~-]")
"""Removes control characters, quotes, angle brackets, `$`, `%`, `&` and backslashes: nothing is left that a shell, a
browser, a terminal or a template would act on, and no character that distinguishes encodings."""

_STRUCK = re.compile(rf"{_OPAQUE.pattern}|\*\*\*")
_PASSED_OVER = re.compile(r"\x00{100,}|\s{100,}")
_WORD = re.compile(r"\x00+|[^\x00\s]+")
_COVERED = re.compile(rb"\x01+")


def redact(text: str, secrets: Iterable[str] | Secrets = ()) -> str:
    """`text` in at most 200 harmless characters, with every given secret removed, in any usual encoding. A longer one
    is cut in the middle.

    :param secrets: pass :class:`Secrets` to redact several texts: the common work is then done once.
    """
    known = secrets if isinstance(secrets, Secrets) else Secrets(secrets)
    if known.too_many:
        return "***" if text else ""
    middle = len(text) if len(text) <= 2 * _CONSIDERED else _CONSIDERED
    text = text[:middle] + text[middle:][-_CONSIDERED:]
    kept = "".join(_OPAQUE.sub(_unless_words, end) for end in (text[:middle], text[middle:]))
    first, last = _places(kept, middle)
    if known:
        try:
            kept = _without(known, text, kept, [*first, *last])
        except TooMuch:
            return UNTOLD
    if not last:
        shown = _shown(kept)
        return shown if len(shown) <= MAX_LENGTH else _cut(shown, shown)
    return _cut(_shown(kept[: first[-1] + 1]), _shown(kept[last[0] :]))


def _unless_words(found: re.Match[str]) -> str:
    return found[0] if is_wording(found[0]) else "\x00" * len(found[0])


def _places(kept: str, middle: int) -> tuple[list[int], list[int]]:
    """The characters to search, slightly more than will be shown: those of both ends, or all of them if nothing has to
    be left out in between.

    :param middle: where the second end begins; the length of the text if it is whole.
    """
    words = [(found.start(), found.end(), 3 if found[0][0] == "\x00" else len(_HARMLESS.sub("", found[0])))
             for found in _WORD.finditer(kept)]  # fmt: skip
    end = min(middle, _reach([(stop, shown) for _, stop, shown in words], len(kept)) + _EDGE)
    begin = max(0, _reach([(start, shown) for start, _, shown in reversed(words)], 0) - _EDGE)
    if middle < len(kept) or (begin > end and sum(shown + 1 for *_, shown in words) > MAX_LENGTH):
        begin = max(begin, end, middle if middle < len(kept) else 0)
        return _without_gaps(kept, 0, end)[:_READ], _without_gaps(kept, begin, len(kept))[-_READ:]
    places = _without_gaps(kept, 0, len(kept))
    return (places, []) if len(places) <= 2 * _READ else (places[:_READ], places[-_READ:])


def _reach(words: Iterable[tuple[int, int]], limit: int) -> int:
    """How far half of a message reaches into the words, given each word's far side and its shown length."""
    shown = 0
    for place, length in words:
        shown += length
        if shown > MAX_LENGTH // 2:
            return place
    return limit


def _without_gaps(kept: str, start: int, end: int) -> list[int]:
    places: list[int] = []
    for gap in _PASSED_OVER.finditer(kept, start, end):
        places += range(start, gap.start() + _EDGE)
        start = gap.end() - _EDGE
    return [*places, *range(start, end)]


def _without(known: Secrets, text: str, kept: str, places: Sequence[int]) -> str:
    """The rest of a text after removing the parts of secrets found at these places.

    :raises TooMuch: if the search would take too long.
    """
    views = _readings("".join(map(text.__getitem__, places)), places)
    # Words are kept however long their run is, but not if they spell a secret backwards.
    if runs := [run for run in _OPAQUE.finditer(kept) if run.start() in places]:
        backwards = " ".join(run[0][::-1] for run in runs).encode()
        starts = [run.start() for run in runs for _ in range(len(run[0]) + 1)]
        views.append(Text(backwards, starts, [run.end() for run in runs for _ in range(len(run[0]) + 1)]))
    covered = bytearray(len(kept))
    for start, end in known.found_in(views):
        covered[start:end] = b"\x01" * (end - start)
    for found in _COVERED.finditer(bytes(covered)):
        start, end = found.span()
        words = _whole_words(text, start, end)
        if not is_public(words) or known.is_mostly(words):
            kept = f"{kept[:start]}{chr(0) * (end - start)}{kept[end:]}"
    return kept


def _whole_words(text: str, start: int, end: int) -> str:
    while start and text[start - 1].isalnum():
        start -= 1
    while end < len(text) and text[end].isalnum():
        end += 1
    return text[start:end]


def _shown(kept: str) -> str:
    return " ".join(_HARMLESS.sub(" ", re.sub("\x00+", "***", kept)).split())


def _cut(first: str, last: str) -> str:
    """Both ends of a text, cut to what is shown."""
    room = MAX_LENGTH - len(_OMITTED)
    if len(first) + len(last) > room:
        size = max(room // 2, room - len(last))
        head, tail = first[:size], last[max(size - room, -len(last)) :]
        if not first.startswith(" ", size) and (space := head.rfind(" ")) >= size - _SPLIT:
            head = head[:space]
        if not last.endswith(" ", 0, len(last) - len(tail)) and 0 <= (space := tail.find(" ")) <= _SPLIT:
            tail = tail[space:]
        first, last = head.rstrip(), tail.lstrip()
    return f"{first}{_OMITTED}{last}".strip()


def _readings(text: str, places: Sequence[int]) -> list[Text]:
    """All readings of a text as it is and as it would be shown.

    :raises TooMuch: if there are too many.
    """
    views, complete = undone([plain(each, places) for each in dict.fromkeys((text, _HARMLESS.sub(" ", text)))])
    if not complete:
        raise TooMuch
    return views


class _Texts:
    """Many short texts, searched together."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = list(texts)
        self.joined = " ".join(self._texts)
        self._begins = list(accumulate((len(text) + 1 for text in self._texts), initial=0))

    def at(self, start: int, end: int) -> list[str]:
        """The texts that overlap this stretch of the joined text."""
        return self._texts[bisect_right(self._begins, start) - 1 : bisect_left(self._begins, end)]


def leaking(texts: Iterable[str], secrets: Collection[str], between: str) -> set[str]:
    """The short ASCII texts in which anything would be removed, if `between` separates words."""
    many = _Texts(texts)
    read = many.joined
    words = read.translate(dict.fromkeys(map(ord, between), " "))
    spans = [found.span() for found in _STRUCK.finditer(words) if not is_wording(found[0])]
    if read and (known := Secrets(secrets)):
        try:
            spans += known.found_in(_readings(read, range(len(read))))
        except TooMuch:
            spans.append((0, len(read)))
    return _telling({text for span in spans for text in many.at(*span)}, secrets)


def is_of_secret(text: str, secrets: Collection[str]) -> bool:
    """Whether a short ASCII text contains any part of a secret, in whatever encoding."""
    known = Secrets(secrets)
    try:
        return bool(known) and any(known.found_in(_readings(text, range(len(text)))))
    except TooMuch:
        return True


def repeating(texts: Iterable[str], secrets: Collection[str]) -> set[str]:
    """The short ASCII texts that share an unencoded run of eight characters with a secret."""
    many = _Texts(texts)
    read = many.joined.encode()
    try:
        starts = shared_runs(read, [secret.encode(errors="replace") for secret in secrets])
    except TooMuch:
        return _telling(set(many.at(0, len(read))), secrets)
    return _telling({text for start in starts for text in many.at(start, start + RUN)}, secrets)


def _telling(texts: set[str], secrets: Collection[str]) -> set[str]:
    """The texts that are more than a few common words."""
    public = {text for text in texts if is_public(text)}
    known = Secrets(secrets) if public else Secrets(())
    return texts - {text for text in public if not known.is_mostly(text)}
