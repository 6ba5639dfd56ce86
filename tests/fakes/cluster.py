"""An API server in memory for the operator's gateway, as strict as the real one wherever the operator relies on it.

It has optimistic locking by uid and resourceVersion, 409 and 404, immutable Secrets and types, status separate from
spec, a generation that counts spec changes, and managed fields.
"""

import asyncio
import base64
import itertools
import json
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from integration_token.api.names import CLUSTER_TOKEN_ENDPOINTS, INTEGRATION_TOKENS, MANAGER, TOKEN_ENDPOINTS
from integration_token.api.value import format_time
from integration_token.cluster.collection import EVENTS, SECRETS, SERVICE_ACCOUNTS, Collection, Object
from integration_token.cluster.connection import Access
from integration_token.cluster.gateway import Gateway
from integration_token.errors import ClusterError, Conflict, Denied

Json = TypeVar("Json")

Path = tuple[str, str, str]
"""Plural, namespace and name."""

Change = Callable[[str, str, Object], None]
"""Called for each change with the plural, ADDED, MODIFIED or DELETED, and the object."""


@dataclass(slots=True)
class _Failing:
    """Calls that are refused, or preceded by somebody else's, before they do anything."""

    verb: str
    plural: str
    error: ClusterError | None
    before: Callable[[], None] | None
    remaining: int


