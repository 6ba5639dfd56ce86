"""What the operator promises in any story: each function raises AssertionError if a promise is broken."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import pairwise

from tests.simulation.chronicle import Asked, Chronicle, Place, Written, burst
from tests.simulation.oracle import MAX_IN_A_MINUTE, expired, polls_after_expiry, polls_until_expiry
from tests.simulation.story import Member, Story

SHARE, LEAST = 0.2, 240.0
"""A share of the lifetime first seen, and seconds: the larger one is the window unless the resource says otherwise."""
KUBELET = 90.0
"""Seconds within which a mounted file follows its Secret."""
MOST_IN_AN_HOUR = 20
"""Polls of a token whose expiry is assumed to be an hour away, again after each response."""
AT_ONCE = 0.001
"""Seconds by which the clock may round the time of an act: two acts at one moment happen in the story's order."""
SHORTEST_LIFETIME = 30.0
"""Minimum lifetime in seconds at which `MAX_IN_A_MINUTE` is promised, and sufficient."""


def places(story: Story) -> list[Place]:
    """The namespaces and names of the story's resources."""
    return [(member.namespace, member.name) for member in story.members]


def hold(story: Story, chronicle: Chronicle) -> None:
    """Checks every promise for every resource."""
    for member in story.members:
        place = (member.namespace, member.name)
        if not member.wrong:
            never_expired_avoidably(story, chronicle, place)
            asked_at_all(story, chronicle, place)
            polls_are_few(story, chronicle, place)
            never_outside_the_window(story, chronicle, place)
            the_window_opens_in_time(story, chronicle, place)
            consumers_never_use_an_expired_token(story, chronicle, member)
        never_worse(story, chronicle, place)
        never_grows(story, chronicle, place)
        never_crossed(chronicle, place, member)
        same_tokens_write_nothing(story, chronicle, place)
    never_a_burst(story, chronicle)
    pauses_are_kept(story, chronicle)


def never_expired_avoidably(story: Story, chronicle: Chronicle, place: Place) -> None:
    """If the expiry is known, an expired token stays no longer than the rules allow."""
    if not story.known_expiry:
        return
    for gap in expired(story, chronicle, place):
        if any(held.assumed and held.at <= gap.start < end for held, end in chronicle.held(place)):
            continue  # returned with no time left, so nothing says when it expires
        if any(_clock_lost(story, chronicle, held, gap.start) for held, end in chronicle.held(place) if end == gap.end):
            continue
        for stretch in gap.stretches:
            assert stretch.seconds <= stretch.allowed, (
                f"no valid token from {gap.start:.3f} s to {gap.end:.3f} s, though from {stretch.start:.3f} s to "
                f"{stretch.end:.3f} s a request could have brought one: {stretch.seconds:.3f} s, of which the rules "
                f"allow {stretch.allowed:.3f} s"
            )


def _clock_lost(story: Story, chronicle: Chronicle, held: Written, start: float) -> bool:
    """Whether the wall clock was set back after the token was stored, and the process that knew it has ended.

    Nobody could know then when the token expires.
    """
    back = [step.at for step in story.steps if step.seconds < 0 and held.at <= step.at]
    return bool(back) and any(back[0] - AT_ONCE <= time for time in chronicle.restarted)


def asked_at_all(story: Story, chronicle: Chronicle, place: Place) -> None:
    """Whatever is known about the expiry, requests go on.

    No gap between two is longer than the longest lifetime that the operator may believe in.
    """
    longest = story.policy.lifetime if story.known_expiry else 3600.0
    longest += sum(abs(step.seconds) for step in story.steps)
    times = [0.0, *_asked(chronicle, place), chronicle.end]
    for before, after in pairwise(times):
        assert after - before <= longest + 1000, f"no request from {before:.3f} s to {after:.3f} s"
    if not story.known_expiry and not story.troubles:
        most = burst(times, 3600.0)
        assert most <= MOST_IN_AN_HOUR, f"{most} requests in an hour for a token of unknown expiry"


