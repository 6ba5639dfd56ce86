"""The arithmetic of a comparison: turns, missed targets, and output."""

import json
from pathlib import Path

import integration_token
import pytest

from tests.bench import __main__ as bench
from tests.bench import against, build
from tests.bench.audit import AuditTail, Write
from tests.bench.comparison import Comparison, Side, order, percentile, table
from tests.bench.row import BenchError
from tests.bench.scene import DELAY, calls, deliveries, first_writes, last_status
from tests.bench.target import TARGETS, Figure, Scene, Target
from tests.fakes.record import Outcome, Record

HALF = Target(Scene.COLD_1000, Figure.LAST_SECRET, 0.5, "s")
FOUR = Target(Scene.RENEWALS, Figure.CALLS, 4, absolute=True)


def write(resource: str, name: str, time: float, code: int = 200) -> Write:
    """A write of the operator."""
    return Write(time, "update", resource, "", name, code)


def test_the_order_changes_with_each_pair() -> None:
    """A B, B A, A B: a machine that warms up or slows down favours neither."""
    theirs, ours = Side.THEIRS, Side.OURS
    assert order(1) == [theirs, ours]
    assert order(3) == [theirs, ours, ours, theirs, theirs, ours]


@pytest.mark.parametrize(
    ("target", "theirs", "ours", "ratio", "met"),
    [
        (HALF, (10.0,), (5.0,), 0.5, True),
        (HALF, (10.0,), (5.1,), 0.51, False),
        (HALF, (10.0, 90.0, 12.0), (6.0, 1.0, 30.0), 0.5, True),
        (HALF, (0.0,), (1.0,), float("inf"), False),
        (HALF, (0.0,), (0.0,), 1.0, False),
        (FOUR, (8.0,), (5.0,), 0.625, False),
        (FOUR, (3.0,), (4.0,), 4 / 3, True),
    ],
    ids=[
        "at the target",
        "above the target",
        "medians, not the best or the worst",
        "more than zero",
        "zero equals zero",
        "an absolute target, whatever the ratio",
        "an absolute target that is reached, whatever the ratio",
    ],
)
def test_a_target_is_reached_up_to_its_own_value(
    target: Target, theirs: tuple[float, ...], ours: tuple[float, ...], ratio: float, met: bool
) -> None:
    """See the cases' names."""
    found = Comparison(target, theirs, ours)
    assert found.ratio == pytest.approx(ratio)
    assert found.met is met


def test_the_table_shows_both_medians_with_their_ratio_and_the_target() -> None:
    """It also shows which target is missed."""
    rows = [Comparison(HALF, (16.0, 18.0), (9.5,)), Comparison(FOUR, (4.0,), (3.0,))]
    assert table(rows, "a330d04").splitlines() == [
        "medians                           a330d04  ours    ratio  target",
        "cold-1000: until the last Secret  17.0 s   9.50 s  0.56   0.50       missed",
        "renewals: API calls for each      4.00     3.00    0.75   at most 4",
    ]
    assert against.text(rows, "a330d04" * 5).endswith("1 of 2 missed: cold-1000: until the last Secret")
    assert against.text(rows[1:], "a330d04" * 5).endswith("all targets reached")