class Cluster(Gateway):
    """The objects that an operator and people act on."""

    def __init__(self, now: Callable[[], float] = lambda: _BEGIN) -> None:
        """Starts empty; `now` is its clock, in seconds since the epoch."""
        self.now = now
        self.objects: dict[Path, Object] = {}
        self.calls: list[tuple[str, str, str]] = []
        """Verb, plural and name of each of the operator's calls, except events."""
        self.latency = 0.0
        """Seconds that each of the operator's calls takes."""
        self.events: list[Object] = []
        self.listeners: list[Change] = []
        self.token_requests: list[tuple[str, str, int]] = []
        """Of requested tokens: account, audience and seconds."""
        self.own_token: str | None = account_token("operators", "operator", "uid-operator", "https://api.internal")
        """The operator's own identity; None: a certificate."""
        self.misissued: Object = {}
        """Claims that replace those of ServiceAccount tokens."""
        self._versions = itertools.count(1)
        self._created: Counter[Path] = Counter()
        self._watches: list[tuple[str, str, asyncio.Queue[tuple[str, Object]]]] = []
        self._queues: list[asyncio.Queue[tuple[str, Object]]] = []
        self._failing: list[_Failing] = []
        self._cut = False

    # For tests to look at.

    def find(self, plural: str, namespace: str, name: str) -> Object | None:
        """An object as stored."""
        return self.objects.get((plural, namespace, name))

    def object(self, plural: str, namespace: str, name: str) -> Object:
        """An object that must exist."""
        return self.objects[plural, namespace, name]

    @property
    def writes(self) -> list[tuple[str, str, str]]:
        """The calls that changed something, or tried to."""
        return [call for call in self.calls if call[0] not in {"get", "list"}]

    def reasons(self) -> list[str]:
        """The reasons of all events so far, oldest first."""
        return [event["reason"] for event in self.events]

    # What people do.

    def apply(self, plural: str, body: Object, manager: str = "kubectl") -> Object:
        """Creates an object, or replaces everything but its status by `body`; keeps other labels and annotations."""
        metadata = body["metadata"]
        path = (plural, metadata.get("namespace", ""), metadata["name"])
        old = self.objects.get(path)
        if old is None:
            return self._store(path, None, _copy(body), manager)
        merged = {**_copy(body), "metadata": {**old["metadata"], **_copy(metadata)}}
        if "status" in old:
            merged["status"] = old["status"]
        return self._store(path, old, merged, manager)

    def edit(self, plural: str, namespace: str, name: str, change: Callable[[Object], None]) -> Object:
        """Changes an object in place, as `kubectl edit` does."""
        path = (plural, namespace, name)
        body = _copy(self.objects[path])
        change(body)
        return self._store(path, self.objects[path], body, "kubectl-edit")

    def remove(self, plural: str, namespace: str, name: str) -> None:
        """Deletes an object, whoever owns it."""
        gone = self.objects.pop((plural, namespace, name))
        self._tell(plural, "DELETED", gone)

    def fail(self, verb: str, plural: str, error: ClusterError, count: int = 1) -> None:
        """Makes the next `count` calls of that kind raise the error instead of doing anything."""
        self._failing.append(_Failing(verb, plural, error, None, count))

    @property
    def failing(self) -> bool:
        """Whether :meth:`fail` still has calls left."""
        return bool(self._failing)

    def fail_no_more(self) -> None:
        """Ends the effects of :meth:`fail` and :meth:`before`."""
        self._failing.clear()

    def before(self, verb: str, plural: str, act: Callable[[], None]) -> None:
        """Lets somebody do something just before the next call of that kind arrives."""
        self._failing.append(_Failing(verb, plural, None, act, 1))

    # What the operator calls.

    async def get(self, collection: Collection, namespace: str, name: str) -> Object | None:
        await self._called("get", collection, namespace, name)
        return _copy(self.objects.get((collection.plural, namespace, name)))

    async def get_metadata(self, collection: Collection, namespace: str, name: str) -> Object | None:
        found = await self.get(collection, namespace, name)
        return None if found is None else {"metadata": found["metadata"]}

    async def create(self, collection: Collection, namespace: str, body: Object, *, dry_run: bool = False) -> Object:
        if collection is EVENTS:
            if any(event["metadata"]["name"] == body["metadata"]["name"] for event in self.events):
                raise Conflict(f"409 {body['metadata']['name']} already exists")
            self.events.append(body)
            return body
        path = (collection.plural, namespace, body["metadata"]["name"])
        await self._called("create", collection, namespace, path[2])
        if path in self.objects:
            raise Conflict(f"409 {path[2]} already exists")
        if body["metadata"].keys() & {"uid", "resourceVersion"}:
            raise Denied("400 resourceVersion should not be set on objects to be created", status=400)
        body = _copy(body)
        body["metadata"]["namespace"] = namespace
        if dry_run:
            return body
        return _copy(self._store(path, None, body, MANAGER))

    async def access(self) -> Access:
        return Access("https://10.0.0.1:6443", None, True, "Bearer", self.own_token, None, None, None)

    async def create_token(self, namespace: str, account: str, audience: str, seconds: int) -> Object | None:
        await self._called("create token", SERVICE_ACCOUNTS, namespace, account)
        found = self.objects.get((SERVICE_ACCOUNTS.plural, namespace, account))
        if found is None:
            return None
        assert audience
        assert seconds >= 600
        self.token_requests.append((account, audience, seconds))
        token = account_token(namespace, account, found["metadata"]["uid"], audience, **self.misissued)
        return {"status": {"token": token}}

    async def replace(
        self, collection: Collection, namespace: str, name: str, body: Object, *, dry_run: bool = False
    ) -> Object:
        await self._called("replace", collection, namespace, name)
        path = (collection.plural, namespace, name)
        old = self.objects.get(path)
        if old is None:
            raise Conflict(f"{name} was deleted meanwhile")
        for key in ("uid", "resourceVersion"):
            if body["metadata"][key] != old["metadata"][key]:
                raise Conflict(f"409 the object has been modified: {key}")
        changed = old.get("data") != body.get("data") or old.get("immutable") != body.get("immutable")
        if old.get("type") != body.get("type") or (old.get("immutable") and changed):
            raise Denied("422 field is immutable", status=422)
        body = _copy(body)
        body["metadata"] = {
            "namespace": namespace,
            "managedFields": old["metadata"]["managedFields"],
            **body["metadata"],
        }
        if dry_run:
            return body
        return _copy(self._store(path, old, body, MANAGER))

    async def delete(self, collection: Collection, namespace: str, name: str, uid: str, version: str) -> None:
        await self._called("delete", collection, namespace, name)
        found = self.objects.get((collection.plural, namespace, name))
        if found is None:
            return
        if (uid, version) != (found["metadata"]["uid"], found["metadata"]["resourceVersion"]):
            raise Conflict("409 the precondition failed")
        self.remove(collection.plural, namespace, name)

    async def patch_status(
        self, collection: Collection, namespace: str, name: str, version: str, status: Mapping[str, Any]
    ) -> bool:
        await self._called("patch status", collection, namespace, name)
        path = (collection.plural, namespace, name)
        old = self.objects.get(path)
        if old is None:
            return False
        if old["metadata"]["resourceVersion"] != version:
            raise Conflict("409 the object has been modified")
        merged = {**old.get("status", {}), **_copy(dict(status))}
        body = {**_copy(old), "status": {key: value for key, value in merged.items() if value is not None}}
        self._store(path, old, body, MANAGER)
        return True

    async def annotate(
        self,
        collection: Collection,
        namespace: str,
        name: str,
        annotations: Mapping[str, str],
        *,
        manager: str = MANAGER,
    ) -> None:
        await self._called("annotate", collection, namespace, name)
        path = (collection.plural, namespace, name)
        old = self.objects.get(path)
        if old is not None:
            body = _copy(old)
            body["metadata"].setdefault("annotations", {}).update(annotations)
            self._store(path, old, body, manager)

    async def pages(
        self, collection: Collection, namespace: str, field_selector: str
    ) -> AsyncGenerator[list[Object], None]:
        await self._called("list", collection, namespace, "")
        unwanted = [each.split("!=") for each in field_selector.split(",")]
        for (plural, where, _), body in list(self.objects.items()):
            if (plural, where) != (collection.plural, namespace):
                continue
            if all(body[part][key] != value for field, value in unwanted for part, key in [field.split(".")]):
                yield [_copy(body)]

    async def list_metadata(self, collection: Collection, namespace: str, selector: str) -> tuple[list[Object], str]:
        await asyncio.sleep(0)
        found = [
            {"metadata": _copy(each["metadata"])}
            for (plural, where, _), each in self.objects.items()
            if plural == collection.plural and namespace in {"", where} and _selected(each, selector)
        ]
        # There is no await between here and the start of the watch: nothing is missed between the two.
        queue: asyncio.Queue[tuple[str, Object]] = asyncio.Queue()
        self._watches.append((namespace, selector, queue))
        self._queues.append(queue)
        return found, str(len(self._queues) - 1)

    async def watch_metadata(
        self, collection: Collection, namespace: str, selector: str, version: str
    ) -> AsyncGenerator[tuple[str, Object], None]:
        queue = self._queues[int(version)]
        while True:
            kind, item = await queue.get()
            yield kind, item if kind == "ERROR" else {"metadata": item["metadata"]}

    def cut(self) -> None:
        """The watches of Secrets report nothing any more."""
        self._cut = True

    def relisten(self) -> None:
        """They end because their version is too old, and begin again with a list."""
        self._cut = False
        ended, self._watches = self._watches, []
        for _, _, queue in ended:
            queue.put_nowait(("ERROR", {"code": 410, "reason": "Expired"}))

    async def _called(self, verb: str, collection: Collection, namespace: str, name: str) -> None:
        await asyncio.sleep(self.latency)
        self.calls.append((verb, collection.plural, name))
        for failing in list(self._failing):
            if (failing.verb, failing.plural) == (verb, collection.plural):
                failing.remaining -= 1
                if not failing.remaining:
                    self._failing.remove(failing)
                if failing.before is not None:
                    failing.before()
                if failing.error is not None:
                    raise failing.error

    def _store(self, path: Path, old: Object | None, body: Object, manager: str) -> Object:
        number = next(self._versions)
        metadata = body["metadata"]
        managed = _managed(old, body, manager)
        if old is None:
            # Independent of other objects: what a UID decides must not depend on them.
            self._created[path] += 1
            uid = f"uid-{'-'.join(path)}-{self._created[path]}"
            metadata |= {"uid": uid, "generation": 1, "creationTimestamp": format_time(self.now())}
            if path[0] in _WITH_STATUS:
                body.setdefault("status", {"observedGeneration": 0})  # the schema's default
        else:
            changed = old.get("spec") != body.get("spec")
            metadata |= {
                "uid": old["metadata"]["uid"],
                "generation": old["metadata"]["generation"] + changed,
                "creationTimestamp": old["metadata"]["creationTimestamp"],
            }
        metadata |= {"resourceVersion": str(number), "managedFields": managed}
        self.objects[path] = body
        self._tell(path[0], "ADDED" if old is None else "MODIFIED", body)
        if old is not None and path[0] == SECRETS.plural and not self._cut:
            # For a watch that selects by label, an object that lost the label is deleted.
            for namespace, selector, queue in self._watches:
                if namespace in {"", path[1]} and _selected(old, selector) and not _selected(body, selector):
                    queue.put_nowait(("DELETED", _copy(body)))
        return body

    def _tell(self, plural: str, kind: str, body: Object) -> None:
        for listener in self.listeners:
            listener(plural, kind, _copy(body))
        if plural == SECRETS.plural and not self._cut:
            for namespace, selector, queue in self._watches:
                if namespace in {"", body["metadata"]["namespace"]} and _selected(body, selector):
                    queue.put_nowait((kind, _copy(body)))


