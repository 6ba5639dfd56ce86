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
from functools import cache
from typing import Final

from integration_token.controller.earlier_conditions import ROWS, Row

_FACT: Final = re.compile(r"{(\w+)}")

_LONGEST: Final = 1024
"""Characters of the longest message that is translated: those of releases are shorter, but whoever may write a status
can make one of 32 KiB, on which the patterns would take minutes."""


def in_todays_words(message: str, rows: Sequence[Row] = ROWS) -> str:
    """An earlier version's message as it is put today; unchanged if it is in today's words already.

    :param rows: applied in this order.
    """
    if len(message) > _LONGEST:
        return message
    for row in rows:
        pattern, today = _compiled(row)
        message = pattern.sub(today, message)
    return message


@cache
def _compiled(row: Row) -> tuple[re.Pattern[str], str]:
    """What finds the phrase and what replaces it: compiled at the first message that differs, which most processes
    never meet."""
    parts = _FACT.split(row.before)
    pattern = "".join(f"(?P<{part}>.*?)" if at % 2 else re.escape(part) for at, part in enumerate(parts))
    return re.compile(pattern), _FACT.sub(r"\\g<\1>", row.today)
