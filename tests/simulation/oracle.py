"""When an expired token in a Secret is excusable, computed from the endpoint's model and the rules.

The operator's own plan plays no part. A second is unavoidable if no request could have brought a better token: the
endpoint had not rolled over, was broken, or had asked clients to stay away. All others are avoidable, and the rules
allow a few of them in a row: the step to the next poll after expiry (rule 3), and the wait after a failure (rule 7).
"""

import math
from dataclasses import dataclass

from tests.simulation.chronicle import Chronicle, Place, Written
from tests.simulation.story import MAX_PAUSE, PAUSING, Kind, Story, Trouble

PROMPT = 1.0
"""Seconds that every renewal after expiry may take."""

_LATE_STEPS = (0.5, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Rule 3: seconds from expiry to the first poll after it, and between later polls; then every `_LATE_STEP`."""
_LATE_STEP = 30.0

MAX_IN_A_MINUTE = 12
"""Rule 3: a grant's requests within 60 s."""
_SHORT = 120.0
"""Minimum lifetime in seconds at which the polls of two consecutive tokens can't fall into one minute.

With failures among them they can for any lifetime.
"""

_MEMORY = 16
"""Rule 4: the tokens that taught how late after expiry the endpoint rolls over, so that earlier polls are left out."""

_PASSING_WAIT = 60.0
"""Rule 7: seconds between attempts without a valid token."""
_SHORTEST_PASSING_WAIT = 5.0
"""Rule 7 says 1 s, but the twelve a minute of rule 3 are spread so that some are left once the endpoint works."""
_CHANGE_WAIT = 300.0
"""Rule 7: the same while only a person's change can help."""
_SHORTEST_CHANGE_WAIT = 30.0
_TIMEOUT = 10.0
"""Seconds until a request without a response has failed."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time during which the Secret held no valid token although a request could have brought one."""

    start: float
    end: float
    allowed: float
    """Seconds that the rules allow it to last."""

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Expired:
    """A time during which the Secret held an expired token, or none yet."""

    start: float
    end: float
    stretches: tuple[Stretch, ...]
    """Its avoidable parts."""

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.end - self.start

    @property
    def unavoidable(self) -> float:
        """Seconds during which no request could have brought a better token."""
        return self.seconds - sum(stretch.seconds for stretch in self.stretches)


def polls_until_expiry(window: float) -> int:
    """Rule 3: the most polls of a token up to and including expiry; `window` in seconds."""
    return 2 + max(0, math.ceil(math.log2(window / 5)))


def polls_after_expiry(late: float) -> int:
    """Rule 3: the most polls after a token's expiry, up to the first at least `late` seconds after it."""
    if late <= 0:
        return 0
    polls, at = 0, 0.0
    while at < late:
        at += step_after_expiry(at)
        polls += 1
    return polls


def step_after_expiry(since: float) -> float:
    """Rule 3: seconds between the two polls around the moment `since` seconds after expiry."""
    at = 0.0
    for step in _LATE_STEPS:
        at += step
        if since < at:
            return step
    return _LATE_STEP


def expired(story: Story, chronicle: Chronicle, place: Place) -> list[Expired]:
    """Every time during which a resource's Secret held no valid token."""
    found = []
    written = chronicle.written[place]
    first = written[0].at if written else chronicle.end
    if first > 0:
        found.append(_judged(story, chronicle, None, 0.0, 0.0, first))
    learned: list[float] = []
    for write, end in chronicle.held(place):
        start = max(write.at, write.expiry)
        if start < end:
            late = max(learned[-_MEMORY:], default=0.0)
            found.append(_judged(story, chronicle, write, late, start, end))
        learned.append(_apparent_lateness(story, chronicle, write, end))
    return found


def _apparent_lateness(story: Story, chronicle: Chronicle, held: Written, end: float) -> float:
    """How long after a token's expiry its successor seems to come.

    To a process started after the wall clock was set forward, the token expired before its time.
    """
    late = held.rollover - held.expiry
    if any(held.at <= at <= end for at in chronicle.restarted):
        late += sum(step.seconds for step in story.steps if step.seconds > 0 and held.at <= step.at <= end)
    return late


def _judged(
    story: Story, chronicle: Chronicle, held: Written | None, learned: float, start: float, end: float
) -> Expired:
    stretches = []
    for begin, until in _able(story, chronicle, held, start, end):
        most = allowed(story, held, learned, begin)
        if story.policy.lifetime < _SHORT or any(
            each.start < begin and begin - 60 < each.end for each in story.troubles
        ):
            most = max(most, _full_minute(chronicle, begin, until) + PROMPT)
            if held is not None:
                # A full minute may have delayed a poll, and from there the time since expiry doubles.
                most = max(most, min(begin - held.expiry + 1, _LATE_STEP) + PROMPT)
        stretches.append(Stretch(begin, until, most))
    return Expired(start, end, tuple(stretches))


def _able(
    story: Story, chronicle: Chronicle, held: Written | None, start: float, end: float
) -> list[tuple[float, float]]:
    """The parts of a time in which the endpoint would have returned a better token."""
    rolls_over = start if held is None else max(start, held.rollover)
    closed = [(trouble.start, trouble.end) for trouble in story.troubles]
    closed += [(pause.start, pause.end) for pause in chronicle.pauses]
    closed += [_foreign_expired(story)] if held is None else []
    parts, at = [], rolls_over
    for begin, until in sorted(closed):
        if until <= at:
            continue
        if begin >= end:
            break
        if begin > at:
            parts.append((at, begin))
        at = until
    if at < end:
        parts.append((at, end))
    return parts


def _foreign_expired(story: Story) -> tuple[float, float]:
    """From when to when the endpoint returns an expired token to a client without one; empty if never.

    That token was issued to others before the story began, and is cached beyond its expiry.
    """
    policy = story.policy
    if story.warmed is None or not policy.cached:
        return 0.0, 0.0
    expires, lead = policy.lifetime - story.warmed, policy.lead if policy.leads is None else policy.leads(1)
    return max(0.0, expires), max(0.0, expires, expires - lead)


def allowed(story: Story, held: Written | None, learned: float, start: float) -> float:
    """Seconds that the rules allow after expiry, from when a request could bring a better token to when one does.

    :param learned: how many seconds after expiry earlier tokens' successors have come, at most.
    """
    expiry = held.expiry if held is not None else 0.0
    late = start - expiry
    wait = 0.0
    if late > 0:
        # `expires_in` has whole seconds: the operator's expiry is up to one before the true one.
        wait = step_after_expiry(late + 1)
    if learned > late:
        wait = max(wait, learned + step_after_expiry(learned + 1) - late)
    expired_before = _foreign_expired(story)
    if held is None and expired_before[0] < expired_before[1] <= start:
        # A token that has expired on arrival is a transient failure.
        wait = max(wait, _PASSING_WAIT)
    if held is not None and any(held.at <= step.at <= start and step.seconds > 0 for step in story.steps):
        # To a clock that was set forward the token expired before its time.
        wait = max(wait, _LATE_STEP)
    for trouble in story.troubles:
        wait = max(wait, _aftermath(trouble, expiry, start))
    # A JWT has whole seconds, and so has the response's Date: its expiry is known to within one.
    return PROMPT + wait + 2 * story.latency + (1.0 if story.policy.jwt else 0.0)


def _full_minute(chronicle: Chronicle, start: float, end: float) -> float:
    """Seconds after `start` until a minute with the maximum number of requests has passed."""
    times = [time for time in chronicle.times() if time < end][-MAX_IN_A_MINUTE:]
    return times[0] + 60.0 - start if len(times) == MAX_IN_A_MINUTE else 0.0


def _aftermath(trouble: Trouble, expiry: float, start: float) -> float:
    """Seconds after `start` for which a fault that has ended may still delay the next request."""
    if trouble.start > start:
        return 0.0
    tail = _TIMEOUT if trouble.kind is Kind.HANG else 0.0
    if trouble.kind is Kind.REFUSED:
        longest, shortest = _CHANGE_WAIT, _SHORTEST_CHANGE_WAIT
    else:
        longest, shortest = _PASSING_WAIT, _SHORTEST_PASSING_WAIT
    if trouble.end + tail <= expiry:
        # A failure before expiry is retried after a share of the remaining time, or after the shortest wait.
        return max(0.0, min(trouble.end, expiry) + tail + shortest - start)
    pause = min(trouble.pause, MAX_PAUSE) if trouble.kind in PAUSING else 0.0
    return max(0.0, trouble.end + tail + max(longest, pause) - start)
