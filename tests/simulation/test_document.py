"""operator/docs/renewal.md shows the simulator's results."""

from xml.etree import ElementTree

import pytest

from tests.simulation import document, figure
from tests.simulation.__main__ import main
from tests.simulation.plot import PLOTS, draw

STALE = "run `make plots`, and look at what has become of it"


@pytest.fixture(scope="module")
def rows() -> dict[str, figure.Row]:
    """The table's rows by name, computed once."""
    return {row.name: row for row in figure.rows()}


def test_the_table_is_what_a_year_gives(rows: dict[str, figure.Row]) -> None:
    """Every endpoint has its row, and no figure differs from the documented one by more than a twentieth."""
    documented, computed = (_figures(text) for text in (document.documented(), figure.table(rows.values())))
    assert documented.keys() == computed.keys(), STALE
    for name, figures in computed.items():
        assert documented[name] == pytest.approx(figures, rel=0.05, abs=0.1), f"{name}: {STALE}"


def test_with_a_lead_in_time_no_second_is_lost_for_little_more_than_a_request(
    rows: dict[str, figure.Row],
) -> None:
    """Over a year, with four requests at first and 1.2 later if the lead is an hour."""
    steady = ("lead 1 h", "lead 10 min", "lead 5 min", "lead 4 min", "lead 1 min", "lead 23 h", "uncached")
    for name in (*steady, "5 min, uncached", "5 min, lead 2 min", "replaying cache", "UNIX time"):
        assert rows[name].operator.expired == 0
        assert rows[name].operator.later <= 1.2
    assert rows["lead 1 h"].operator.first <= 6


def test_what_could_have_been_avoided_is_less_than_a_second_a_renewal(rows: dict[str, figure.Row]) -> None:
    """At every endpoint, and no minute has more than 12 requests."""
    for name, row in rows.items():
        own = row.operator
        assert own.burst <= 12, name
        assert own.expired - own.unavoidable <= own.lifetimes, name


@pytest.mark.parametrize("file", PLOTS)
def test_a_plot_shows_what_the_simulator_gives(file: str) -> None:
    """The documented file has the same words and dots as the plot drawn now, and the document shows it."""
    (words, dots), (now_words, now_dots) = (_seen(svg) for svg in (document.plot(file).read_bytes(), draw(PLOTS[file])))
    assert words == now_words, STALE
    assert dots == pytest.approx(now_dots, abs=1), STALE
    assert f"({document.plot(file).name})" in document.DOCUMENT.read_text()


def _figures(table: str) -> dict[str, list[float]]:
    """The rows by the endpoints' names."""
    return {line[:21].rstrip(): [float(cell) for cell in line[21:].split()] for line in table.splitlines()[2:]}


def _seen(svg: bytes) -> tuple[list[str | None], list[float]]:
    """The words of a plot, and the positions of its dots and ticks in points."""
    root = ElementTree.fromstring(svg)  # noqa: S314  # our own
    namespace = "{http://www.w3.org/2000/svg}"
    marks = [float(mark.attrib[axis]) for mark in root.iter(f"{namespace}use") for axis in ("x", "y")]
    return [word.text for word in root.iter(f"{namespace}text")], marks


def test_a_wrong_flag_is_reported_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """With exit code 2, before anything is computed."""
    with pytest.raises(SystemExit) as ended:
        main(["--bogus"])
    assert ended.value.code == 2
    assert capsys.readouterr().err == "python -m tests.simulation: unrecognized arguments: --bogus\n"
