"""The chart's rules on what an operator reports over days, evaluated by promtool.

Being due differs from being late, and nobody is woken for a token that is as it should be.
"""

import asyncio
from functools import cache
from pathlib import Path
from typing import Final

import pytest
from integration_token.api.condition import Reason
from integration_token.api.names import INTEGRATION_TOKENS
from integration_token.errors import Transient

from tests.chart.rendering import Document
from tests.fakes import fault
from tests.fakes.issuer import Policy
from tests.monitoring import promtool, rules
from tests.monitoring.passage import DAY, HOUR, MINUTE, STEP, nothing, record
from tests.monitoring.promtool import OWN, Case
from tests.monitoring.series import Recording
from tests.unit.world import NAMESPACE, World

EXPIRES: Final = "integration_token_expiration_timestamp_seconds"
LEAD: Final = "integration_token_rollover_lead_seconds"
SHOP: Final = f"{NAMESPACE}/shop"
WITHOUT_LEADER: Final = "IntegrationTokenNoLeader"
"""Virtual time has no Lease and so no leader: that alert is tested elsewhere."""

OTHERS: Final = {
    "Expiry": "integration_token_expiration_timestamp_seconds - time() < 600",
    "CertManager": "integration_token_renewal_timestamp_seconds < time()",
}
"""Rules as for certificates: a token is bad if it expires soon, or if its renewal should have begun."""


