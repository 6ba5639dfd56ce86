"""The Secrets that concern us: a list and watch of metadata, selected on the server by our labels.

kopf never watches Secrets: it would hold and log whole objects. The metadata of selected Secrets is reduced to a few
fields on receipt, since annotations may contain the data (`kubectl apply` writes it there).
"""

import asyncio
import random
from collections.abc import Callable, Collection, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from typing import Final

from integration_token.api.names import ALLOWED_HOSTS_ANNOTATION, CREDENTIALS_LABEL, TARGET_LABEL
from integration_token.api.token import revision_of
from integration_token.cluster.collection import SECRETS, Object
from integration_token.cluster.gateway import Gateway
from integration_token.cluster.page import MAX_ALLOWED_HOSTS
from integration_token.errors import ClusterError, Conflict, Denied
from integration_token.telemetry.logs import get_logger

log = get_logger(__name__)

TOO_LONG: Final = "(too long)"
"""Replaces a list that is too long: not a valid host name, so nothing may be sent anywhere."""

_SELECTORS = (f"{CREDENTIALS_LABEL}=true", TARGET_LABEL)
_MAX_BACKOFF = 5.0
"""Seconds between attempts to list while the API server is away: this is where its return is noticed."""
_MAX_BACKOFF_DENIED = 30.0
"""Seconds between attempts to list what the API server refuses."""
_BRIEF = 1.0
"""Minimum seconds between two watches: a server that ends every watch at once must not be asked in a loop."""


@dataclass(frozen=True, slots=True)
class SecretMetadata:
    """What is kept of a Secret."""

    revision: str
    """Identifies the Secret and its version: a single string, since many remembered values refer to it."""
    version: str
    """Its resourceVersion."""
    allowed_hosts: str
    """For credentials: the hosts that they may be sent to, as annotated; empty for any."""


def secret_metadata(secret: Object) -> SecretMetadata:
    """What is kept of a Secret, from its metadata in the API's JSON."""
    metadata = secret["metadata"]
    allowed = (metadata.get("annotations") or {}).get(ALLOWED_HOSTS_ANNOTATION, "")
    if len(allowed) > MAX_ALLOWED_HOSTS:
        allowed = TOO_LONG
    # No host that a request can go to has other characters, and a single one makes the whole string four times as
    # large.
    ascii_text = allowed.encode("ascii", "replace").decode()
    uid, version = metadata["uid"], metadata["resourceVersion"]
    return SecretMetadata(revision_of(uid, version), version, ascii_text)


