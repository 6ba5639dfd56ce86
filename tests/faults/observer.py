"""Watches of target Secrets and resources that rely only on the API server and survive its outages."""

import json
import threading
import time
from base64 import b64decode
from collections.abc import Callable, Iterator
from typing import Any, Final

import httpx

from tests.apiserver.kube import GROUP_VERSION
from tests.apiserver.stage import TARGET_LABEL
from tests.fakes.issuer import Minted
from tests.faults.record import Place, Sight

SECRETS: Final = f"/api/v1/secrets?labelSelector={TARGET_LABEL}"
TOKENS: Final = f"/apis/{GROUP_VERSION}/integrationtokens?"

_QUIET: Final = 5.0
"""Seconds without an event before a watch is reopened, so that an end is noticed and a hanging one is given up."""
_AGAIN: Final = 0.1
"""Seconds between attempts to reach the API server."""

Object = dict[str, Any]


class Watch(threading.Thread):
    """One list and watch, as long as the thread lives; the next list finds what is missed while it is broken."""

    def __init__(self, client: httpx.Client, path: str) -> None:
        """`path` ends so that a parameter may follow."""
        super().__init__(name=f"watching {path}", daemon=True)
        self._client = client
        self._path = path
        self._ended = threading.Event()
        self._known: dict[Place, Object] = {}
        self.relists = -1
        """How often the watch was lost."""

    def seen(self, at: float, place: Place, found: Object | None) -> None:
        """Called for each change; None if the object is gone."""
        raise NotImplementedError

    def end(self) -> None:
        """Ends the watch, and waits until it has ended."""
        self._ended.set()
        self.join()

    def run(self) -> None:
        """Watches."""
        while not self._ended.is_set():
            try:
                version = self._list()
                while not self._ended.is_set():
                    for kind, found in self._events(version):
                        if kind == "ERROR":
                            raise httpx.RemoteProtocolError("the watch is too old")
                        version = found["metadata"]["resourceVersion"]
                        if kind != "BOOKMARK":
                            self._take(found, gone=kind == "DELETED")
            except (httpx.HTTPError, ValueError):
                self._ended.wait(_AGAIN)

    def _list(self) -> str:
        answer = self._client.get(self._path).raise_for_status().json()
        self.relists += 1
        there = {_place(found): found for found in answer["items"]}
        for place in self._known.keys() - there.keys():
            self._take(self._known[place], gone=True)
        for found in there.values():
            self._take(found, gone=False)
        version: str = answer["metadata"]["resourceVersion"]
        return version

    def _events(self, version: str) -> Iterator[tuple[str, Object]]:
        path = f"{self._path}&watch=true&allowWatchBookmarks=true&resourceVersion={version}"
        try:
            with self._client.stream("GET", path, timeout=_QUIET) as response:
                response.raise_for_status()
                for line in response.iter_lines():
                    event = json.loads(line)
                    yield event["type"], event["object"]
                    if self._ended.is_set():
                        return
        except httpx.ReadTimeout:
            return

    def _take(self, found: Object, *, gone: bool) -> None:
        place, before = _place(found), self._known.get(_place(found))
        if gone:
            self._known.pop(place, None)
        elif before is not None and _version(before) == _version(found):
            return
        else:
            self._known[place] = found
        if not gone and before is not None and _uid(before) != _uid(found):
            self.seen(time.time(), place, None)
        self.seen(time.time(), place, None if gone else found)


class SecretWatch(Watch):
    """What target Secrets hold."""

    def __init__(self, client: httpx.Client, find: Callable[[str], Minted | None]) -> None:
        """`find` returns any token that an endpoint has issued."""
        super().__init__(client, SECRETS)
        self._find = find
        self.sights: dict[Place, list[Sight]] = {}

    def seen(self, at: float, place: Place, found: Object | None) -> None:
        """A Secret was written, or is gone."""
        sights = self.sights.setdefault(place, [])
        if found is None:
            sights.append(Sight(at, ""))
            return
        owners = found["metadata"].get("ownerReferences", [])
        owner = next((each["uid"] for each in owners if each.get("controller")), "")
        value = b64decode((found.get("data") or {}).get("token", "")).decode(errors="replace")
        token = self._find(value)
        uid = _uid(found)
        if token is None:
            sights.append(Sight(at, uid, owner))
        else:
            sights.append(Sight(at, uid, owner, token.serial, token.grant.client_id, token.expires))


class TokenWatch(Watch):
    """Which resources exist, and which are Ready."""

    def __init__(self, client: httpx.Client) -> None:
        super().__init__(client, TOKENS)
        self.gone: dict[str, float] = {}
        """When the watch reported a resource's deletion, by UID."""
        self.ready: dict[Place, bool] = {}
        self._uids: dict[Place, str] = {}

    def seen(self, at: float, place: Place, found: Object | None) -> None:
        """A resource was changed, or is gone."""
        if found is None:
            self.gone.setdefault(self._uids[place], at)
            self.ready.pop(place, None)
            return
        self._uids[place] = _uid(found)
        conditions = found.get("status", {}).get("conditions", [])
        self.ready[place] = any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def _place(found: Object) -> Place:
    return found["metadata"]["namespace"], found["metadata"]["name"]


def _uid(found: Object) -> str:
    uid: str = found["metadata"]["uid"]
    return uid


def _version(found: Object) -> str:
    version: str = found["metadata"]["resourceVersion"]
    return version
