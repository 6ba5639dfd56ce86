"""Thousands of grants at one endpoint with the default rate limit."""

from collections import Counter

from tests.simulation.chronicle import burst
from tests.simulation.stage import simulate
from tests.simulation.story import Member, Story

PER_MINUTE = 60
SMALL = 100
"""Namespaces with ten resources each; one namespace has all the others."""
GRANTS = 3000


def test_thousands_of_first_tokens_come_as_fast_as_the_budget_allows() -> None:
    """The limit is kept, each token comes in the minute that arithmetic gives, and no namespace delays others."""
    small = [Member(f"shop-{n}", f"team-{n % SMALL}", client=f"client-{n}") for n in range(10 * SMALL)]
    large = [Member(f"shop-{n}", "crowd", client=f"client-{n}") for n in range(10 * SMALL, GRANTS)]
    chronicle = simulate(Story(members=(*large, *small), per_minute=PER_MINUTE, seconds=GRANTS / PER_MINUTE * 60 + 60))
    times = chronicle.times()
    assert len(times) == GRANTS
    assert burst(times) <= PER_MINUTE
    assert set(Counter(each.grant for each in chronicle.asked).values()) == {1}
    first = sorted((written[0].at, namespace) for (namespace, _), written in chronicle.written.items())
    assert len(first) == GRANTS
    for position, (at, _) in enumerate(first):
        assert at <= position // PER_MINUTE * 60 + 1, f"token {position + 1} came after {at:.1f} s"
    last_of_small = max(position for position, (_, namespace) in enumerate(first) if namespace != "crowd")
    assert last_of_small <= 10 * (SMALL + 1) + PER_MINUTE
