"""The chart's rules on what a real operator reported of every state, evaluated by promtool."""

import re
from pathlib import Path

from tests.monitoring import promtool, scene
from tests.monitoring.conftest import Scraped
from tests.monitoring.promtool import Case
from tests.monitoring.series import held

MINUTE = 60
COUNTED = "TokenEndpointDown"
"""It depends on changes between scrapes, so a single one isn't enough."""


def test_rules_are_correct(rule_file: Path) -> None:
    """promtool finds nothing, with all its checks enabled."""
    said = promtool.call("check", "rules", "--lint=all", "--lint-fatal", str(rule_file))
    assert "SUCCESS: 10 rules found" in said


def test_states_that_last(rule_file: Path, scraped: Scraped, tmp_path: Path) -> None:
    """Each state fires its alerts after the rule's duration, none earlier, and no others."""
    case = Case("states", MINUTE, held(scraped.text, scraped.now, 90, MINUTE))
    told = [f"{alert} {namespace}/{name}" for alert, namespace, name in sorted(scene.expected())]
    told = [line.replace("/unusable", "") for line in told if line.split()[0] != COUNTED]
    after = {
        "IntegrationTokenRefreshFailing": 10,
        "IntegrationTokenNotReady": 10,
        "IntegrationTokenStalled": 5,
        "TokenEndpointNotReady": 5,
        "IntegrationTokenSuspended": 60,
        "IntegrationTokenRolloverTooLate": 60,
    }
    for minute in (0, 4, 5, 9, 10, 59, 60, 90):
        case.fire(minute * MINUTE, *(line for line in told if after[line.split()[0]] <= minute), besides=COUNTED)
    promtool.play(rule_file, [case], tmp_path)


def test_operator_that_was_never_there(rule_file: Path, tmp_path: Path) -> None:
    """Missing metrics and a missing leader are alerted without a single series; a sum alone would stay silent."""
    case = Case("absent", MINUTE, [])
    case.fire(4 * MINUTE)
    case.fire(5 * MINUTE, "IntegrationTokenNoLeader operators")
    case.fire(10 * MINUTE, "IntegrationTokenNoLeader operators", "IntegrationTokenOperatorAbsent operators")
    case.see(10 * MINUTE, "sum(integration_token_leader) < 1", {})
    promtool.play(rule_file, [case], tmp_path)


def test_replicas_without_a_leader(rule_file: Path, tmp_path: Path, scraped: Scraped) -> None:
    """If replicas respond but none has the Lease, only that is alerted."""
    standby, changed = re.subn(
        r"^integration_token_leader 1(\.0)?$", "integration_token_leader 0", scraped.text, flags=re.M
    )
    assert changed
    standby = "\n".join(line for line in standby.splitlines() if "namespace=" not in line)
    series = held(standby, scraped.now, 30, MINUTE)
    case = Case("standby", MINUTE, series)
    case.fire(4 * MINUTE)
    case.fire(20 * MINUTE, "IntegrationTokenNoLeader operators")
    promtool.play(rule_file, [case], tmp_path)
