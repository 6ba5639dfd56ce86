"""`python -m tests.cluster build|start|stop`: the control plane outside of a test.

`build` gets every program ready, so that no test waits for one; `start` leaves a plane running, with the chart's CRDs,
and prints the path of its kubeconfig in its last line; `stop` ends it. Each can be repeated.
"""

import sys

from tests.cluster import tool
from tests.cluster.client import CommandError
from tests.cluster.daemon import DaemonError
from tests.cluster.progress import say, step
from tests.cluster.standing import Standing
from tests.cluster.toolchain import ToolError


def build() -> None:
    for name in tool.TOOLS:
        tool.find(name)


def start() -> None:
    build()
    with step("starting the control plane", "about 5 s"):
        kubeconfig = Standing().start()
    say("for kubectl, KUBECONFIG is:")
    print(kubeconfig)


def stop() -> None:
    say("the control plane is stopped" if Standing().stop() else "no control plane is running")


COMMANDS = {"build": build, "start": start, "stop": stop, "hold": Standing().hold}
"""`hold` is what `start` leaves running; it is of no use at a terminal."""


def main(arguments: list[str]) -> int:
    """The exit code: 2 for a wrong command line or a missing tool, 1 for what failed."""
    if len(arguments) != 1 or arguments[0] not in COMMANDS:
        print("usage: python -m tests.cluster build|start|stop", file=sys.stderr)
        return 2
    try:
        COMMANDS[arguments[0]]()
    except ToolError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except (DaemonError, CommandError, TimeoutError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