def account_token(namespace: str, account: str, uid: str, audience: str, **claims: Any) -> str:
    """A ServiceAccount's token as the API server creates it, without a valid signature."""
    payload = {
        "iss": "https://kubernetes.default.svc.cluster.local",
        "aud": [audience],
        "sub": f"system:serviceaccount:{namespace}:{account}",
        "kubernetes.io": {"namespace": namespace, "serviceaccount": {"name": account, "uid": uid}},
        "jti": f"{next(_TOKENS)}",
        **claims,
    }
    parts = ({"alg": "RS256", "kid": "test"}, payload)
    encoded = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
    return f"{'.'.join(encoded)}.signature"


_TOKENS = itertools.count(1)


def _copy(value: Json) -> Json:
    """A deep copy of a JSON value; copy.deepcopy takes ten times as long."""
    copied: Any = value
    if isinstance(value, dict):
        copied = {key: _copy(inner) for key, inner in value.items()}
    elif isinstance(value, list):
        copied = [_copy(inner) for inner in value]
    return copied  # type: ignore[no-any-return]  # as its argument


def _selected(body: Object, selector: str) -> bool:
    key, equals, value = selector.partition("=")
    labels = body["metadata"].get("labels") or {}
    return labels.get(key) == value if equals else key in labels


_BEGIN = 1_800_000_000.0
_WITH_STATUS = frozenset({INTEGRATION_TOKENS, TOKEN_ENDPOINTS, CLUSTER_TOKEN_ENDPOINTS})
_RECORDED = ("labels", "annotations")


