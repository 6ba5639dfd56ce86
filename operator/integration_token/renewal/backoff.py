"""How long to wait after a failure: never for ever, and never so long that a mended fault costs a good token."""

MAX_CHANGE_WAIT = 5 * 60.0
"""Seconds between probes while only a person's change helps: the change may be at the endpoint, where we see none."""
MIN_CHANGE_WAIT = 30.0

MAX_PASSING_WAIT = 10 * 60.0
"""Seconds between attempts while a good token is held and there is time."""
MAX_PASSING_WAIT_WITHOUT_TOKEN = 60.0
"""Seconds between attempts while consumers have no token."""
MIN_PASSING_WAIT = 1.0

_MAX_REWRITE_WAIT = 5 * 60.0
"""Seconds between attempts to write what the API server refuses, once it has lasted."""
_MIN_REWRITE_WAIT = 5.0

TELLING = 10.0
"""Seconds that a request waits for others in flight before its user is told: by then one of them hangs."""

_MAX_DOUBLINGS = 16
"""2^16 s is beyond every bound above: more would only overflow."""


def change_wait(left: float) -> float:
    """Seconds until the next probe of what only a change mends.

    :param left: seconds that the held token is still valid; 0 or less where none is.
    """
    if left <= 0:
        return MAX_CHANGE_WAIT
    return max(MIN_CHANGE_WAIT, min(MAX_CHANGE_WAIT, left / 2))


def passing_wait(failures: int, left: float, jitter: float) -> float:
    """Seconds until the next attempt after a fault that may pass: exponential, with equal jitter.

    :param failures: how many attempts in a row have failed, at least 1.
    :param left: seconds that the held token is still valid; 0 or less where none is.
    :param jitter: uniform in [0, 1).
    """
    bound = MAX_PASSING_WAIT_WITHOUT_TOKEN
    if left > 0:
        bound = max(MIN_PASSING_WAIT, min(MAX_PASSING_WAIT, left / 4))
    exponential = MIN_PASSING_WAIT * 2.0 ** min(failures, _MAX_DOUBLINGS)
    return max(MIN_PASSING_WAIT, min(bound, exponential) * (1 + jitter) / 2)


def rewrite_wait(failures: int, left: float, jitter: float) -> float:
    """Seconds until it is tried again to write what the API server refused: exponential, with equal jitter.

    :param failures: how many attempts in a row have failed, at least 1.
    :param left: seconds that the held token is still valid; 0 or less where none is.
    :param jitter: uniform in [0, 1).
    """
    bound = _MAX_REWRITE_WAIT
    if left > 0:
        bound = max(_MIN_REWRITE_WAIT, min(bound, left / 4))
    return min(bound, _MIN_REWRITE_WAIT * 2.0 ** min(failures - 1, _MAX_DOUBLINGS)) * (1 + jitter) / 2
