"""Random stories: whatever happens, the operator keeps its promises.

With CI=true the stories are the same in each run, so that none fails for something other than the change under test;
otherwise they are new ones, which find more. A failing story is shrunk and printed: `hold(story, simulate(story))`
plays it again, and so does the line with `@reproduce_failure`.
"""

from hypothesis import example, given

from tests.fakes.issuer import Policy
from tests.simulation import promise, strategy
from tests.simulation.settings import examples
from tests.simulation.stage import simulate
from tests.simulation.story import DAY, Kind, Member, Restart, Step, Story, Trouble


def check(story: Story) -> None:
    """Plays a story, and checks that the operator keeps its promises."""
    try:
        promise.hold(story, simulate(story))
    except AssertionError as error:
        raise AssertionError(f"{error}\nin {story!r}") from None


SLOW = (Member(delay=600),)
"""Its consumers keep using an old token for ten minutes."""


@examples(400)
@given(strategy.quiet())
@example(Story(Policy(lead=840), seconds=4 * DAY, members=SLOW))
@example(Story(Policy(lead=900, jwt=True), seconds=4 * DAY, members=SLOW))
@example(Story(Policy(lifetime=1400, cached=False), seconds=7000, members=SLOW))
def test_quiet(story: Story) -> None:
    """Nothing goes wrong."""
    check(story)


@examples(40)
@given(strategy.unknown())
def test_unknown(story: Story) -> None:
    """Nothing states how long tokens live."""
    check(story)


@examples(300)
@given(strategy.changing())
def test_changing(story: Story) -> None:
    """The rollover lead changes."""
    check(story)


@examples(310)
@given(strategy.troubled())
@example(Story(Policy(lead=600), seconds=2 * DAY, troubles=(Trouble(0.8 * DAY, 0.95 * DAY, Kind.SHORT),)))
def test_troubled(story: Story) -> None:
    """The endpoint is broken at times."""
    check(story)


@examples(300)
@given(strategy.restarted())
@example(Story(Policy(3600, lead=600, frozen=True), seconds=9000, restarts=(Restart(1800), Restart(6000))))
def test_restarted(story: Story) -> None:
    """The operator is restarted."""
    check(story)


@examples(280)
@given(strategy.stepped())
@example(Story(Policy(lead=600), seconds=2 * DAY, steps=(Step(0.5 * DAY, -3600),)))
@example(Story(Policy(3600, lead=0), seconds=16200, steps=(Step(3601, -3600),)))
@example(Story(Policy(30, lead=0), seconds=75, steps=(Step(24, -3600),)))
@example(Story(Policy(30, lead=-1, jwt=True), seconds=105, steps=(Step(0, 3600),)))
@example(
    Story(
        Policy(3600, lead=600),
        seconds=16200,
        restarts=(Restart(3598.287),),
        steps=(Step(3598.287, -3600), Step(3600, -3600)),
    )
)
def test_stepped(story: Story) -> None:
    """The clock is wrong."""
    check(story)


@examples(170)
@given(strategy.anything())
@example(
    Story(Policy(244.7, lead=-300, jwt=True), seconds=612, warmed=0.0, troubles=(Trouble(0, 403.4, Kind.UNREACHABLE),))
)
def test_anything(story: Story) -> None:
    """All of it."""
    check(story)
