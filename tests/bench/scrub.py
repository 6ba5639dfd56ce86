"""The cost of reading responses from hostile token endpoints, compared with parsing an honest one."""

from dataclasses import replace
from itertools import chain

from tests.bench.row import Row
from tests.cluster.progress import say
from tests.fakes import costly

TIMES, GROWTH = 20, 5
"""How often an honest response could be parsed instead, and how much more often for a response four times as long."""

SIZES = range(costly.SMALL, costly.LARGE + 1, costly.SMALL // 2)


def measure() -> list[Row]:
    """Three rows."""
    say("hostile answers of 16 to 64 KiB: about 4 s")
    first = costly.seventeen()
    many = list(chain.from_iterable(costly.answers(size).values() for size in SIZES))
    small, large = costly.answers(costly.SMALL), costly.answers(costly.LARGE)
    beside = "beside json.loads of a fixed one of 64 KiB"
    return [
        Row(
            f"CPU of an answer of 17 KB with 630 scopes, without and with a token held, {beside}",
            tuple(costly.ratios([first.read, replace(first, held=costly.drawn(8000)).read])),
            TIMES,
            "times",
        ),
        Row(
            f"CPU of any answer up to 64 KiB, {beside}",
            tuple(costly.ratios([answer.read for answer in many])),
            TIMES,
            "times",
        ),
        Row(
            "growth of it from 16 to 64 KiB",
            tuple(costly.growth(small[name].read, large[name].read) for name in small),
            GROWTH,
            "times",
        ),
    ]
