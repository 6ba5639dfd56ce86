"""The arithmetic of a storm of renewals, and which parts of the budget are run."""

import json

import pytest

from tests.bench import __main__ as bench
from tests.bench import against, budget, build, storm
from tests.bench.budget import Part
from tests.bench.comparison import Comparison
from tests.bench.onslaught import LAG, Renewal, overtaken, pairs, savable, story, written_after
from tests.bench.row import BenchError, Row
from tests.bench.storm import DEFAULT, LARGE, Size
from tests.bench.target import TARGETS
from tests.fakes.record import Outcome, Record


def renewal(expired: float, asked: float, *, opened: float = 0.0, namespace: str = "large") -> Renewal:
    """A token written a second after its request."""
    return Renewal(namespace, opened, expired, asked, asked + 1)


def request(client: str, received: float, outcome: Outcome = Outcome.MINTED) -> Record:
    """A request that the endpoint has answered."""
    return Record(received, outcome, 200, client_id=client)


@pytest.mark.parametrize(
    ("expiries", "saved"),
    [
        ([], 0),
        ([10, 10], 2),
        ([10, 10, 10], 2),
        ([10, 10, 60], 3),
        ([60, 10, 60, 10, 60], 4),
        ([-1, -1, -1, 10, 10], 2),
        ([70, 70, 70, 130], 4),
    ],
    ids=[
        "none",
        "as many as the limit",
        "one more than the limit in the first minute",
        "one more that lives until the second minute",
        "in any order",
        "those that are too late anyway take no place",
        "long-lived ones fill the rest of a minute",
    ],
)
def test_arithmetic_saves_as_many_tokens_in_each_minute_as_the_limit_lets(expiries: list[float], saved: int) -> None:
    """Two a minute, from the first request on; see the cases' names."""
    assert savable(0, expiries, 2) == saved
    assert savable(1000, [1000 + expiry for expiry in expiries], 2) == saved


def test_a_token_is_overtaken_if_one_that_expires_later_is_renewed_before_it() -> None:
    """By the difference to the most urgent one; in the right order there is none."""
    assert overtaken([renewal(100, 10), renewal(110, 11), renewal(110, 12), renewal(120, 13)]) == []
    late = [renewal(100, 23), renewal(107, 10), renewal(105, 11), renewal(103, 24)]
    assert overtaken(late) == [7, 5]
    assert overtaken([renewal(100, 10 + LAG), renewal(107, 10)]) == []
    assert overtaken([renewal(100, 10 + LAG), renewal(107, 10)], lag=0) == [7]


@pytest.mark.parametrize(
    "other",
    [
        renewal(100, 20, opened=10 - LAG / 2),
        renewal(100, 20, namespace="small"),
        renewal(9, 20),
        renewal(100, 9),
    ],
    ids=["only just due", "of another namespace", "expired before", "renewed before"],
)
def test_only_waiting_tokens_of_the_same_namespace_that_can_be_saved_are_overtaken(other: Renewal) -> None:
    """See the cases' names."""
    assert overtaken([renewal(150, 10), other]) == []


def test_the_story_shows_order_times_and_what_expired() -> None:
    """Times start at the first renewal; arithmetic uses the same limit."""
    told = dict(
        story(
            [renewal(60, 0), renewal(69, 2), renewal(61, 62), renewal(70, 62), renewal(70, 63, namespace="few")],
            2,
            small="few",
        )
    )
    assert told == {
        "all tokens": "5, expire at 60.0 to 70.0 s",
        "last renewal": "at 63.0 s",
        "renewed in time": "4 of 4 by arithmetic",
        "expired": "1, for 2.0 s at worst",
        "renewed before a more urgent one": "1, 1 of them by 2 s or more",
        "that expired earlier by": "8.00 s at most",
        "a small namespace": "1, the last renewed at 63.0 s, 0 expired",
    }


def test_a_renewal_is_the_second_token_of_its_client_and_the_first_write_after_it() -> None:
    """Responses with the same token and earlier writes don't count."""
    records = [request("a", 9, Outcome.REPEATED), request("a", 20), request("a", 1), request("b", 2), request("b", 21)]
    found = pairs(records, ["a", "b"])
    assert {client: (first.received, second.received) for client, (first, second) in found.items()} == {
        "a": (1, 20),
        "b": (2, 21),
    }
    writes = [("a-token", 19.0), ("a-token", 20.5), ("a-token", 30.0), ("b-token", 21.0), ("c-token", 22.0)]
    assert written_after(writes, {"a": 20, "b": 21}) == {"a": 20.5, "b": 21.0}
    with pytest.raises(BenchError, match="1 of 2 tokens were not renewed, such as that of b"):
        pairs(records[:-1], ["a", "b"])
    with pytest.raises(BenchError, match="1 renewed tokens were not written, such as that of b"):
        written_after(writes, {"a": 20, "b": 22})