@pytest.fixture(scope="module")
def day_rules(rule_groups: Document, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The chart's rules, plus the ones that others might write."""
    own = [rule for group in rule_groups["groups"] for rule in group["rules"] if rule["alert"] != WITHOUT_LEADER]
    others = [{"alert": name, "expr": expression, "for": "5m"} for name, expression in OTHERS.items()]
    groups = [{"name": "own", "rules": own}, {"name": "others", "rules": others}]
    return rules.write({"groups": groups}, tmp_path_factory.mktemp("days") / "days.yml")


_OTHER: Final = f'count by (alertname) (ALERTS{{alertstate="firing", alertname=~"{"|".join(OTHERS)}"}})'
"""Those of them that fire."""


def _ever(seconds: float) -> str:
    """Every alert of the chart that fired within that time."""
    fired = f'ALERTS{{alertstate="firing", alertname=~"{OWN}"}}'
    return f"count by (alertname) (count_over_time({fired}[{seconds:.0f}s]))"


QUIET: Final = {
    "lead 1 h": Policy(DAY, HOUR),
    "lead 5 min": Policy(DAY, 300),
    "each request mints": Policy(DAY, HOUR, cached=False),
    "1 h": Policy(HOUR, 600),
    "Keycloak": Policy(300, 0, cached=False),
}
"""Endpoints without problems."""


@cache
def _days(kind: str) -> Recording:
    """Two days at such an endpoint; some hours in finer steps if tokens live for less."""
    policy = QUIET[kind]
    return record(nothing, 2 * DAY, policy) if policy.lifetime == DAY else record(nothing, 6 * HOUR, policy, step=30)


@pytest.mark.parametrize("kind", QUIET)
def test_days_on_which_all_is_well(day_rules: Path, tmp_path: Path, kind: str) -> None:
    """An endpoint with new tokens in time causes no alert, on the first day or later."""
    recording = _days(kind)
    case = Case(kind, recording.step, recording.series())
    end = recording.step * (len(recording.scrapes) - 1)
    case.see(end, _ever(end), {})
    promtool.play(day_rules, [case], tmp_path)


def test_days_at_an_endpoint_without_a_lead(day_rules: Path, tmp_path: Path) -> None:
    """An information alert says that tokens come too late for files, once that has been seen; nothing else fires.

    A rule about any token that expires within ten minutes would wake somebody each day.
    """
    recording = record(nothing, 3 * DAY, Policy(DAY, 0))
    case = Case("lead 0", STEP, recording.series())
    case.see(3 * DAY, _ever(3 * DAY), {'{alertname="IntegrationTokenRolloverTooLate"}': 1})
    for day in (0.5, 1.5):
        last_minutes = recording.value(EXPIRES, day * DAY) - 2 * MINUTE
        case.see(last_minutes, f'{_OTHER} and on (alertname) ALERTS{{alertname="Expiry"}}', {'{alertname="Expiry"}': 1})
    promtool.play(day_rules, [case], tmp_path)


def test_rule_for_certificates_is_a_false_alarm(day_rules: Path, tmp_path: Path) -> None:
    """A rule about overdue renewals would fire for hours of the first day, until the lead is learned.

    The endpoint has no new token before its last hour.
    """
    recording = _days("lead 1 h")
    expiry = recording.value(EXPIRES, 0)
    case = Case("lead 1 h", STEP, recording.series())
    for left in (4 * HOUR, 2 * HOUR):
        case.see(expiry - left, _OTHER, {'{alertname="CertManager"}': 1})
    promtool.play(day_rules, [case], tmp_path)


BEGIN: Final = 1.5 * DAY
"""When the problem starts: by then the rollover lead is known."""


def test_outage_of_an_endpoint(day_rules: Path, tmp_path: Path) -> None:
    """First come failing refreshes and the endpoint being down, before anything breaks, then a late token.

    At last the token has expired; once the endpoint is back, nothing fires.
    """
    end = 2 * DAY + 6 * HOUR

    async def plot(world: World) -> None:
        await asyncio.sleep(BEGIN)
        world.client.outage = Transient(Reason.ENDPOINT_UNREACHABLE, "no connection")
        await asyncio.sleep(end - BEGIN)
        world.mend()

    recording = record(plot, end + HOUR, Policy(DAY, HOUR))
    case = Case("outage", STEP, recording.series())
    expiry = recording.value(EXPIRES, BEGIN)
    due = expiry - recording.value(LEAD, BEGIN)
    refresh, down = f"IntegrationTokenRefreshFailing {SHOP}", f"TokenEndpointDown {NAMESPACE}"
    late = f"IntegrationTokenRenewalLate {SHOP}"
    case.fire(due - HOUR)
    case.fire(due + 15 * MINUTE, refresh, down)
    case.fire(expiry - 10 * MINUTE, refresh, down, late)
    case.fire(expiry + 20 * MINUTE, down, late, f"IntegrationTokenNotReady {SHOP}")
    case.fire(end + HOUR)
    promtool.play(day_rules, [case], tmp_path)


def test_endpoint_that_keeps_the_operator_waiting(day_rules: Path, tmp_path: Path) -> None:
    """Waiting as the endpoint asked is no failure; but if that makes a token late, there is an alert."""

    async def plot(world: World) -> None:
        await asyncio.sleep(BEGIN)
        world.fault(fault.retry_after(900))

    recording = record(plot, 2 * DAY, Policy(DAY, HOUR))
    case = Case("busy", STEP, recording.series())
    expiry = recording.value(EXPIRES, BEGIN)
    case.fire(expiry - recording.value(LEAD, BEGIN) + 8 * MINUTE)
    case.fire(expiry - 10 * MINUTE, f"IntegrationTokenRenewalLate {SHOP}")
    promtool.play(day_rules, [case], tmp_path)


def test_suspended_for_a_day(day_rules: Path, tmp_path: Path) -> None:
    """While its token is valid nothing fires, however overdue it is; then there is an information alert."""

    async def plot(world: World) -> None:
        await asyncio.sleep(BEGIN)
        world.cluster.edit(INTEGRATION_TOKENS, NAMESPACE, "shop", _suspend)

    recording = record(plot, 2.25 * DAY, Policy(DAY, HOUR))
    case = Case("suspended", STEP, recording.series())
    expiry = recording.value(EXPIRES, BEGIN)
    case.fire(expiry - 5 * MINUTE)
    case.fire(expiry + 30 * MINUTE)
    case.fire(expiry + 2 * HOUR, f"IntegrationTokenSuspended {SHOP}")
    promtool.play(day_rules, [case], tmp_path)


def test_resource_without_a_token_expires_never(day_rules: Path, tmp_path: Path) -> None:
    """Without a first token no rule about expiry fires; the missing token itself is alerted."""
    recording = record(nothing, HOUR, Policy(), credentialsSecretRef={"name": "not-there-yet"})
    case = Case("none", STEP, recording.series())
    case.fire(30 * MINUTE, f"IntegrationTokenNotReady {SHOP}")
    case.see(30 * MINUTE, _OTHER, {})
    promtool.play(day_rules, [case], tmp_path)


def _suspend(body: Document) -> None:
    body["spec"]["suspend"] = True