class SecretWatch:
    """The Secrets with our labels, kept current until :meth:`run` is cancelled.

    Guarantees: after a gap of any length, a new list finds what was created, changed or deleted meanwhile.
    """

    def __init__(
        self,
        gateway: Gateway,
        namespaces: Collection[str],
        changed: Callable[[str, str], None],
        recovered: Callable[[], None] = lambda: None,
        restarted: Callable[[], None] = lambda: None,
    ) -> None:
        """`namespaces` to watch; empty for all. `changed` is called with namespace and name after each change,
        `recovered` when a list succeeds again after the API server was away or refused it, `restarted` whenever a list
        is tried again."""
        self._gateway = gateway
        self._scopes = tuple(namespaces) or ("",)
        self._changed = changed
        self._recovered = recovered
        self._restarted = restarted
        # By selector: a Secret may have both labels.
        self._known: dict[str, dict[tuple[str, str], SecretMetadata]] = {selector: {} for selector in _SELECTORS}
        self._writing: dict[tuple[str, str], object] = {}
        self._listing = len(self._scopes) * len(_SELECTORS)
        self.synced = asyncio.Event()
        """Set once every list has been read, or refused."""
        self.missing = "Secrets are not listed yet"
        """Why it is not set yet; empty once it is."""

    def credentials(self, namespace: str, name: str) -> SecretMetadata | None:
        """The labelled credentials Secret of that name."""
        return self._known[_SELECTORS[0]].get((namespace, name))

    def target(self, namespace: str, name: str) -> SecretMetadata | None:
        """The Secret of that name with a target's label."""
        return self._known[_SELECTORS[1]].get((namespace, name))

    @contextmanager
    def writing(self, namespace: str, name: str) -> Iterator[Callable[[Object], None]]:
        """For the duration of our own write of a target. Call the yielded function with the written Secret to record it
        before the watch reports it.

        The watch may be faster than the response to our write, and may already have reported a later change by someone
        else. What it reported during the write takes precedence.
        """
        key = (namespace, name)
        token = object()
        self._writing[key] = token

        def noted(secret: Object) -> None:
            if self._writing.get(key) is token:
                self._known[_SELECTORS[1]][key] = secret_metadata(secret)

        try:
            yield noted
        finally:
            if self._writing.get(key) is token:
                del self._writing[key]

    def _told(self, key: tuple[str, str]) -> None:
        """Records that the watch or a list reported a Secret."""
        self._writing.pop(key, None)
        self._changed(*key)

    async def run(self) -> None:
        """Lists and watches forever."""
        async with asyncio.TaskGroup() as group:
            for scope in self._scopes:
                for selector in _SELECTORS:
                    group.create_task(self._follow(scope, selector))

    async def _follow(self, scope: str, selector: str) -> None:
        failures, denied = 0, False
        first = True
        while True:
            try:
                try:
                    version = await self._list(scope, selector)
                    if failures:
                        self._recovered()
                    failures = 0
                except Denied:
                    # With several namespaces, one that does not exist or is not granted must not keep the others
                    # waiting.
                    if scope:
                        self._listed(first=first)
                        first = False
                    raise
                self._listed(first=first)
                first = False
                fresh = True
                while fresh:
                    began = asyncio.get_running_loop().time()
                    try:
                        version = await self._watch(scope, selector, version)
                    except Conflict:
                        self._restarted()
                        fresh = False  # the version is too old to watch from: list again
                    if asyncio.get_running_loop().time() - began < _BRIEF:
                        await asyncio.sleep(_BRIEF)
            except ClusterError as error:
                # An API server that is starting refuses what it will grant in a moment: do not wait long for that.
                self._restarted()
                failures = failures + 1 if isinstance(error, Denied) == denied else 1
                denied = isinstance(error, Denied)
                log.warning("cannot watch Secrets", namespace=scope or "*", selector=selector, error=str(error))
                if not self.synced.is_set():
                    self.missing = f"Secrets are not listed yet: {error}"
                longest = _MAX_BACKOFF_DENIED if denied else _MAX_BACKOFF
                backoff = min(longest, 2.0 ** min(failures, 8) / 2)
                await asyncio.sleep(backoff * random.uniform(0.5, 1))  # noqa: S311  # not a secret

    def _listed(self, *, first: bool) -> None:
        self._listing -= first
        if not self._listing:
            self.missing = ""
            self.synced.set()

    async def _list(self, scope: str, selector: str) -> str:
        items, version = await self._gateway.list_metadata(SECRETS, scope, selector)
        known = self._known[selector]
        found = {(item["metadata"]["namespace"], item["metadata"]["name"]): secret_metadata(item) for item in items}
        gone = [key for key in known if key not in found and scope in {"", key[0]}]
        for key in gone:
            del known[key]
            self._told(key)
        for key, metadata in found.items():
            if known.get(key) != metadata:
                known[key] = metadata
                self._told(key)
        return version

    async def _watch(self, scope: str, selector: str, version: str) -> str:
        """Follows one watch to its end, and returns the version to continue from."""
        known = self._known[selector]
        events = self._gateway.watch_metadata(SECRETS, scope, selector, version)
        async with aclosing(events):
            async for kind, item in events:
                if kind == "ERROR":
                    raise Conflict(f"the watch ended: {item.get('code')} {item.get('reason')}")
                version = item["metadata"]["resourceVersion"]
                if kind == "BOOKMARK":
                    continue
                key = (item["metadata"]["namespace"], item["metadata"]["name"])
                metadata = secret_metadata(item)
                if kind == "DELETED":
                    known.pop(key, None)
                elif known.get(key) == metadata:
                    continue  # our own write, recorded already
                else:
                    known[key] = metadata
                self._told(key)
        return version
