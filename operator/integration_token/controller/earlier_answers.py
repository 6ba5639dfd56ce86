"""The words that conditions had in earlier versions, and have today: those about answers, connections and keys.

See :mod:`integration_token.controller.earlier_wording`, which says when to add a row.
"""

from typing import Final

from integration_token.controller.earlier_wording import Row

ANSWERS: Final[tuple[Row, ...]] = ()
