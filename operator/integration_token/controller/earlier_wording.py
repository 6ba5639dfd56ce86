"""How releases put what condition messages say differently today. Pure.

After an upgrade the status of each failing resource still has its message in the earlier words. Both messages say the
same, so nothing is written. They are compared by their facts: the earlier phrases are replaced by today's, and
everything else, such as names, numbers and what a server answered, must be equal.

When you change the words of a condition's message that a release has, add a row to
:mod:`integration_token.controller.earlier_conditions` with the words before and after, and a message to
`tests/unit/earlier_messages.json`. Words that were never released need none. Neither do events, log lines and reasons
with FIXED_MESSAGE: their messages are not compared. Add no row if the message says more or less than before: such a
status is to be written.
"""

import re
from collections.abc import Sequence
from functools import cached_property
from typing import Final, NamedTuple

_FACT: Final = re.compile(r"{(\w+)}")

_LONGEST: Final = 1024
"""Characters of the longest message that is translated: those of releases are shorter, but whoever may write a status
can make one of 32 KiB, on which the patterns would take minutes."""


class Row(NamedTuple):
    """A phrase as it was and as it is. `{name}` is a fact, and is kept."""

    before: str
    today: str


class _Phrase(NamedTuple):
    literal: str
    """Its longest part without a fact: shows quickly that a message does not have the phrase."""
    pattern: re.Pattern[str]
    today: str


class EarlierWording:
    """The phrases of earlier versions, compiled when the first message differs: most processes meet none."""

    def __init__(self, rows: Sequence[Row]) -> None:
        """`rows` are applied in this order."""
        self._rows = rows

    def in_todays_words(self, message: str) -> str:
        """An earlier version's message as it is put today; unchanged if it is in today's words already."""
        if len(message) > _LONGEST:
            return message
        for phrase in self._phrases:
            if phrase.literal in message:
                message = phrase.pattern.sub(phrase.today, message)
        return message

    @cached_property
    def _phrases(self) -> Sequence[_Phrase]:
        return [_phrase(row) for row in self._rows]


def _phrase(row: Row) -> _Phrase:
    parts = _FACT.split(row.before)
    pattern = "".join(f"(?P<{part}>.*?)" if at % 2 else re.escape(part) for at, part in enumerate(parts))
    return _Phrase(max(parts[::2], key=len), re.compile(pattern), _FACT.sub(r"\\g<\1>", row.today))
