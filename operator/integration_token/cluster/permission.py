"""Which calls the API server refuses for want of permission: verb and resource, as a Role would grant them."""

import re
from collections.abc import Collection
from typing import NamedTuple

from integration_token.clock import Clock
from integration_token.errors import ClusterError, Denied, Unavailable
from integration_token.logs import get_logger

log = get_logger(__name__)

_RBAC = re.compile(r"cannot \w+ resource ")
"""In the text of a 403 by the authorizer; others, by a quota or a webhook, come after it and read differently."""

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}

_FORGOTTEN = 600.0
"""Seconds after which a refusal counts no more that wasn't repeated: what is refused is tried again within 5 min, as
long as somebody wants it."""

_SHOWN = 3
"""Namespaces that are named where one call is refused in several."""


class Call(NamedTuple):
    """What a Role would have to grant."""

    verb: str
    resource: str
    """In the plural, with its subresource, such as `integrationtokens/status`."""
    namespace: str
    """Empty for the whole cluster."""


def call_of(method: str, path: str) -> Call:
    """The call that an HTTP request to the API server is."""
    place, _, query = path.partition("?")
    parts = place.strip("/").split("/")
    parts = parts[2:] if parts[0] == "api" else parts[3:]
    namespace = ""
    if parts[0] == "namespaces" and len(parts) > 2:
        namespace, parts = parts[1], parts[2:]
    resource, named = "/".join(parts[:1] + parts[2:]), len(parts) > 1
    verb = _VERBS.get(method) or ("get" if named else "watch" if "watch=true" in query else "list")
    return Call(verb, resource, namespace)


class Permissions:
    """The calls that were refused, until they succeed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._refused: dict[tuple[str, str], dict[str, float]] = {}
        """By verb and resource, the namespaces and when it was refused there last."""

    def answered(self, method: str, path: str, refusal: ClusterError | None) -> None:
        """The API server answered a request, by a refusal or not."""
        if isinstance(refusal, Unavailable):
            return  # it may not have come to judge that
        if isinstance(refusal, Denied) and refusal.status == 403 and _RBAC.search(str(refusal)):
            call = call_of(method, path)
            if (call.verb, call.resource) not in self._refused:
                log.error("not permitted, grant it to the operator's account", verb=call.verb, resource=call.resource,
                          namespace=call.namespace or "*", error=str(refusal))  # fmt: skip
            self._refused.setdefault((call.verb, call.resource), {})[call.namespace] = self._clock.now().boot
        elif self._refused:
            self._forget(*call_of(method, path))

    def block(self, namespaces: Collection[str]) -> bool:
        """Whether something is refused in each of these namespaces; of no namespaces, whether anything is.

        A namespace that is gone takes the operator's Role along: no reason to call the whole operator unfit.
        """
        self._age()
        refused = {namespace for each in self._refused.values() for namespace in each}
        return bool(refused) and ("" in refused or refused.issuperset(namespaces))

    @property
    def missing(self) -> str:
        """The calls that are refused now, for people; empty where none is."""
        self._age()
        calls = [f"{verb} {resource}{_where(namespaces)}" for (verb, resource), namespaces in self._refused.items()]
        return f"not permitted: {'; '.join(sorted(calls))}" if calls else ""

    def _age(self) -> None:
        now = self._clock.now().boot
        for (verb, resource), namespaces in list(self._refused.items()):
            for namespace, at in list(namespaces.items()):
                if now - at > _FORGOTTEN:
                    self._forget(verb, resource, namespace)

    def _forget(self, verb: str, resource: str, namespace: str) -> None:
        namespaces = self._refused.get((verb, resource), {})
        if namespaces.pop(namespace, None) is not None and not namespaces:
            del self._refused[verb, resource]
            log.info("permitted by now, or no longer wanted", verb=verb, resource=resource)


def _where(namespaces: dict[str, float]) -> str:
    named = sorted(name for name in namespaces if name)
    if not named or "" in namespaces:
        return ""
    more = len(named) - _SHOWN
    return f" in {', '.join(named[:_SHOWN])}" + (f" and {more} more" if more > 0 else "")
