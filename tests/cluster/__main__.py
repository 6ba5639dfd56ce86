"""`python -m tests.cluster build|start|stop`: the control plane outside of a test.

`build` gets every program ready, so that no test waits for one; `start` leaves a plane running, with the chart's CRDs,
and prints the path of its kubeconfig in its last line; `stop` ends it. Each can be repeated. With `--node` the plane
has a node that knows the operator's image. With `--monitoring`, `build` only gets Prometheus ready, and with
`--release` only what a release needs.
"""

import argparse
import sys
from typing import NoReturn

from tests.cluster import debian, image, tool
from tests.cluster.client import CHART, CommandError
from tests.cluster.daemon import DaemonError
from tests.cluster.image import ImageError
from tests.cluster.progress import say, step
from tests.cluster.standing import Standing
from tests.cluster.toolchain import ToolError


class _Parser(argparse.ArgumentParser):
    """Describes the commands in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, "usage: python -m tests.cluster build|start|stop [--node] [--monitoring] [--release]\n")


def build(*, node: bool) -> None:
    others = {*tool.MONITORING, *tool.CONSUMERS, "cosign", "crane"}
    tool.provide(name for name in tool.TOOLS if name not in others and (node or name not in tool.NODE))


def start(*, node: bool) -> None:
    if node:
        debian.require((*debian.IMAGE, *debian.NODE))  # before building for minutes
    build(node=node)
    standing = Standing()
    if node and not standing.running:
        with image.built() as built:
            built.save(standing.image)
    with step("starting the control plane", "about 15 s" if node else "about 5 s"):
        kubeconfig = standing.start(node=node)
    if node:
        say("to install the operator there:")
        print(f"{tool.find('helm')} install integration-token-operator {CHART} --values {standing.values}")
    say("for kubectl, KUBECONFIG is:")
    print(kubeconfig)


def stop() -> None:
    say("the control plane is stopped" if Standing().stop() else "no control plane is running")


def main(arguments: list[str]) -> int:
    """The exit code: 2 for a wrong command line or a missing tool, 1 for a failure."""
    parser = _Parser()
    # `start` runs `hold` in the background; it is of no use at a terminal.
    parser.add_argument("command", choices=["build", "start", "stop", "hold"])
    parser.add_argument("--node", action="store_true")
    parser.add_argument("--monitoring", action="store_true")
    parser.add_argument("--release", action="store_true")
    parsed = parser.parse_args(arguments)
    try:
        match parsed.command:
            case "build" if parsed.monitoring:
                tool.provide(tool.MONITORING)
            case "build" if parsed.release:
                tool.provide(tool.RELEASE)
            case "build":
                build(node=parsed.node)
            case "start":
                start(node=parsed.node)
            case "stop":
                stop()
            case "hold":
                Standing().hold(node=parsed.node)
    except ToolError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except (DaemonError, CommandError, ImageError, TimeoutError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
