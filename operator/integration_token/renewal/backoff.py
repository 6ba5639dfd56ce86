"""How long to wait after a failure: never indefinitely, and never so long that a fault that was fixed still costs a
valid token."""

MAX_USER_ACTION_WAIT = 5 * 60.0
"""Seconds between probes while only a person's change can help: the change may be at the endpoint, where we cannot see
it."""
MIN_USER_ACTION_WAIT = 30.0

FIRST_USER_ACTION_WAITS = (5.0, 15.0, 60.0)
"""Seconds between the first probes if there is no valid token: a new client takes a moment to be known by all replicas
of the endpoint."""

MAX_TRANSIENT_WAIT = 10 * 60.0
"""Seconds between attempts while there is a valid token and enough time."""
MAX_TRANSIENT_WAIT_WITHOUT_TOKEN = 60.0
"""Seconds between attempts while consumers have no token."""
MIN_TRANSIENT_WAIT = 1.0

_MAX_REWRITE_WAIT = 5 * 60.0
"""Seconds between attempts at a write that the API server refuses, once that has lasted."""
_MIN_REWRITE_WAIT = 5.0

TELL_AFTER = 10.0
"""Seconds that a request waits for others in flight before the status says so: by then one of them hangs."""

_MAX_DOUBLINGS = 16
"""2^16 s is beyond every bound above: more would only overflow."""


def user_action_wait(left: float, failed: int | None = None) -> float:
    """Seconds until the next probe of a failure that only a change fixes.

    :param left: seconds that the current token is still valid; 0 or less if there is none.
    :param failed: how many requests in a row have failed, for any reason, at least 1; None if none was sent.
    """
    if left <= 0:
        if failed is not None and failed <= len(FIRST_USER_ACTION_WAITS):
            return FIRST_USER_ACTION_WAITS[failed - 1]
        return MAX_USER_ACTION_WAIT
    return max(MIN_USER_ACTION_WAIT, min(MAX_USER_ACTION_WAIT, left / 2))


def transient_wait(failures: int, left: float, jitter: float) -> float:
    """Seconds until the next attempt after a failure that may be temporary: exponential, with equal jitter.

    :param failures: how many attempts in a row have failed, at least 1.
    :param left: seconds that the current token is still valid; 0 or less if there is none.
    :param jitter: uniform in [0, 1).
    """
    bound = MAX_TRANSIENT_WAIT_WITHOUT_TOKEN
    if left > 0:
        bound = max(MIN_TRANSIENT_WAIT, min(MAX_TRANSIENT_WAIT, left / 4))
    exponential = MIN_TRANSIENT_WAIT * 2.0 ** min(failures, _MAX_DOUBLINGS)
    return max(MIN_TRANSIENT_WAIT, min(bound, exponential) * (1 + jitter) / 2)


def rewrite_wait(failures: int, left: float, jitter: float) -> float:
    """Seconds until the next attempt at a write that the API server refused: exponential, with equal jitter.

    :param failures: how many attempts in a row have failed, at least 1.
    :param left: seconds that the current token is still valid; 0 or less if there is none.
    :param jitter: uniform in [0, 1).
    """
    bound = _MAX_REWRITE_WAIT
    if left > 0:
        bound = max(_MIN_REWRITE_WAIT, min(bound, left / 4))
    return min(bound, _MIN_REWRITE_WAIT * 2.0 ** min(failures - 1, _MAX_DOUBLINGS)) * (1 + jitter) / 2