def polls_are_few(story: Story, chronicle: Chronicle, place: Place) -> None:
    """Rule 3's bound on the polls of each token during which nothing went wrong."""
    for held, polls in _undisturbed(story, chronicle, place):
        window = _window(story, chronicle, held)
        late = max(0.0, held.rollover - held.expiry)
        most = polls_until_expiry(window) + polls_after_expiry(late + 1) + 1 + len(_delays(story, held) - {0.0})
        assert len(polls) <= most, f"{len(polls)} polls of the token of {held.at:.3f} s, {most} at most: {_at(polls)}"


def never_outside_the_window(story: Story, chronicle: Chronicle, place: Place) -> None:
    """No poll comes before the window, however early the endpoint is known to roll over."""
    for held, polls in _undisturbed(story, chronicle, place):
        opens = held.expiry - _window(story, chronicle, held) - 1.5
        for poll in polls:
            assert poll.at >= opens, f"a poll at {poll.at:.3f} s, before the window at {opens:.3f} s"


def the_window_opens_in_time(story: Story, chronicle: Chronicle, place: Place) -> None:
    """The first token is first polled in the window's first twentieth, by whichever process.

    Nothing is known about its lead; the window is a share of the lifetime first seen, not of the remaining time.
    """
    clean = not story.troubles and not story.steps and story.stated is None and story.known_expiry
    if not clean or len(story.members) > 1 or any(each.answered for each in story.restarts):
        return
    for (held, _), polls in zip(list(chronicle.held(place))[:1], chronicle.lifetimes(place), strict=False):
        if held.assumed:
            return
        latest = held.expiry - 0.95 * _window(story, chronicle, held) + 1
        assert polls[0].at <= latest, f"the first poll came at {polls[0].at:.3f} s, {latest:.3f} s at the latest"


def consumers_never_use_an_expired_token(story: Story, chronicle: Chronicle, member: Member) -> None:
    """Consumers never use an expired token if the endpoint allows that.

    It must always have a new token four minutes plus the consumers' delay before expiry, or when the widest window
    opens. The kubelet takes its time, and consumers keep using what they have read for that delay.
    """
    place, need = (member.namespace, member.name), KUBELET + member.delay
    if not story.known_expiry or story.policy.alternating or story.policy.frozen:
        return
    calm = {id(held) for held, _ in _undisturbed(story, chronicle, place)}
    for held, end in chronicle.held(place):
        window = _own_window(story, chronicle, held, member.delay)
        if held.expiry - held.rollover < min(LEAST + member.delay, window):
            return  # which the operator goes by from now on
        opens = member.delay + 0.95 * (window - member.delay)
        if id(held) not in calm or opens < need + 2 + story.latency:
            continue  # no window covers it, or the user's own doesn't
        assert end + need <= held.expiry + 1, (
            f"{place} got its next token at {end:.3f} s, which is in use at {end + need:.3f} s, but the one before had"
            f" expired at {held.expiry:.3f} s"
        )


def never_worse(story: Story, chronicle: Chronicle, place: Place) -> None:
    """No valid token is replaced by one that expires earlier, except as a clock that was set forward sees it."""
    tokens = list(chronicle.held(place))
    for (old, until), (new, _) in pairwise(tokens):
        forward = any(old.at <= step.at <= until and step.seconds > 0 for step in story.steps)
        if until < old.expiry and not forward:
            assert new.expiry >= old.expiry, (
                f"at {until:.3f} s a token that expires at {new.expiry:.3f} s replaced one that expires at "
                f"{old.expiry:.3f} s"
            )


def never_grows(story: Story, chronicle: Chronicle, place: Place) -> None:
    """An expiry that was once known is never extended, unless somebody sets a clock."""
    known: dict[int, Written] = {}
    for write in chronicle.written[place]:
        if write.assumed:
            continue
        before = known.setdefault(write.token.serial, write)
        if not any(before.at <= step.at <= write.at for step in story.steps):
            grown = f"at {write.at:.3f} s an expiry grew from {before.expires:.3f} to {write.expires:.3f}"
            assert write.expires <= before.expires, grown


def never_crossed(chronicle: Chronicle, place: Place, member: Member) -> None:
    """A Secret only ever holds tokens of its resource's grant."""
    for write in chronicle.written[place]:
        grant = write.token.grant
        found = (write.host, grant.client_id, grant.audience, grant.scopes)
        wanted = (member.host, member.client, member.audience, member.scopes)
        assert found == wanted, f"{place} holds a token of {found}"
        assert not member.wrong, f"{place} holds a token that its own credentials never brought"


