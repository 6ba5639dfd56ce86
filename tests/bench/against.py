"""An older commit's operator compared with the tree's, in one run on one machine."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

from tests.bench import build, scene
from tests.bench.build import Build
from tests.bench.comparison import Comparison, Side, order, table
from tests.bench.stage import Stage
from tests.bench.target import TARGETS, Figure, Scene
from tests.bench.usage import foreign_seconds
from tests.cluster.progress import say

MINUTES: Final = {Scene.COLD_1000: 1.0, Scene.COLD_10000: 4.0, Scene.SHARERS: 1.0, Scene.RENEWALS: 2.0}
"""Minutes for one run of a scene."""

FOOTER: Final = """\
Each run has a control plane of its own, with its commit's chart installed; the programs, the Python and the endpoint,
which takes {milliseconds:.0f} ms for each answer, are the same. Packages are those of each one's own lock file.
Until the last Secret, or status: from the start of the operator's process, with sharers from the wish to renew, to the
write's answer by the API server's audit log.
CPU: of the operator's process, user and system, until nothing more is asked for, events and all.
Peak memory: its VmHWM, with a few scrapes of its metrics.
From the endpoint's answer: by its log, {milliseconds:.0f} ms after the request was received, to the Secret's write.
API calls: by the audit log, reads and all, about a resource, its credentials and its Secret; events apart.
95 of 100 resources need no more."""


def compare(commit: str, pairs: int, scenes: Sequence[Scene]) -> list[Comparison]:
    """Runs the scenes for both.

    :param commit: its full hash.
    """
    minutes = 2 * pairs * sum(MINUTES[each] for each in scenes)
    say(f"{', '.join(scenes)}: {pairs} pairs of runs, about {minutes:.0f} min")
    found: dict[tuple[Scene, Figure, Side], list[float]] = defaultdict(list)
    theirs = build.of_commit(commit)
    with build.of_tree() as ours:
        builds = {Side.THEIRS: theirs, Side.OURS: ours}
        for each in scenes:
            for side in order(pairs):
                for figure, value in _run(each, builds[side]).items():
                    found[each, figure, side].append(value)
    return [
        Comparison(
            target,
            tuple(found[target.scene, target.figure, Side.THEIRS]),
            tuple(found[target.scene, target.figure, Side.OURS]),
        )
        for target in TARGETS
        if target.scene in scenes
    ]


def text(comparisons: Sequence[Comparison], commit: str) -> str:
    """The table, how to read it, and what was missed."""
    missed = [each.what for each in comparisons if not each.met]
    verdict = f"{len(missed)} of {len(comparisons)} missed: {'; '.join(missed)}" if missed else "all targets reached"
    return f"{table(comparisons, commit[:7])}\n\n{FOOTER.format(milliseconds=1000 * scene.DELAY)}\n{verdict}"


def document(comparisons: Sequence[Comparison], commit: str, machine: str) -> dict[str, Any]:
    """All of it for machines.

    :param commit: its full hash.
    """
    return {"machine": machine, "commit": commit, "rows": [each.document() for each in comparisons]}


def _run(each: Scene, chosen: Build) -> scene.Figures:
    say(f"{each}: {chosen.name}")
    with Stage(build=chosen) as stage:
        foreign = foreign_seconds()
        figures = scene.run(each, stage)
        foreign = foreign_seconds() - foreign
    told = ", ".join(f"{figure}: {value:.4g}" for figure, value in figures.items())
    say(f"{each}: {chosen.name}: {told} (other programs: {max(0.0, foreign):.1f} s of CPU)")
    return figures