def test_every_scene_has_targets_and_a_time_that_it_takes() -> None:
    """Each figure of a scene has one target."""
    assert {target.scene for target in TARGETS} == set(Scene) == set(against.MINUTES)
    assert len({(target.scene, target.figure) for target in TARGETS}) == len(TARGETS)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--against", "no-such-commit"), "unknown commit: no-such-commit"),
        (("--against", "--help"), "unknown commit: --help"),
        (("--against", "HEAD", "--scenes", "cold-7"), "no such scene: cold-7"),
        (("--against", "HEAD", "--pairs", "0"), "one run or more"),
    ],
)
def test_what_cannot_be_compared_is_reported_in_a_line(
    arguments: tuple[str, ...], said: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With exit code 2, before anything is built."""
    monkeypatch.setattr(build, "resolve", _resolve_known)
    name, value, *rest = arguments
    assert bench.main([f"{name}={value}", *rest]) == 2
    out, err = capfd.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert said in err


def _resolve_known(commit: str) -> str:
    """Only HEAD is known: the tests may run from an archive without history."""
    if commit != "HEAD":
        raise BenchError(f"unknown commit: {commit}")
    return "0" * 40


def test_a_name_that_git_does_not_know_is_an_unknown_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Git, the message says so."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BenchError, match=r"^missing: git; "):
        build.resolve("nothing", tmp_path)
    git = tmp_path / "git"
    git.write_text("#!/bin/sh\nexit 1\n")
    git.chmod(0o755)
    with pytest.raises(BenchError, match=r"^unknown commit: nothing$"):
        build.resolve("nothing", tmp_path)


def test_the_build_in_place_is_the_operator_that_is_tested_here() -> None:
    """It uses this tree's chart and the same Python."""
    assert build.IN_PLACE.modules / build.MODULE == Path(integration_token.__file__).parent
    assert (build.IN_PLACE.chart / "Chart.yaml").is_file()
    build.IN_PLACE.warm_up()


def test_a_percentile_is_one_of_the_values() -> None:
    """The nearest rank, in any order of values."""
    values = [float(value) for value in range(100, 0, -1)]
    assert [percentile(values, share) for share in (0.5, 0.95, 0.99, 1)] == [50, 95, 99, 100]
    assert percentile([7.0], 0.5) == 7


def test_the_last_secret_is_the_last_that_was_written_first() -> None:
    """A later second write delays nobody; refused writes and others' Secrets don't count."""
    written = [
        write("secrets", "a-token", 1, code=409),
        write("secrets", "a-token", 2),
        write("secrets", "b-token", 3),
        write("integrationtokens", "a", 4),
        write("integrationtokens", "b", 5, code=409),
        write("secrets", "a-token", 9),
        write("secrets", "c-token", 9),
    ]
    assert first_writes(written, ["a", "b"]) == {"a": 2, "b": 3}
    assert last_status(written) == 4


def test_a_delivery_lasts_from_the_endpoints_new_token_to_the_secret() -> None:
    """The endpoint responds some time after the request; an unsuccessful poll doesn't count."""
    records = [
        Record(1.0, Outcome.REPEATED, 200, client_id="a"),
        Record(2.0, Outcome.MINTED, 200, client_id="a"),
    ]
    assert deliveries(records, [write("secrets", "a-token", 2.5)], ["a"]) == [pytest.approx(0.5 - DELAY)]
    with pytest.raises(BenchError, match="1 of 2 were not renewed, such as b"):
        deliveries(records, [write("secrets", "a-token", 2.5)], ["a", "b"])


def test_calls_are_counted_with_reads_and_without_events(tmp_path: Path) -> None:
    """By the names of a resource and its Secret; requests about neither, such as a watch, count for none."""
    log = tmp_path / "audit.log"
    log.touch()
    tail = AuditTail(log, "operator")
    about = [("get", "secrets", "a"), ("create", "secrets", "a-token"), ("patch", "integrationtokens", "a")]
    about += [("create", "events", "a"), ("update", "leases", "a"), ("get", "secrets", "b")]
    lines = [
        {
            "verb": verb,
            "user": {"username": "operator"},
            "objectRef": {"resource": resource, "name": name},
            "responseStatus": {"code": 200},
            "stageTimestamp": "1970-01-01T00:00:00.500000Z",
        }
        for verb, resource, name in about
    ]
    lines.append({**lines[0], "verb": "watch", "objectRef": {"resource": "secrets"}})
    log.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines))
    tail.read()
    assert calls(tail, ["a", "b"]) == 3
    assert calls(tail, ["b"]) == 1
