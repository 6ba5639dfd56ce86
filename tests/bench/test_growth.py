"""How the cost grows, for operator/docs/performance.md: what is derived from the figures, and their sources."""

from collections import Counter
from pathlib import Path

import integration_token
import pytest

from tests.bench import curve, growth, sampled
from tests.bench.cold import Cold
from tests.bench.count import Counts
from tests.bench.row import BenchError
from tests.unit.document import broken_links


def operator_files() -> dict[str, str]:
    """The operator's source by path."""
    package = Path(integration_token.__file__).parent
    return {str(path): path.read_text() for path in package.rglob("*.py")}


def colds_of(*sizes: int) -> dict[int, Cold]:
    """Runs with linear figures: 10 ms for each resource, half of that CPU, and 5.12 KiB."""
    counts = {size: Counts(issues=[2] * size) for size in sizes}
    return {
        size: Cold(size / 100, size / 125, size / 200, 80 + size / 200, 0, counts[size], (0.1,), 0.05, size / 80)
        for size in sizes
    }


@pytest.mark.parametrize(
    ("stack", "purpose"),
    [
        ([("a/json/decoder.py", "decode"), ("a/kopf/watching.py", "stream")], "kopf: the watch of our kinds"),
        ([("a/aiohttp/client.py", "f"), ("a/cluster/gateway.py", "patch_status")], "API: status written"),
        (
            [("a/aiohttp/client.py", "f"), ("a/cluster/gateway.py", "get"), ("a/controller/target.py", "_owned")],
            "API: target read",
        ),
        (
            [("a/integration_token/controller/status.py", "build_status")],
            "decisions, and everything else in the operator",
        ),
        ([("a/aiohttp/client_proto.py", "data_received")], "API: answers received"),
        ([("a/asyncio/runners.py", "run")], sampled.REST),
    ],
)
def test_a_sample_counts_for_what_it_serves(stack: list[tuple[str, str]], purpose: str) -> None:
    """Whichever library is running, the innermost match counts."""
    assert sampled.purpose(stack) == purpose


@pytest.mark.parametrize(("file", "function"), [row[1:] for row in sampled.PURPOSES if row[1].endswith(".py")])
def test_a_purpose_names_existing_code(file: str, function: str) -> None:
    """A renamed file or function would silently count for nothing."""
    found = [text for path, text in operator_files().items() if file in path]
    assert any(f"def {function}" in text for text in found)


def test_what_is_held_is_looked_for_in_files_that_are_there() -> None:
    """Except for Python's own modules."""
    names = {Path(path).name for path in operator_files()}
    wanted = {name for _, files in growth.HOLDERS for name in files if name.endswith(".py")}
    assert wanted - names == {"decoder.py", "scanner.py"}


def test_what_a_resource_holds_is_the_difference_of_two_runs() -> None:
    """By holder; what exists without resources cancels out."""
    few = {"a/inventory.py": 1000, "a/kopf/memory.py": 500, "a/json.py": 70}
    many = {"a/inventory.py": 3000, "a/kopf/memory.py": 1500, "a/json.py": 70, "b/json/decoder.py": 100}
    found = growth.held(few, many, 10)
    assert {name: size for name, size in found.items() if size} == {
        growth.HOLDERS[0][0]: 200,
        growth.HOLDERS[4][0]: 10,
        growth.HOLDERS[5][0]: 100,
    }


def test_the_document_has_the_figures_for_each_number_of_resources() -> None:
    """It also gives the cost of one more of them, between the smaller and the larger runs."""
    colds, samples = colds_of(*growth.SIZES), Counter(kopf=1, httpx=3)
    text = growth.text(growth.Growth("2 cores", colds, 10_000, samples, {"its plan": 512.0}))
    assert "| 20,000 | 160.0 s | 200.0 s | 100.0 s | 180 MiB | 0.05 % |" in text
    assert (
        "Between 1,000 and 20,000 resources, each additional one costs\n5.1 KiB of peak memory and 5.0 ms of CPU"
        in text
    )
    assert "CPU time of a cold start of 10,000 goes" in text
    assert "| httpx | 75 % |" in text
    assert "| its plan | 0.5 KiB |" in text


def test_the_plot_reaches_to_the_largest_number_of_resources() -> None:
    """It is the same for the same figures."""
    colds = colds_of(*growth.SIZES)
    drawn = curve.draw(colds)
    assert drawn == curve.draw(colds)
    assert b">20,000</text>" in drawn


def test_only_a_generated_part_of_the_document_is_replaced() -> None:
    """The text that people wrote stays; a document without a place for it is refused."""
    begin, end = (mark.format(part="figures") for mark in growth.MARKS)
    document = f"before\n{begin}old\n{end}\nafter\n"
    assert growth.replaced(document, "figures", "new\n") == f"before\n{begin}new\n{end}\nafter\n"
    with pytest.raises(BenchError, match=r"performance\.md has no place for the sizes"):
        growth.replaced(document, "sizes", "new\n")


def test_growth_is_refused_with_one_number_of_resources() -> None:
    """Before anything is measured."""
    with pytest.raises(BenchError, match="two numbers"):
        growth.write("2 cores", [1000, 1000])


def test_the_document_has_a_place_for_both_generated_parts() -> None:
    """A test says so, not half an hour of measuring."""
    document = growth.DOCUMENT.read_text()
    for part in (growth.FIGURES, growth.SIZING):
        assert growth.replaced(document, part, "something else\n") != document


def test_the_documented_peak_of_ten_thousand_fits_into_the_charts_limit() -> None:
    """With a quarter of the limit to spare; its plot is next to the document."""
    document = growth.DOCUMENT.read_text()
    _, _, table = document.partition("\n| resources | ")
    head, _, *rows = (line.split(" | ") for line in table.splitlines())
    row = next(row for row in rows if row[0] == "| 10,000")
    peak, unit = row[head.index("peak memory") + 1].split()
    assert unit == "MiB"
    assert 0 < int(peak) < 0.75 * growth.chart_limit()
    assert growth.PLOT.exists()
    assert f"({growth.PLOT.name})" in document


def test_the_documents_links_lead_somewhere() -> None:
    """To files and to headings."""
    assert not broken_links(growth.DOCUMENT)
