"""A status that an earlier version wrote in other words is not written again, and a change of facts always is."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from integration_token.api.condition import Condition, ConditionType, Reason
from integration_token.api.names import CLUSTER_TOKEN_ENDPOINTS, INTEGRATION_TOKENS
from integration_token.controller.earlier_conditions import ROWS
from integration_token.controller.earlier_wording import in_todays_words
from integration_token.controller.wording import keep_wording, says_same

from tests.unit.literals import literals, modules
from tests.unit.world import NAMESPACE, World, play

CASES = json.loads(Path(__file__).with_name("earlier_messages.json").read_text())
"""Messages as a release wrote them, and as they are today, with their reasons."""

MESSAGES = [pytest.param(case["reason"], case["before"], case["today"], id=case["before"][:60]) for case in CASES]


@pytest.mark.parametrize(("reason", "before", "today"), MESSAGES)
def test_a_message_in_earlier_words_is_kept(reason: str, before: str, today: str) -> None:
    """In whichever condition it is."""
    for kind in (ConditionType.READY, ConditionType.REFRESHED, ConditionType.STALLED):
        status = {"conditions": [{"type": kind, "status": "False", "reason": reason, "message": before}]}
        assert keep_wording(Condition(kind, False, Reason(reason), today), status).message == before


@pytest.mark.parametrize(("reason", "before", "today"), MESSAGES)
def test_todays_words_stay_as_they_are(reason: str, before: str, today: str) -> None:
    """So a message that this version wrote is compared word by word."""
    del reason, before
    assert in_todays_words(today) == today


@pytest.mark.parametrize(("reason", "before", "today"), MESSAGES)
def test_other_facts_are_written(reason: str, before: str, today: str) -> None:
    """The same sentence about another object, or with another number, is news."""
    del reason
    if " answered " in before and " due within " not in before:
        return  # a version that gave no times: only the answer is compared
    facts = ("shop", "login", "authorities", "store", "503", "403", "429", "404", "500", "20 s", "'name'")
    for fact in (fact for fact in facts if fact in today):
        assert not says_same(before, today.replace(fact, "another"))


def test_each_row_is_shown_by_a_message() -> None:
    """A row without one may not match what it was written for."""
    messages, unused = [case["before"] for case in CASES], []
    for row in ROWS:
        after = [in_todays_words(message, [row]) for message in messages]
        if after == messages:
            unused.append(row)
        messages = after
    assert unused == []


def test_todays_words_are_those_of_the_code() -> None:
    """If this fails, you changed a message that has been changed before: put today's words into its row, and add a row
    for the words that you replaced."""
    code = " | ".join(each.text for path in modules() for each in literals(path))
    assert [row for row in ROWS if not _is_known(row.today, code)] == []


def _is_known(phrase: str, code: str) -> bool:
    """Whether at least half of its runs of three words are in the code: messages are put together of parts."""
    runs = [
        " ".join(words[at : at + 3])
        for words in (piece.split(" ") for piece in re.split(r"{\w+}", phrase))
        for at in range(max(1, len(words) - 2))
    ]
    return sum(run in code for run in runs) * 2 >= len(runs)


def test_a_message_longer_than_any_of_a_release_is_not_searched() -> None:
    """Anybody who may write a status could otherwise keep the process busy for minutes."""
    message = "; ".join(row.before for row in ROWS) * 20
    assert in_todays_words(message) == message


@pytest.mark.parametrize(
    ("before", "today"),
    [
        pytest.param(
            "key id of Secret a is no text; write it in quotes", "key id of Secret a is empty; set it", id="what"
        ),
        pytest.param("Secret a is empty; write it anew", "Secret a is empty; set it", id="words that nobody wrote"),
        pytest.param("the endpoint answered 400 a", "the endpoint answered 400 b", id="what the endpoint answered"),
    ],
)
def test_what_says_something_else_is_written(before: str, today: str) -> None:
    """Only the words in the rows are the same as others."""
    assert not says_same(before, today)


def _without_label(world: World) -> None:
    world.cluster.edit("secrets", NAMESPACE, "shop-integration", lambda body: body["metadata"].pop("labels"))


def _stored_under_another_schema(world: World) -> None:
    world.integration(renewBefore="soon")


def _bad_endpoint(world: World) -> None:
    world.cluster_endpoint(namespaceSelector={"matchExpressions": [{"key": "a", "operator": "Perhaps"}]})


@pytest.mark.parametrize("spoil", [_without_label, _stored_under_another_schema, _bad_endpoint])
def test_an_upgrade_writes_nothing_for_the_words(spoil: Callable[[World], None]) -> None:
    """At resources that fail, at those whose spec cannot be read, and at endpoints."""

    async def story(world: World) -> None:
        await world.begin()
        spoil(world)
        await world.settle()
        changed = [_put_in_earlier_words(world, *path) for path in list(world.cluster.objects)]
        assert sum(changed) > 0
        with world.counting() as writes:
            await world.restart()
            await world.settle()
        assert writes == []

    play(story)


def _put_in_earlier_words(world: World, plural: str, namespace: str, name: str) -> int:
    """As the version before left them: how many messages that changes."""
    if plural not in {INTEGRATION_TOKENS, CLUSTER_TOKEN_ENDPOINTS}:
        return 0
    count = 0

    def change(body: dict[str, Any]) -> None:
        nonlocal count
        for condition in body.get("status", {}).get("conditions", ()):
            before = condition["message"]
            for now, then in _SPOKEN.items():
                condition["message"] = condition["message"].replace(now, then)
            count += condition["message"] != before

    world.cluster.edit(plural, namespace, name, change)
    return count


_SPOKEN = {
    "is not labelled for use as credentials": "is not released for use as credentials",
    "; fix this field": "; mend the field",
    "; fix it": "; mend it",
}
"""Today's words, and those before."""