def test_a_storm_lasts_for_the_minutes_that_its_requests_need_and_saves_some_tokens_of_all() -> None:
    """The one in `make bench` is short; a large one takes some twelve minutes."""
    assert (DEFAULT.minutes, DEFAULT.window) == (3, 60)
    assert (LARGE.minutes, LARGE.window) == (9, 120)
    assert DEFAULT.duration < 6
    assert LARGE.duration < 15
    assert Size.read(str(LARGE)) == LARGE
    for size in (DEFAULT, LARGE):
        expiries = [size.window + storm.SPREAD * number / size.resources for number in range(size.resources)]
        assert size.per_minute < savable(0, expiries, size.per_minute) < size.resources


@pytest.mark.parametrize("text", ["", "5000", "5000/", "/600", "5000/0", "600/600", "a/b", "-5000/600", "20000/600"])
def test_an_invalid_storm_is_reported_with_a_valid_one(text: str) -> None:
    """A storm has more tokens than requests a minute; the message has an example."""
    with pytest.raises(BenchError, match="no storm"):
        Size.read(text)


def test_parts_are_chosen_by_name_in_the_order_of_the_whole() -> None:
    """All by default; a part that is compared with another includes that one."""
    assert budget.choose(None) == list(Part) == list(budget.MINUTES)
    assert budget.choose("storm cold-10000") == [Part.COLD_10000, Part.STORM]
    assert budget.choose("unrelated") == [Part.COLD_1000, Part.UNRELATED]


def test_what_is_left_out_takes_no_time() -> None:
    """The storm's size counts, and so does each cold run."""
    assert budget.minutes([Part.STORM], 3, LARGE) == pytest.approx(LARGE.duration)
    assert budget.minutes([Part.COLD_1000], 3, LARGE) == budget.minutes([Part.COLD_1000], 1, DEFAULT) + 1
    assert budget.minutes(list(Part), 3, DEFAULT) < 25


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--only", "storms"), "no such part: storms; known parts: cold-1000, "),
        (("--only", "storm gale breeze"), "no such part: breeze, gale; "),
        (("--only", ""), "no part given; known parts: cold-1000, "),
        (("--storm", "5000"), "no storm: 5000; "),
        (("--only", "scrub", "--storm", "5000/600"), "--storm means nothing where --only leaves the storm out"),
        (("--growth", "--json"), "--growth and --json exclude each other"),
        (("--growth", "--only", "storm"), "--growth and --only exclude each other"),
        (("--against", "HEAD", "--only", "storm"), "--against and --only exclude each other"),
        (("--against", "HEAD", "--storm", "5000/600"), "--against and --storm exclude each other"),
        (("--against", "HEAD", "--growth"), "--against and --growth exclude each other"),
        (("--runs", "0"), "one run or more"),
    ],
)
def test_what_cannot_be_measured_is_reported_in_a_line(
    arguments: tuple[str, ...], said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """With exit code 2, before anything starts."""
    assert bench.main(arguments) == 2
    out, err = capfd.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert said in err


def test_a_single_part_shows_its_rows_and_what_was_missed(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the table that has no limits; as JSON only the rows."""
    asked: list[Size] = []

    def measure(size: Size) -> tuple[list[Row], str]:
        asked.append(size)
        return [Row("tokens expired", (1,), 0)], "a note"

    monkeypatch.setattr(storm, "measure", measure)
    assert bench.main(["--only", "storm", "--storm", "5000/600"]) == 1
    out, _ = capfd.readouterr()
    assert out.startswith(
        "what            measured  limit  verdict\ntokens expired  1         0      MISSED\n\na note\n\n"
    )
    assert out.endswith("1 of 1 limits missed: tokens expired\n")
    assert bench.main(["--only", "storm", "--json"]) == 1
    assert [row["what"] for row in json.loads(capfd.readouterr().out)["rows"]] == ["tokens expired"]
    assert asked == [LARGE, DEFAULT]


def test_a_comparison_as_json_has_both_sides(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One JSON document; an infinite ratio is omitted."""
    found = [Comparison(TARGETS[0], (10.0, 12.0), (5.0,)), Comparison(TARGETS[1], (0.0,), (1.0,))]
    monkeypatch.setattr(build, "resolve", lambda _: "0" * 40)
    monkeypatch.setattr(against, "compare", lambda *_: found)
    assert bench.main(["--against", "HEAD", "--json"]) == 1
    told = json.loads(capfd.readouterr().out)
    assert told["commit"] == "0" * 40
    assert [(row["theirs"], row["ours"], row["ratio"], row["met"]) for row in told["rows"]] == [
        ([10.0, 12.0], [5.0], pytest.approx(5 / 11), True),
        ([0.0], [1.0], None, False),
    ]
