"""This version writes what released versions wrote: annotations, grant hash, field manager, labels and target Secret.

Condition types and reasons belong to it too. All of it is API, though no user types it: after an upgrade, and after a
rollback, every stored token is judged by it. If one character of a hash changes, a thousand valid tokens are requested
again; with one more key in the Secret, each Secret is rewritten, by both versions in turn while replicas run both. If a
test in this file fails, fix the code and not the vector: a new input enters the hash only if it isn't the default.
"""

import json
from typing import Any

import pytest
from integration_token.api.integration import parse_integration
from integration_token.cluster.target import read_target
from integration_token.cluster.template import check_template

from tests.released.case import FIXED, Object, drawn
from tests.released.probe import answers
from tests.released.release import RELEASES, Release
from tests.unit.test_target import served

COUNT = 300
"""Random cases: they take a second for both versions."""
SEED = 1

every_release = pytest.mark.parametrize("release", RELEASES, ids=[release.version for release in RELEASES])


def _vectors(release: Release) -> Any:
    return json.loads(release.vectors.read_text())


def test_there_is_a_release_to_compare_with() -> None:
    """Without vectors all of this file would pass."""
    assert RELEASES
    assert all(release.vectors.exists() for release in RELEASES)


@every_release
def test_names_are_those_that_were_released(release: Release) -> None:
    """New names may be added; none may be removed."""
    ours, theirs = answers([])["names"], _vectors(release)["names"]
    assert set(theirs["annotations"]) <= set(ours["annotations"])
    assert set(theirs["labels"]) <= set(ours["labels"])
    fixed = ("manager", "group_version", "plurals")
    assert [ours[name] for name in fixed] == [theirs[name] for name in fixed]


@every_release
def test_conditions_are_those_that_were_released(release: Release) -> None:
    """In their order, since a new order would rewrite every status; reasons that alerts may name are all kept."""
    ours, theirs = answers([]), _vectors(release)
    assert [kind for kind in ours["condition_types"] if kind in theirs["condition_types"]] == theirs["condition_types"]
    assert set(theirs["reasons"]) <= set(ours["reasons"])


@every_release
def test_the_grants_hash_is_what_was_released(release: Release) -> None:
    """For each case, so that no token is requested again."""
    cases = _vectors(release)["cases"]
    found = answers([entry["case"] for entry in cases.values()])["cases"]
    assert {name: entry["hash"] for name, entry in zip(cases, found, strict=True)} == {
        name: entry["answer"]["hash"] for name, entry in cases.items()
    }


@every_release
def test_the_secret_is_what_was_released(release: Release) -> None:
    """The whole Secret, byte by byte, so that none is rewritten."""
    cases = _vectors(release)["cases"]
    found = answers([entry["case"] for entry in cases.values()])["cases"]
    for name, answer in zip(cases, found, strict=True):
        assert answer["body"] == cases[name]["answer"]["body"], name


@every_release
def test_vectors_are_of_the_released_code(release: Release) -> None:
    """Not of other code that happened to be on the path when they were made."""
    answer = release.ask([entry["case"] for entry in _vectors(release)["cases"].values()])
    assert answer.pop("code") == str(release.wheel / "integration_token")
    vectors = _vectors(release)
    assert answer == vectors | {"cases": [entry["answer"] for entry in vectors["cases"].values()]}


@every_release
def test_both_versions_write_the_same_and_read_each_other(release: Release) -> None:
    """For any spec: each version accepts the other's hash and token, and leaves the Secret unchanged."""
    cases = [*FIXED.values(), *drawn(SEED, COUNT)]
    ours, theirs = answers(cases), release.ask(cases)
    assert ours["code"] != theirs["code"] == str(release.wheel / "integration_token")
    for case, mine, other in zip(cases, ours["cases"], theirs["cases"], strict=True):
        assert mine == other, case

    stored = [_with_secret(case, answer["body"]) for case, answer in zip(cases, ours["cases"], strict=True)]
    read = answers(stored)["cases"]
    for case, mine, other in zip(stored, read, release.ask(stored)["cases"], strict=True):
        assert mine == other, case
        assert mine["read"]["access_token"] == case["token"]["access_token"]
        assert (mine["current"], mine["rewritten"]) == (True, False), case


@every_release
def test_no_released_template_is_refused_if_its_secret_exists(release: Release) -> None:
    """Nor one with a text that is an unknown placeholder today: an upgrade neither stops nor reports anything."""
    cases = [*FIXED.values(), *drawn(SEED, COUNT)]
    assert any("${unknown}" in json.dumps(case) for case in cases)
    for case, theirs in zip(cases, release.ask(cases)["cases"], strict=True):
        secret = served(theirs["body"])
        check_template(parse_integration(case["integration"]).template, secret, read_target(secret))


def _with_secret(case: Object, body: Object) -> Object:
    return case | {"secret": served(body)}
