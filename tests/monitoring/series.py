"""What an operator reported at its scrapes, in promtool's format: each series by its labels, with a value per scrape.

promtool's clock starts at 0, so times are relative to the first scrape. Everything else is as it was scraped.
"""

import itertools
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

from tests.chart.rendering import Document
from tests.monitoring.rules import TARGET

MOMENT: Final = "_timestamp_seconds"
"""Suffixes of metrics whose value is a timestamp."""
_OWN: Final = "integration_token_"
_ABSENT: Final = "_"
_STALE: Final = "stale"

Series = dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class Recording:
    """Scrapes at equal intervals."""

    step: int
    """Seconds from one to the next."""
    scrapes: Sequence[tuple[float, str | None]]
    """The time of each in seconds since the epoch, and its text; None if there was no response."""

    def value(self, metric: str, at: float) -> float:
        """The value of the metric's only series, `at` seconds after the first scrape."""
        begin = self.scrapes[0][0]
        text = next(text for now, text in self.scrapes if now - begin >= at)
        (value,) = (value for name, value in _samples(text or "", begin).items() if name.startswith(metric + "{"))
        return value

    def series(self) -> list[Document]:
        """Entries for promtool's `input_series`."""
        begin = self.scrapes[0][0]
        found: Series = {}
        for number, (_, text) in enumerate(self.scrapes):
            there = _samples(text, begin) if text is not None else {}
            there[_name("up", {})] = 0.0 if text is None else 1.0
            for name, value in there.items():
                values = found.setdefault(name, [_ABSENT] * number)
                values.append(_number(value))
            for name, values in found.items():
                if name not in there:
                    values.append(_ABSENT if values[-1] in (_ABSENT, _STALE) else _STALE)
        return [{"series": name, "values": _short(values)} for name, values in found.items()]


def held(text: str, now: float, steps: int, step: int) -> list[Document]:
    """The series of an operator that keeps reporting the same: what was so far ahead stays so far ahead."""
    series = [{"series": _name("up", {}), "values": f"1x{steps}"}]
    for name, value in _samples(text, now).items():
        moves = f"+{step}" if MOMENT in name else ""
        series.append({"series": name, "values": f"{_number(value)}{moves}x{steps}"})
    return series


def _samples(text: str, begin: float) -> dict[str, float]:
    """The operator's own metrics, without its process's, which make up half of the text."""
    own = "\n".join(line for line in text.splitlines() if line.startswith(_OWN))
    return {name: value - begin if MOMENT in name else value for name, value in _parsed(f"{own}\n").items()}


@lru_cache(maxsize=8)
def _parsed(text: str) -> dict[str, float]:
    """Most scrapes are the same as the previous one."""
    families = text_string_to_metric_families(text)
    return {_name(sample.name, sample.labels): sample.value for family in families for sample in family.samples}


def _name(metric: str, labels: dict[str, str]) -> str:
    """As Prometheus stores it, honouring the scraped labels: an empty label counts as missing."""
    all_labels = {name: value for name, value in (TARGET | labels).items() if value}
    return metric + "{" + ", ".join(f"{name}={json.dumps(value)}" for name, value in sorted(all_labels.items())) + "}"


def _number(value: float) -> str:
    if math.isinf(value) or math.isnan(value):
        return str(value).capitalize()
    return f"{value:.3f}".rstrip("0").rstrip(".")


def _short(values: Iterable[str]) -> str:
    """Runs of the same value in promtool's short form."""
    runs = ((value, sum(1 for _ in run)) for value, run in itertools.groupby(values))
    return " ".join(_run(value, length) for value, length in runs)


def _run(value: str, length: int) -> str:
    if length == 1:
        return value
    # After `_` comes the number of them; after a value, how many more.
    return f"{value}x{length if value == _ABSENT else length - 1}"
