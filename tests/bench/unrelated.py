"""The cost of unrelated Secrets: the API server selects ours, so none of the others should reach the operator."""

import base64
import random
import statistics
from collections.abc import Sequence
from typing import Final

from tests.bench import cold
from tests.bench.cold import Cold, Limits
from tests.bench.manifest import NAMESPACE, Object
from tests.bench.row import Row
from tests.bench.stage import Stage
from tests.cluster.progress import step

SECRETS: Final = 5000
KIBIBYTES: Final = 50
"""Size of each one's data."""
MORE: Final = 10.0
"""MiB of peak memory that they may cost."""


def measure(limits: Limits, without: Sequence[Cold]) -> list[Row]:
    """One row: the same cold start as in `without`, among others' Secrets."""
    with Stage() as stage:
        data = base64.b64encode(random.Random(0).randbytes(KIBIBYTES * 1024)).decode()  # noqa: S311  # no secret
        with step(f"creating {SECRETS:,} unrelated Secrets of {KIBIBYTES} KiB", "about 40 s"):
            stage.api.create_all(_secret(number, data) for number in range(SECRETS))
        found = cold.measure(stage, cold.populate(stage, limits), limits)
    more = max(0.0, found.mebibytes - statistics.median(run.mebibytes for run in without))
    what = f"peak memory that {SECRETS:,} unrelated Secrets of {KIBIBYTES} KiB beside them cost"
    return [Row(f"{limits.resources:,} resources: {what}", (more,), MORE, "MiB")]


def _secret(number: int, data: str) -> Object:
    metadata = {"name": f"unrelated-{number:05}", "namespace": NAMESPACE}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": {"file": data}}
