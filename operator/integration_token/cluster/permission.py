"""Which calls the API server refuses for want of permission: verb and resource, as a Role would grant them."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Collection
from typing import NamedTuple

from integration_token.clock import Clock
from integration_token.errors import ClusterError, Denied, Unavailable
from integration_token.telemetry.logs import get_logger

log = get_logger(__name__)

_RBAC = re.compile(r"cannot \w+ resource ")
"""In the text of a 403 by the authorizer; others, by a quota or a webhook, come after it and read differently."""

_OPTIONAL = frozenset({"pods", "configmaps", "serviceaccounts", "serviceaccounts/token"})
"""Resources that an installation may well withhold: who would use them tells of it to those who asked for that."""

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}

_FORGET_AFTER = 600.0
"""Seconds after which a refusal counts no more that wasn't repeated: what is refused is tried again within 5 min, as
long as somebody wants it."""

_REVIEW_PERIOD = 5.0
"""Seconds between two reviews: an API server that is just starting refuses much that it grants a moment later, and not
every call is repeated soon."""
_REVIEWED = 20
"""Refusals that are reviewed at a time."""

_SHOWN = 3
"""Namespaces that are named where one call is refused in several."""


class Call(NamedTuple):
    """What a Role would have to grant."""

    verb: str
    group: str
    """Of the API; empty for the core."""
    resource: str
    """In the plural, with its subresource, such as `integrationtokens/status`."""
    namespace: str
    """Empty for the whole cluster."""


def call_of(method: str, path: str) -> Call:
    """The call that an HTTP request to the API server is."""
    place, _, query = path.partition("?")
    root, *parts = place.strip("/").split("/")
    if root not in {"api", "apis"}:
        return Call(_VERBS.get(method, "get"), "", root, "")  # what is no resource, as /version
    group, parts = ("", parts[1:]) if root == "api" else (parts[0], parts[2:])
    namespace = ""
    if parts[0] == "namespaces" and len(parts) > 2:
        namespace, parts = parts[1], parts[2:]
    resource, named = "/".join(parts[:1] + parts[2:]), len(parts) > 1
    verb = _VERBS.get(method) or ("get" if named else "watch" if "watch=true" in query else "list")
    return Call(verb, group, resource, namespace)


class Permissions:
    """The calls that were refused, until they are granted."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._refused: dict[Call, float] = {}
        """And when each was refused last."""

    def on_answer(self, method: str, path: str, refusal: ClusterError | None) -> None:
        """The API server answered a request, by a refusal or not."""
        if isinstance(refusal, Unavailable):
            return  # it may not have come to judge that
        if isinstance(refusal, Denied) and refusal.status == 403 and _RBAC.search(str(refusal)):
            call = call_of(method, path)
            if call.resource in _OPTIONAL:
                return
            if not any(call[:3] == other[:3] for other in self._refused):
                log.error("not permitted, grant it to the operator's account", verb=call.verb, resource=call.resource,
                          namespace=call.namespace or "*", error=str(refusal))  # fmt: skip
            self._refused[call] = self._clock.now().boot
        elif self._refused:
            self._forget(call_of(method, path))

    async def run(self, is_permitted: Callable[[Call], Awaitable[bool]]) -> None:
        """Reviews for ever what was refused.

        :param is_permitted: asks the API server whether a call would be granted now.
        """
        while True:
            await asyncio.sleep(_REVIEW_PERIOD)
            for call in self._current()[:_REVIEWED]:
                try:
                    if await is_permitted(call):
                        self._forget(call)
                except ClusterError:
                    break  # a call that succeeds, or time, will tell

    def is_refused_in_all(self, namespaces: Collection[str]) -> bool:
        """Whether something is refused in each of these namespaces; of no namespaces, whether anything is.

        A namespace that is gone takes the operator's Role along: no reason to call the whole operator unfit.
        """
        refused = {call.namespace for call in self._current()}
        return bool(refused) and ("" in refused or refused.issuperset(namespaces))

    @property
    def missing(self) -> str:
        """The calls that are refused now, for people; empty where none is."""
        namespaces: dict[str, list[str]] = {}
        for call in self._current():
            namespaces.setdefault(f"{call.verb} {call.resource}", []).append(call.namespace)
        calls = [f"{what}{_where(where)}" for what, where in namespaces.items()]
        return f"not permitted: {'; '.join(sorted(calls))}" if calls else ""

    def _current(self) -> list[Call]:
        now = self._clock.now().boot
        for call in [call for call, at in self._refused.items() if now - at > _FORGET_AFTER]:
            self._forget(call)
        return list(self._refused)

    def _forget(self, call: Call) -> None:
        if self._refused.pop(call, None) is not None and not any(call[:3] == other[:3] for other in self._refused):
            log.info("permitted by now, or no longer wanted", verb=call.verb, resource=call.resource)


def _where(namespaces: Collection[str]) -> str:
    if "" in namespaces:
        return ""
    named = sorted(namespaces)
    more = len(named) - _SHOWN
    return f" in {', '.join(named[:_SHOWN])}" + (f" and {more} more" if more > 0 else "")