def same_tokens_write_nothing(story: Story, chronicle: Chronicle, place: Place) -> None:
    """A poll that returns the current, still valid token leaves Secret and status alone."""
    if not story.known_expiry or story.skew or story.steps:
        return
    writes = [write.at for write in chronicle.written[place]] + [at for at, _ in chronicle.told[place]]
    writes.sort()
    for held, polls in _undisturbed(story, chronicle, place):
        for poll in polls:
            if poll.serial != held.token.serial or held.expiry - poll.at < 1.5:
                continue
            at = bisect_left(writes, poll.at)
            until = poll.at + story.latency + 0.1
            assert at == bisect_right(writes, until), f"the poll at {poll.at:.3f} s, answered the same token, wrote"


def pauses_are_kept(story: Story, chronicle: Chronicle) -> None:
    """An endpoint that asks to be left alone with a grant is left alone for that long.

    The clock that gets there first counts, so setting the wall clock forward meanwhile ends the pause.
    """
    for pause in chronicle.pauses:
        if any(step.seconds > 0 and pause.start <= step.at <= pause.end for step in story.steps):
            continue
        # In whole seconds, so up to one less.
        early = [
            each.at
            for each in chronicle.asked
            if pause.start < each.at < pause.end - 1
            and (each.process, each.host, each.grant) == (pause.process, pause.host, pause.grant)
        ]
        assert not early, f"asked at {early[0]:.3f} s, in a pause from {pause.start:.3f} s to {pause.end:.3f} s"


def never_a_burst(story: Story, chronicle: Chronicle) -> None:
    """A grant gets at most twelve requests a minute, errors included, from each process, which knows of no others."""
    if story.policy.lifetime < SHORTEST_LIFETIME:
        return
    grants: dict[object, list[float]] = {}
    for each in chronicle.asked:
        grants.setdefault((each.host, each.grant, each.rejected, each.process), []).append(each.at)
    for times in grants.values():
        most = burst(times)
        assert most <= MAX_IN_A_MINUTE, f"{most} requests of a grant in a minute"


def _asked(chronicle: Chronicle, place: Place) -> list[float]:
    written = chronicle.written[place]
    if not written:
        return chronicle.times()
    host, grant = written[0].host, written[0].token.grant
    return [each.at for each in chronicle.asked if (each.host, each.grant, each.rejected) == (host, grant, False)]


def _window(story: Story, chronicle: Chronicle, held: Written) -> float:
    """Seconds before expiry from which a token may be polled, for any resource of its grant."""
    return max(_own_window(story, chronicle, held, delay) for delay in _delays(story, held))


def _delays(story: Story, held: Written) -> set[float]:
    """The consumer delays of all resources that may have the token."""
    grant = held.token.grant
    found = (held.host, grant.client_id, grant.audience, grant.scopes)
    return {each.delay for each in story.members if (each.host, each.client, each.audience, each.scopes) == found}


def _own_window(story: Story, chronicle: Chronicle, held: Written, delay: float) -> float:
    lifetime = held.expiry - chronicle.seen[held.host, held.token.serial]
    return default_window(lifetime, delay) if story.renew_before is None else min(story.renew_before, lifetime / 2)


def default_window(lifetime: float, delay: float = 0.0) -> float:
    """Seconds before expiry from which a token may be polled, unless its resource says otherwise.

    :param delay: its consumers'.
    """
    return min(max(SHARE * lifetime, LEAST + delay), lifetime / 2)


def _undisturbed(story: Story, chronicle: Chronicle, place: Place) -> Iterator[tuple[Written, list[Asked]]]:
    """The tokens during whose lifetimes nothing went wrong, with their polls."""
    if not story.known_expiry or story.policy.frozen:
        return
    disturbed = [(each.start, each.end + 1000) for each in story.troubles]
    disturbed += [(at, at) for at in chronicle.restarted]
    disturbed += [(step.at, step.at) for step in story.steps]
    for (held, end), polls in zip(chronicle.held(place), chronicle.lifetimes(place), strict=False):
        if not held.assumed and not any(start <= end and until >= held.at for start, until in disturbed):
            yield held, polls


def _at(polls: list[Asked]) -> str:
    return ", ".join(f"{poll.at:.3f}" for poll in polls)
