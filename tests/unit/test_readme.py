"""The tables of the README, held against the code."""

import re
from dataclasses import fields
from pathlib import Path

from integration_token.api import names
from integration_token.api.condition import ConditionType, Reason, Trait
from integration_token.api.endpoint import EndpointKind, EndpointRef
from integration_token.clock import SystemClock
from integration_token.cluster.fence import Fence
from integration_token.runtime.settings import Settings, option, variable
from integration_token.state.inventory import Inventory
from integration_token.telemetry.metrics import Metrics
from prometheus_client.parser import text_string_to_metric_families

from tests.unit.document import broken_links

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def _table(head: str) -> list[list[str]]:
    """The cells of the table whose first head cell this is, row by row."""
    _, _, after = README.partition(f"\n| {head} |")
    lines = after.split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def _codes(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_reasons() -> None:
    """Every reason stands in the table for troubleshooting, once, with what it means and what to do."""
    rows = _table("reason")
    assert sorted(row[0].strip("`") for row in rows) == sorted(Reason)
    assert all(len(row) == 3 and all(row) for row in rows)


def test_conditions() -> None:
    """Every condition is explained."""
    assert [row[0].strip("`") for row in _table("condition")] == list(ConditionType)


def test_what_stalls() -> None:
    """The reasons that make waiters give up are told, of either kind, and no other."""
    _, _, after = README.partition("\nAn IntegrationToken is `Stalled` by ")
    token, _, endpoint = after.partition(".\n")[0].partition("; an endpoint by ")
    for text, trait in ((token, Trait.STALLS), (endpoint, Trait.STALLS_ENDPOINT)):
        assert sorted(_codes(text)) == sorted(reason for reason in Reason if trait in reason.traits)


def test_flags() -> None:
    """Every flag of the command is listed, with its environment variable."""
    listed = [(*_codes(row[0]), *_codes(row[1])) for row in _table("flag")]
    assert listed == [(f"--{option(field.name)}", variable(field.name)) for field in fields(Settings)]


def test_annotations() -> None:
    """Every annotation of the target Secret is listed, and those that people set are shown elsewhere."""
    ours = {value for name, value in vars(names).items() if name.endswith("_ANNOTATION")}
    elsewhere = {names.ALLOWED_HOSTS_ANNOTATION, names.RENEW_ANNOTATION, names.REFRESHED_ANNOTATION}
    assert {row[0].strip("`") for row in _table("annotation")} == ours - elsewhere
    assert all(name in README for name in elsewhere)


def test_metrics() -> None:
    """Every metric of the operator's own is listed with its labels."""
    inventory = Inventory()
    inventory.observe_unreadable("store", "shop", "uid", 1)
    metrics = Metrics()
    metrics.begin_term(inventory, Fence(SystemClock()).is_open)
    endpoint = EndpointRef(EndpointKind.CLUSTER, "", "grafx")
    inventory.keep_endpoint_version(endpoint, "uid", 1)
    metrics.record_request(endpoint, "issued")
    metrics.record_saved_request(endpoint)
    metrics.record_write("store")
    metrics.set_trust_source(lambda: True)
    samples = [
        sample
        for family in text_string_to_metric_families(metrics.text().decode())
        for sample in family.samples
        if sample.name.startswith("integration_token_") and not sample.name.endswith("_created")
    ]
    listed = {row[0].strip("`"): set(_codes(row[1])) for row in _table("metric")}
    assert listed == {sample.name: set(sample.labels) for sample in samples}


def test_links() -> None:
    """Every link within the project leads somewhere."""
    assert not broken_links(ROOT / "README.md")


def test_threat_model() -> None:
    """Each row of the threat model names tests, and all of them are there."""
    text = (ROOT / "operator" / "docs" / "security.md").read_text()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    named = [_codes(row[3]) for row in rows if len(row) == 4 and row[3].startswith("`")]
    assert len(named) == sum(len(row) == 4 for row in rows) - 2 * 4, "a row names no test"
    place = ROOT
    for code in (code for codes in named for code in codes):
        file, _, name = code.partition(": ") if "." in code or "/" in code else ("", "", code)
        if file:
            place = ROOT / file if "/" in file else ROOT / "tests" / "unit" / file
            assert place.exists(), code
        assert re.search(rf"(class|def) {name}\b", place.read_text()) if name else True, code