def _fields(body: Object | None) -> dict[tuple[str, ...], Any]:
    """The values whose writers are recorded, by their path in `fieldsV1`."""
    if body is None:
        return {}
    found: dict[tuple[str, ...], Any] = {("f:data", f"f:{key}"): each for key, each in (body.get("data") or {}).items()}
    for part in _RECORDED:
        for key, value in (body["metadata"].get(part) or {}).items():
            found["f:metadata", f"f:{part}", f"f:{key}"] = value
    return found


def _managed(old: Object | None, body: Object, manager: str) -> list[Object]:
    """The managed fields: `manager` gets all that it changed or added, the others keep the rest of theirs."""
    before, after = _fields(old), _fields(body)
    changed = {place for place, value in after.items() if before.get(place) != value}
    owned: dict[str, set[tuple[str, ...]]] = {}
    for entry in body["metadata"].get("managedFields") or ():
        kept = owned.setdefault(entry["manager"], set())
        kept |= {place for place in _places(entry["fieldsV1"]) if place in after and place not in changed}
    owned.setdefault(manager, set()).update(changed)
    return [{"manager": name, "operation": "Update", "fieldsV1": _nested(places)} for name, places in owned.items()]


def _places(fields: Object, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for key, inner in fields.items():
        if inner:
            yield from _places(inner, (*above, key))
        elif len(above) > 0:
            yield (*above, key)


def _nested(places: set[tuple[str, ...]]) -> Object:
    fields: Object = {}
    for place in sorted(places):
        inner = fields
        for key in place:
            inner = inner.setdefault(key, {})
    return fields
