"""Tracks calls that the API server refuses for lack of permission: verb and resource, as a Role would grant them."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Collection
from typing import NamedTuple

from integration_token.clock import Clock
from integration_token.errors import ClusterError, Denied, Unavailable
from integration_token.telemetry.logs import get_logger

log = get_logger(__name__)

_RBAC = re.compile(r"cannot \w+ resource ")
"""Part of the authorizer's text for a 403; those of a quota or a webhook come after it and read differently."""

_OPTIONAL = frozenset({"pods", "configmaps", "serviceaccounts", "serviceaccounts/token"})
"""Resources that an installation may deliberately withhold: the code that would use them reports it where it
matters."""

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}

_FORGET_AFTER = 600.0
"""Seconds after which a refusal that was not repeated no longer counts: refused calls are retried within 5 min while
anything needs them."""

_REVIEW_PERIOD = 5.0
"""Seconds between two reviews: an API server that is starting refuses calls that it grants a moment later, and not
every call is repeated soon."""
_REVIEWED = 20
"""Refusals that are reviewed at a time."""

_SHOWN = 3
"""Namespaces that are listed if one call is refused in several."""


class Call(NamedTuple):
    """What a Role would have to grant."""

    verb: str
    group: str
    """The API group; empty for core."""
    resource: str
    """The plural, with its subresource, such as `integrationtokens/status`."""
    namespace: str
    """Empty for the whole cluster."""


def call_of(method: str, path: str) -> Call:
    """The call that an HTTP request to the API server makes."""
    place, _, query = path.partition("?")
    root, *parts = place.strip("/").split("/")
    if root not in {"api", "apis"}:
        return Call(_VERBS.get(method, "get"), "", root, "")  # not a resource, such as /version
    group, parts = ("", parts[1:]) if root == "api" else (parts[0], parts[2:])
    namespace = ""
    if parts[0] == "namespaces" and len(parts) > 2:
        namespace, parts = parts[1], parts[2:]
    resource, named = "/".join(parts[:1] + parts[2:]), len(parts) > 1
    verb = _VERBS.get(method) or ("get" if named else "watch" if "watch=true" in query else "list")
    return Call(verb, group, resource, namespace)


class Permissions:
    """The refused calls, until they are granted."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._refused: dict[Call, float] = {}
        """With the time of the last refusal of each."""

    def on_answer(self, method: str, path: str, refusal: ClusterError | None) -> None:
        """Records the API server's response to a request."""
        if isinstance(refusal, Unavailable):
            return  # it may have failed before authorization
        if isinstance(refusal, Denied) and refusal.status == 403 and _RBAC.search(str(refusal)):
            call = call_of(method, path)
            if call.resource in _OPTIONAL:
                return
            if not any(call[:3] == other[:3] for other in self._refused):
                log.error("missing permission, grant it to the operator's ServiceAccount", verb=call.verb,
                          resource=call.resource, namespace=call.namespace or "*", error=str(refusal))  # fmt: skip
            self._refused[call] = self._clock.now().boot
        elif self._refused:
            self._forget(call_of(method, path))

    async def run(self, is_permitted: Callable[[Call], Awaitable[bool]]) -> None:
        """Reviews refused calls forever.

        :param is_permitted: asks the API server whether a call would be allowed now.
        """
        while True:
            await asyncio.sleep(_REVIEW_PERIOD)
            for call in self._current()[:_REVIEWED]:
                try:
                    if await is_permitted(call):
                        self._forget(call)
                except ClusterError:
                    break  # a successful call, or time, will tell

    def is_refused_in_all(self, namespaces: Collection[str]) -> bool:
        """Whether something is refused in each of these namespaces; without namespaces, whether anything is.

        Deleting a namespace deletes the operator's Role in it: that must not make the whole operator unready.
        """
        refused = {call.namespace for call in self._current()}
        return bool(refused) and ("" in refused or refused.issuperset(namespaces))

    @property
    def missing(self) -> str:
        """The calls that are refused now, for messages; empty if none are."""
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
            log.info("permission granted, or no longer needed", verb=call.verb, resource=call.resource)


def _where(namespaces: Collection[str]) -> str:
    if "" in namespaces:
        return ""
    named = sorted(namespaces)
    more = len(named) - _SHOWN
    return f" in {', '.join(named[:_SHOWN])}" + (f" and {more} more" if more > 0 else "")
