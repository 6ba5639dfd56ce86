"""Resources of one grant cost one grant's requests, and no token ever crosses from one grant to another."""

import math
from collections import Counter
from functools import cache

from hypothesis import example, given

from tests.fakes.issuer import Policy
from tests.simulation import promise, strategy
from tests.simulation.oracle import polls_until_expiry
from tests.simulation.settings import examples
from tests.simulation.stage import simulate
from tests.simulation.story import Member, Story


@cache
def _alone(policy: Policy, seconds: float, delay: float) -> int:
    """What a single resource costs whose consumers keep using an old token for this long."""
    return len(simulate(Story(policy, seconds=seconds, members=(Member(delay=delay),))).asked)


@examples(80)
@given(strategy.shared())
@example(Story(Policy(lifetime=3600, lead=600), seconds=9000, members=(Member("a"), Member("b", wrong=True))))
@example(
    Story(
        Policy(lifetime=3600, lead=0),
        seconds=12600,
        members=(Member("a"), Member("b"), Member("c"), Member("d", namespace="outlet", delay=50)),
    )
)
def test_sharing(story: Story) -> None:
    """However many resources have the grant, in whatever namespaces, each holds its newest token."""
    chronicle = simulate(story)
    promise.hold(story, chronicle)
    longest = max(each.delay for each in story.members)
    alone = _alone(story.policy, story.seconds, longest)
    asked = Counter((each.host, each.grant) for each in chronicle.asked if each.serial)
    grants = {member.grant: member for member in story.members if not member.wrong}
    for (host, grant), requests in asked.items():
        sharers = [
            each
            for each in grants.values()
            if (each.host, each.client, each.audience, each.scopes)
            == (host, grant.client_id, grant.audience, grant.scopes)
        ]
        # A restart in the middle of the first renewal's polls makes the second one learn anew.
        relearned = len(story.restarts) * (
            polls_until_expiry(promise.default_window(story.policy.lifetime, longest)) + 3
        )
        # If consumers' delays differ, so do the times at which their resources poll.
        differing = math.ceil(story.seconds / story.policy.lifetime) * (len({each.delay for each in story.members}) > 1)
        most = len(sharers) * (alone + 3 + relearned + differing)
        assert requests <= most, f"{requests} requests of {len(sharers)} grants, {alone} of one alone\nin {story!r}"
    for key in grants:
        held = {
            list(chronicle.held((each.namespace, each.name)))[-1][0].token.serial
            for each in story.members
            if each.grant == key
        }
        assert len(held) == 1, f"resources of one grant hold tokens {held} at the end\nin {story!r}"
