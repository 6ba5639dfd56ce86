"""The tables of operator/docs/reference.md match the code."""

from dataclasses import fields
from pathlib import Path

from integration_token.api import names
from integration_token.api.condition import ConditionType, Reason, Trait, told_by
from integration_token.api.endpoint import EndpointKind, EndpointRef
from integration_token.api.event import EventReason
from integration_token.api.integration import parse_integration
from integration_token.clock import Instant, SystemClock
from integration_token.cluster.fence import Fence
from integration_token.renewal.plan import TokenPlan
from integration_token.renewal.rollover import Rollover
from integration_token.runtime.settings import Settings, option, variable
from integration_token.state.inventory import Inventory
from integration_token.state.resource import Remembered
from integration_token.telemetry.metrics import Metrics
from integration_token.workqueue.endpoint_queues import EndpointQueues
from integration_token.workqueue.key import Key
from integration_token.workqueue.scheduler import Scheduler
from prometheus_client.parser import text_string_to_metric_families

from tests.unit.document import codes, table
from tests.unit.scrape import scraped

DOCUMENTS = Path(__file__).parents[2] / "operator" / "docs"
REFERENCE = (DOCUMENTS / "reference.md").read_text()
TOLD = told_by([{"type": "Ready", "status": "True", "reason": "Valid"}])


def test_reasons() -> None:
    """Every reason appears once, with its meaning and what to do."""
    rows = table(REFERENCE, "reason")
    assert sorted(row[0].strip("`") for row in rows) == sorted(Reason)
    assert all(len(row) == 3 and all(row) for row in rows)


def test_conditions() -> None:
    """Every condition is explained."""
    assert [row[0].strip("`") for row in table(REFERENCE, "condition")] == list(ConditionType)


def test_what_stalls() -> None:
    """The reasons that make waiting tools give up are listed for both kinds, and no others."""
    _, _, after = REFERENCE.partition("\nThese reasons make an IntegrationToken `Stalled`: ")
    token, _, endpoint = after.partition("\n\n")[0].partition(" These make an endpoint `Stalled`:")
    for text, trait in ((token, Trait.STALLS), (endpoint, Trait.STALLS_ENDPOINT)):
        assert sorted(codes(text)) == sorted(reason for reason in Reason if trait in reason.traits)


def test_flags() -> None:
    """Every flag is listed with its environment variable."""
    listed = [(*codes(row[0]), *codes(row[1])) for row in table(REFERENCE, "flag")]
    assert listed == [(f"--{option(field.name)}", variable(field.name)) for field in fields(Settings)]


def test_annotations() -> None:
    """Every annotation of the target Secret is listed, and those of other objects are described."""
    ours = {value for name, value in vars(names).items() if name.endswith("_ANNOTATION")}
    elsewhere = {
        names.ALLOWED_AUDIENCES_ANNOTATION,
        names.ALLOWED_HOSTS_ANNOTATION,
        names.RENEW_ANNOTATION,
        names.REFRESHED_ANNOTATION,
    }
    assert {row[0].strip("`") for row in table(REFERENCE, "annotation")} == ours - elsewhere
    shown = REFERENCE + (DOCUMENTS / "integrationtoken.md").read_text()
    assert all(name in shown for name in elsewhere)


def test_events() -> None:
    """Every event that is not named after a condition's reason is listed, and nothing that the operator never says."""
    listed = {name for row in table(REFERENCE, "event") for name in codes(row[0])}
    assert set(EventReason) <= listed <= {*EventReason, *Reason}


async def _nothing(_: Key) -> Instant | None:
    return None


def test_metrics() -> None:
    """Every metric that the operator defines is listed with its labels."""
    clock = SystemClock()
    metrics, inventory = Metrics(), Inventory(clock)
    references = {"endpointRef": {"name": "login"}, "credentialsSecretRef": {"name": "shop"}}
    body = {"metadata": {"namespace": "store", "name": "shop", "uid": "uid"}, "spec": references}
    key, _ = inventory.observe(parse_integration(body))
    inventory.keep_told(key, TOLD)
    state = inventory.resources[key]
    state.remembered = Remembered(plan=TokenPlan(expires=1.0, renews=1.0, poll_at=1.0))
    state.grant.rollover = Rollover(1.0, 2.0)
    scheduler = Scheduler(clock, _nothing, _nothing)
    queues = EndpointQueues(clock, scheduler, lambda _: "login.example")
    metrics.begin_term(inventory, Fence(clock).is_open, scheduler, queues)
    endpoint = EndpointRef(EndpointKind.CLUSTER, "", "grafx")
    inventory.keep_endpoint_version(endpoint, "uid", 1)
    metrics.record_request(endpoint, "issued")
    inventory.keep_endpoint_told(endpoint, TOLD)
    metrics.record_saved_request(endpoint)
    metrics.record_duration(endpoint, 1.0)
    metrics.record_write("store")
    metrics.set_trust_source(lambda: True)
    metrics.record_api_error("get", "secrets", "500")
    metrics.record_watch_restart("secrets")
    families = list(text_string_to_metric_families(scraped(metrics)))
    found: dict[str, set[str]] = {}
    for family in families:
        for sample in family.samples:
            name = family.name if family.type == "histogram" else sample.name
            if name.startswith("integration_token_"):
                found[name] = found.get(name, set()) | set(sample.labels)
    assert {row[0].strip("`"): set(codes(row[1])) for row in table(REFERENCE, "metric")} == found
