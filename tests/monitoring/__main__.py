"""`python -m tests.monitoring`: an operator with short-lived tokens for a minute and a half, scraped by Prometheus.

The result is drawn into operator/docs/operations.md as the chart's dashboard shows it.
"""

import sys
import tempfile
import time
from contextlib import ExitStack, closing
from pathlib import Path

from tests.apiserver.kube import Kube
from tests.apiserver.ledger import Ledger
from tests.apiserver.operator import usual
from tests.apiserver.stage import Login, Stage, Token
from tests.chart.rendering import Helm
from tests.cluster.client import Client
from tests.cluster.plane import ControlPlane
from tests.cluster.progress import say, step
from tests.fakes import fault
from tests.fakes.issuer import Policy
from tests.monitoring import panel, rules
from tests.monitoring.prometheus import Prometheus

CALM, TROUBLE, AFTER = 45, 20, 25
"""Seconds: everything works, one client's requests fail, and everything works again."""


def play(tokens: dict[str, Token]) -> None:
    """The events to be seen."""
    time.sleep(CALM)
    tokens["partner"].fault(fault.status(503))
    time.sleep(TROUBLE)
    tokens["partner"].mend()
    time.sleep(AFTER)


def main() -> int:
    """Returns the exit code."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        with step("starting the control plane, the operator and Prometheus", "about 15 s"):
            plane = stack.enter_context(ControlPlane(audit=False))
            ledger, login = Ledger(), Login()
            operator = stack.enter_context(usual(plane, ledger=ledger))
            alerts = rules.rendered(Helm(Client(directory / "no-kubeconfig", directory)), *rules.HASTY)
            prometheus = stack.enter_context(Prometheus(alerts, operator.url.removeprefix("http://")))
            stack.enter_context(login.endpoint)
            stage = Stage(stack.enter_context(closing(Kube(plane))), ledger, login, "store")
        begin = time.time()
        tokens = {
            "shop": stage.token("shop", policy=Policy(30, 12)),
            "partner": stage.token("partner", policy=Policy(20, 5)),
            "files": stage.token("files", policy=Policy(45, 10)),
        }
        with step("tokens are issued and renewed", f"{CALM + TROUBLE + AFTER} s"):
            play(tokens)
        panel.write(panel.answered(prometheus, begin, time.time()), say)
    return 0


if __name__ == "__main__":
    sys.exit(main())
