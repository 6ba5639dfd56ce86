"""The steps of `kubectl integration-token diagnose`."""

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from integration_token.command.diagnosis import FAILED, OK, _selected

from tests.unit.test_api_values import integration

if TYPE_CHECKING:
    from integration_token.command.caller import Caller


class Namespaces:
    """A caller that finds a namespace of the team `store`."""

    async def find(self, *_: object) -> dict[str, Any]:
        """The namespace."""
        return {"metadata": {"labels": {"team": "store"}}}


@pytest.mark.parametrize(("team", "result"), [("store", OK), ("shipping", FAILED)])
def test_a_step_has_the_same_name_whatever_its_result(team: str, result: str) -> None:
    """Scripts find it by that in the output as JSON."""
    named = SimpleNamespace(namespace_selector={"matchLabels": {"team": team}})
    step = asyncio.run(_selected(cast("Caller", Namespaces()), integration(), cast("Any", named)))
    assert (step.name, step.result) == ("namespace selector", result)
