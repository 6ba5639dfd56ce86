"""The chart's rules as they are installed, by promtool: on what an operator tells while days pass. What is due is told from
what is late, and nobody is woken for a token that is as it should be."""

import asyncio
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
from tests.monitoring.passage import DAY, HOUR, MINUTE, nothing, record
from tests.monitoring.promtool import OWN, Case
from tests.unit.world import NAMESPACE, World

SHOP: Final = f"{NAMESPACE}/shop"
WITHOUT_LEADER: Final = "IntegrationTokenNoLeader"
"""There is no Lease in virtual time, and so no leader to be told of: that alert is looked at elsewhere."""

OTHERS: Final = {
    "README": "integration_token_expiration_timestamp_seconds - time() < 600",
    "CertManager": "integration_token_renewal_timestamp_seconds < time()",
}
"""Rules that are at hand for whoever knows certificates: a token is bad when it expires soon, or is older than when its
renewal was to begin."""


@pytest.fixture(scope="module")
def day_rules(rule_groups: Document, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The chart's, and beside them those that others would write."""
    own = [rule for group in rule_groups["groups"] for rule in group["rules"] if rule["alert"] != WITHOUT_LEADER]
    others = [{"alert": name, "expr": expression, "for": "5m"} for name, expression in OTHERS.items()]
    groups = [{"name": "own", "rules": own}, {"name": "others", "rules": others}]
    return rules.write({"groups": groups}, tmp_path_factory.mktemp("days") / "days.yml")


def _ever(seconds: float) -> str:
    """Every alert of the chart that fired once within that time."""
    fired = f'ALERTS{{alertstate="firing", alertname=~"{OWN}"}}'
    return f"count by (alertname) (count_over_time({fired}[{seconds:.0f}s]))"


QUIET: Final = {
    "lead 1 h": Policy(DAY, HOUR),
    "lead 5 min": Policy(DAY, 300),
    "each request mints": Policy(DAY, HOUR, cached=False),
    "1 h": Policy(HOUR, 600),
    "Keycloak": Policy(300, 0, cached=False),
}
"""Endpoints at which all is well."""


@pytest.mark.parametrize("kind", QUIET)
def test_days_on_which_all_is_well(day_rules: Path, tmp_path: Path, kind: str) -> None:
    """At no endpoint that answers with a new token in time is there an alert, on the first day or any later one."""
    days = 1 if QUIET[kind].lifetime < DAY else 3
    case = Case(kind, 120, record(nothing, days * DAY, QUIET[kind]).series())
    case.see(days * DAY, _ever(days * DAY), {})
    promtool.play(day_rules, [case], tmp_path)


def test_days_at_an_endpoint_without_a_lead(day_rules: Path, tmp_path: Path) -> None:
    """It is told, as information, that its tokens come too late for files, once that has been seen; and nothing else."""
    case = Case("lead 0", 120, record(nothing, 3 * DAY, Policy(DAY, 0)).series())
    case.see(3 * DAY, _ever(3 * DAY), {'{alertname="IntegrationTokenRolloverTooLate"}': 1})
    promtool.play(day_rules, [case], tmp_path)


def test_rules_that_others_have_are_false_alarms(day_rules: Path, tmp_path: Path) -> None:
    """Of tokens that are renewed in time they wake somebody every day: of one that expires and rolls over at the same
    moment, of one whose endpoint isn't to answer with a new one for hours, and of those that live for minutes."""
    late = Case("lead 0", 120, record(nothing, 2 * DAY, Policy(DAY, 0)).series())
    usual = Case("lead 1 h", 120, record(nothing, DAY, Policy(DAY, HOUR)).series())
    firing = 'count by (alertname) (ALERTS{alertstate="firing", alertname=~"README|CertManager"})'
    late.see(DAY - 3 * MINUTE, firing, {'{alertname="README"}': 1, '{alertname="CertManager"}': 1})
    usual.see(DAY - 2 * HOUR, firing, {'{alertname="CertManager"}': 1})
    promtool.play(day_rules, [late, usual], tmp_path)


def test_outage_of_an_endpoint(day_rules: Path, tmp_path: Path) -> None:
    """Of a token of which it is known when it is renewed: first that refreshing fails and that the endpoint is down, hours
    or minutes before anything breaks; then that it is late; at last that it has expired; and once the endpoint is back,
    nothing."""
    begin, end = 2.5 * DAY, 3 * DAY

    async def plot(world: World) -> None:
        await asyncio.sleep(begin)
        world.client.outage = Transient(Reason.ENDPOINT_UNREACHABLE, "no connection")
        await asyncio.sleep(end - begin)
        world.mend()

    case = Case("outage", 120, record(plot, end + 2 * HOUR, Policy(DAY, HOUR)).series())
    expiry = _third_expiry
    refresh, down = f"IntegrationTokenRefreshFailing {SHOP}", f"TokenEndpointDown {NAMESPACE}"
    case.fire(expiry - HOUR - 10 * MINUTE)
    case.fire(expiry - 35 * MINUTE, refresh, down)
    case.fire(expiry - 10 * MINUTE, refresh, down, f"IntegrationTokenRenewalLate {SHOP}")
    case.fire(expiry + 20 * MINUTE, down, f"IntegrationTokenRenewalLate {SHOP}", f"IntegrationTokenNotReady {SHOP}")
    case.fire(end + 2 * HOUR)
    promtool.play(day_rules, [case], tmp_path)


_third_expiry = DAY + 2 * (DAY - HOUR)
"""Seconds after the first token at which the third one expires: each is asked for an hour before the last one's expiry."""


def test_endpoint_that_keeps_the_operator_waiting(day_rules: Path, tmp_path: Path) -> None:
    """Waiting as the endpoint asked for is no failure; but where it makes a token late, that is alerted."""
    begin = 2.5 * DAY

    async def plot(world: World) -> None:
        await asyncio.sleep(begin)
        world.fault(fault.retry_after(900))

    case = Case("busy", 120, record(plot, _third_expiry, Policy(DAY, HOUR)).series())
    case.fire(_third_expiry - 35 * MINUTE)
    case.fire(_third_expiry - 10 * MINUTE, f"IntegrationTokenRenewalLate {SHOP}")
    promtool.play(day_rules, [case], tmp_path)


def test_suspended_for_a_day(day_rules: Path, tmp_path: Path) -> None:
    """As long as its token is valid it is nobody's concern, however overdue; then it is told, as information."""
    begin = 2.5 * DAY

    async def plot(world: World) -> None:
        await asyncio.sleep(begin)
        world.cluster.edit(INTEGRATION_TOKENS, NAMESPACE, "shop", _suspend)

    case = Case("suspended", 120, record(plot, _third_expiry + 3 * HOUR, Policy(DAY, HOUR)).series())
    case.fire(_third_expiry - 5 * MINUTE)
    case.fire(_third_expiry + 30 * MINUTE)
    case.fire(_third_expiry + 2 * HOUR, f"IntegrationTokenSuspended {SHOP}")
    promtool.play(day_rules, [case], tmp_path)


def test_resource_without_a_token_expires_never(day_rules: Path, tmp_path: Path) -> None:
    """Where there has been no token yet no rule about an expiry fires, of the chart's or of others; that there is none is
    alerted."""
    case = Case("none", 120, record(nothing, HOUR, Policy(), credentialsSecretRef={"name": "not-there-yet"}).series())
    case.fire(30 * MINUTE, f"IntegrationTokenNotReady {SHOP}")
    promtool.play(day_rules, [case], tmp_path)


def _suspend(body: Document) -> None:
    body["spec"]["suspend"] = True
