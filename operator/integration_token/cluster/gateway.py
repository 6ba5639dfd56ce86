"""Calls to the API server with raw JSON: no typed models, whose import costs memory and whose errors show data."""

import asyncio
import base64
import json
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
from kubernetes.aio.client.api_client import ApiClient

from integration_token.api.endpoint import EndpointKind
from integration_token.api.names import (
    CLUSTER_TOKEN_ENDPOINTS,
    GROUP,
    INTEGRATION_TOKENS,
    MANAGER,
    TOKEN_ENDPOINTS,
    VERSION,
)
from integration_token.cluster.fence import Fence
from integration_token.cluster.page import PageReader, essence
from integration_token.cluster.permission import Call, Permissions
from integration_token.errors import ClusterError, Conflict, Denied, Unauthorized, Unavailable
from integration_token.telemetry.redaction import redact

Object = dict[str, Any]
"""An object as the API's JSON has it."""

_TIMEOUT = 30.0
"""Seconds for one call: the API server itself gives up after 60."""

_SILENCE = 75.0
"""Seconds without a byte after which a watch is given up: the API server sends a bookmark every minute."""

_METADATA_LIST = {"Accept": "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"}
_METADATA = {"Accept": "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"}
"""Metadata only: the API server leaves the rest of each object out."""

_PLAIN = 65536
"""Bytes of an answer that are read at once; larger ones are read some at a time: see `_LARGE`."""
_LARGE = 4
"""Larger answers that are read at a time: one object may be 1.5 MiB, and somebody may have made thousands of them."""


@dataclass(frozen=True, slots=True)
class Collection:
    """Where a kind of object lives."""

    prefix: str
    plural: str

    def path(self, namespace: str = "", name: str = "") -> str:
        """The path of the collection (in all namespaces without one), or of one object."""
        parts = [self.prefix]
        if namespace:
            parts += ["namespaces", namespace]
        parts.append(self.plural)
        if name:
            parts.append(name)
        return "/".join(parts)


SECRETS = Collection("/api/v1", "secrets")
NAMESPACES = Collection("/api/v1", "namespaces")
EVENTS = Collection("/api/v1", "events")
PODS = Collection("/api/v1", "pods")
LEASES = Collection("/apis/coordination.k8s.io/v1", "leases")
INTEGRATIONS = Collection(f"/apis/{GROUP}/{VERSION}", INTEGRATION_TOKENS)
ENDPOINTS = {
    EndpointKind.NAMESPACED: Collection(f"/apis/{GROUP}/{VERSION}", TOKEN_ENDPOINTS),
    EndpointKind.CLUSTER: Collection(f"/apis/{GROUP}/{VERSION}", CLUSTER_TOKEN_ENDPOINTS),
}


class Gateway:
    """The calls that the operator makes; each either does what it says or raises a ClusterError.

    Bodies are never logged, and of a refusal only text that holds nothing of the data sent gets into an error.
    """

    def __init__(self, client: ApiClient, fence: Fence | None = None, permissions: Permissions | None = None) -> None:
        """`fence`: who writes only as long as it is open, and doesn't wait any longer either; None where that needs no
        leave. `permissions` is told of every answer."""
        self._client = client
        self._fence = fence
        self._permissions = permissions
        self._large = asyncio.Semaphore(_LARGE)

    async def get(self, collection: Collection, namespace: str, name: str) -> Object | None:
        """One object, None where there is none."""
        status, answer = await self._call("GET", collection.path(namespace, name))
        return None if status == 404 else answer

    async def get_metadata(self, collection: Collection, namespace: str, name: str) -> Object | None:
        """One object without its data, None where there is none."""
        status, answer = await self._call("GET", collection.path(namespace, name), headers=_METADATA)
        return None if status == 404 else answer

    async def create(self, collection: Collection, namespace: str, body: Object, *, dry_run: bool = False) -> Object:
        """Creates an object; a Conflict where the name is taken.

        :param dry_run: the API server does all but store it.
        """
        status, answer = await self._call("POST", _written(collection.path(namespace), dry_run=dry_run), body)
        if status == 404:
            raise Denied(f"namespace {namespace} is gone", status=status)
        return answer

    async def replace(
        self, collection: Collection, namespace: str, name: str, body: Object, *, dry_run: bool = False
    ) -> Object:
        """Replaces the object that `body` was read as; a Conflict where it is another one by now, or gone.

        :param dry_run: the API server does all but store it.
        """
        status, answer = await self._call("PUT", _written(collection.path(namespace, name), dry_run=dry_run), body)
        if status == 404:
            raise Conflict(f"{collection.plural} {namespace}/{name} was deleted meanwhile")
        return answer

    async def delete(self, collection: Collection, namespace: str, name: str, uid: str, version: str) -> None:
        """Deletes an object as it was read; a Conflict where it is another one by now; nothing where it is gone."""
        options = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": {"uid": uid, "resourceVersion": version},
        }
        await self._call("DELETE", collection.path(namespace, name), options)

    async def patch_status(
        self, collection: Collection, namespace: str, name: str, version: str, status: Mapping[str, Any]
    ) -> bool:
        """Merges `status` into an object's status as it was read; False where the object is gone."""
        body = {"metadata": {"resourceVersion": version}, "status": status}
        path = f"{collection.path(namespace, name)}/status?fieldManager={MANAGER}"
        code, _ = await self._call("PATCH", path, body)
        return code != 404

    async def annotate(self, collection: Collection, namespace: str, name: str, annotations: Mapping[str, str]) -> None:
        """Sets annotations of an object; nothing where it is gone."""
        path = f"{collection.path(namespace, name)}?fieldManager={MANAGER}"
        await self._call("PATCH", path, {"metadata": {"annotations": dict(annotations)}})

    async def pages(
        self, collection: Collection, namespace: str, field_selector: str
    ) -> AsyncGenerator[list[Object], None]:
        """The objects whose fields are as selected, some at a time: they may be large."""
        async for page in self._pages(f"{collection.path(namespace)}?fieldSelector={field_selector}&limit=50"):
            yield page["items"]

    async def probe(self, collection: Collection, namespace: str, *, watch: bool) -> None:
        """Returns where objects of the kind can be listed, and with `watch` watched too."""
        status, page = await self._call("GET", f"{collection.path(namespace)}?limit=1", headers=_METADATA_LIST)
        if status == 404:
            raise Denied("404 the API server does not know this kind: install the CRDs", status=status)
        if watch:
            version = page["metadata"]["resourceVersion"]
            path = f"{collection.path(namespace)}?watch=true&timeoutSeconds=1&resourceVersion={version}"
            (await self._open_watch(path, _TIMEOUT)).close()

    async def permitted(self, call: Call) -> bool:
        """Whether the API server would grant the call to us now."""
        resource, _, subresource = call.resource.partition("/")
        attributes = {"verb": call.verb, "group": call.group, "resource": resource, "subresource": subresource}
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {**attributes, "namespace": call.namespace}},
        }
        _, answer = await self._call("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)
        return bool((answer.get("status") or {}).get("allowed"))

    async def list_metadata(self, collection: Collection, namespace: str, selector: str) -> tuple[list[Object], str]:
        """Of the metadata of all selected objects what they are known by, and the resourceVersion from which to
        watch."""
        items: list[Object] = []
        version = ""
        async for page in self.metadata_pages(collection, namespace, selector):
            items += page["items"]
            version = page.get("metadata", {}).get("resourceVersion", version)
        return items, version

    async def metadata_pages(
        self, collection: Collection, namespace: str, selector: str = ""
    ) -> AsyncGenerator[Object, None]:
        """Of the metadata of all selected objects what they are known by, as `items` some at a time."""
        path = f"{collection.path(namespace)}?labelSelector={selector}&limit=500"
        async for page in self._pages(path, _METADATA_LIST, essence):
            yield page

    async def watch_metadata(
        self, collection: Collection, namespace: str, selector: str, version: str
    ) -> AsyncGenerator[tuple[str, Object], None]:
        """The type of each watch event since `version`, and what its object is known by, until the server ends the
        watch.

        An ERROR event comes with a `Status` object; 410 in it means that `version` is too old.
        """
        path = (
            f"{collection.path(namespace)}?labelSelector={selector}&watch=true&allowWatchBookmarks=true"
            f"&resourceVersion={version}"
        )
        response = await self._open_watch(path, None)
        try:
            async for line in _lines(response.content):
                event = json.loads(line)
                yield event["type"], event["object"] if event["type"] == "ERROR" else essence(event["object"])
        except (aiohttp.ClientError, TimeoutError, ValueError, KeyError, TypeError):
            raise Unavailable("the watch broke") from None
        finally:
            response.close()

    async def _pages(
        self, path: str, headers: Mapping[str, str] | None = None, cut: Callable[[Object], Object] = lambda item: item
    ) -> AsyncGenerator[Object, None]:
        """A list as `items`, some at a time, each as `cut` leaves it; the last ones of a page with its `metadata`.

        :param path: says how many objects make a page.
        """
        more: str | None = ""
        while more is not None:
            response = await self._open("GET", f"{path}{more}", None, headers or {}, _TIMEOUT)
            if response.status != 200:
                await self._read("GET", path, response, None)
                raise Denied("404 the API server does not know this kind: install the CRDs", status=response.status)
            reader = PageReader()
            try:
                async for data in response.content.iter_any():
                    items = [cut(item) for item, _ in reader.feed(data)]
                    if items:
                        yield {"items": items}
                items = [cut(item) for item, _ in reader.close()]
            except (aiohttp.ClientError, TimeoutError):
                raise Unavailable("the API server's answer broke off") from None
            except (ValueError, KeyError, TypeError, AttributeError):
                raise Unavailable("the API server's answer is no list") from None
            finally:
                response.close()
            self._answered("GET", path, None)
            metadata = reader.fields.get("metadata")
            if not isinstance(metadata, dict):
                raise Unavailable("the API server's answer is no list")
            yield {"items": items, "metadata": metadata}
            token = metadata.get("continue")
            more = f"&continue={token}" if token else None

    async def _open_watch(self, path: str, seconds: float | None) -> aiohttp.ClientResponse:
        """The answer to a watch that was granted, to be read and closed."""
        response = await self._open("GET", path, None, _METADATA, seconds)
        if response.status == 200:
            self._answered("GET", path, None)
            return response
        try:
            answer = await self._object(response, wanted=True)
        except (aiohttp.ClientError, TimeoutError):
            raise Unavailable("the watch broke") from None
        finally:
            response.close()
        refusal = _refusal(response.status, answer, None)
        self._answered("GET", path, refusal)
        raise refusal

    async def _call(
        self, method: str, path: str, body: Object | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Object]:
        """Status and JSON of one call: 2xx, or 404 where that is for the caller to judge; no JSON of a PATCH."""
        response = await self._open(method, path, body, headers or {}, _TIMEOUT)
        return await self._read(method, path, response, body)

    async def _read(
        self, method: str, path: str, response: aiohttp.ClientResponse, body: Object | None
    ) -> tuple[int, Object]:
        """Status and JSON of an answer, as :meth:`_call` has them."""
        # Of a PATCH it is the whole object, of which whoever changes a part of it wants to know nothing.
        wanted = method != "PATCH" or response.status >= 300
        try:
            answer = await self._object(response, wanted=wanted)
        except (aiohttp.ClientError, TimeoutError):
            raise Unavailable("the API server's answer broke off") from None
        if not wanted:
            self._answered(method, path, None)
            return response.status, {}
        refusal = None
        if response.status >= 300 and response.status != 404:
            refusal = _refusal(response.status, answer, body)
        self._answered(method, path, refusal)
        if refusal is not None:
            raise refusal
        if response.status < 300 and not answer:
            raise Unavailable("the API server's answer is no JSON object")
        return response.status, answer

    async def _object(self, response: aiohttp.ClientResponse, *, wanted: bool) -> Object:
        """The object that an answer holds; empty where it isn't wanted, or the answer holds none."""
        text = bytearray()
        chunks = response.content.iter_any()
        async for data in chunks:
            text += data if wanted else b""
            if len(text) > _PLAIN:
                async with self._large:
                    async for rest in chunks:
                        text += rest
                    return _object(text)
        return _object(text)

    def _answered(self, method: str, path: str, refusal: ClusterError | None) -> None:
        if self._permissions is not None:
            self._permissions.on_answer(method, path, refusal)

    async def _open(
        self,
        method: str,
        path: str,
        body: Object | None,
        headers: Mapping[str, str],
        seconds: float | None,
    ) -> aiohttp.ClientResponse:
        """Sends a request; the answer's body is still to be read.

        :param seconds: for the whole call; None for a watch, which lasts as long as something comes.
        """
        limits = aiohttp.ClientTimeout(total=seconds, sock_connect=_TIMEOUT, sock_read=None if seconds else _SILENCE)
        # Not compressed: a little of that may become much at once, before anybody can wait with reading it.
        sent = {"Accept": "application/json", "Accept-Encoding": "identity", **headers}
        if method == "PATCH":
            sent["Content-Type"] = "application/merge-patch+json"
        try:
            # Without the body, which the library would copy: it is plain JSON already.
            verb, url, prepared, *_ = await self._client.param_serialize(
                method, path, header_params=sent, auth_settings=["BearerToken"]
            )
            if self._fence is not None and method != "GET":
                limits = aiohttp.ClientTimeout(total=min(_TIMEOUT, self._fence.check()))
            answer = await self._client.call_api(verb, url, prepared, body, _request_timeout=limits)
            response: aiohttp.ClientResponse = answer.response
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            # The library's own text holds the request's headers, so only the kind of error is told.
            raise Unavailable(f"the API server cannot be reached ({type(error).__name__})") from None
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            # kopf, when it ends, cancels every task that it did not know before it began, such as the one that opens
            # this connection: a passing fault of this call, and not the end of the caller.
            raise Unavailable("the connection to the API server was given up") from None
        return response


def _written(path: str, *, dry_run: bool) -> str:
    """The path of a write."""
    return f"{path}?fieldManager={MANAGER}{'&dryRun=All' if dry_run else ''}"


async def _lines(content: aiohttp.StreamReader) -> AsyncGenerator[bytes, None]:
    """The lines, however long: one event holds a whole object."""
    buffer = bytearray()
    async for data in content.iter_any():
        *ends, rest = data.split(b"\n")
        for end in ends:
            line = bytes(buffer + end)
            buffer.clear()
            yield line
        buffer += rest
    if buffer:
        yield bytes(buffer)


def _object(text: bytes | bytearray) -> Object:
    """Of a body; empty where it is no JSON object."""
    try:
        answer = json.loads(text)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _refusal(status: int, answer: Object, body: Object | None) -> ClusterError:
    if status == 409:
        return Conflict("409 the object was changed meanwhile, or exists already")
    if status == 410:
        return Conflict("410 the watch's resourceVersion is too old")
    message = f"{status} {redact(str(answer.get('message', '')), _data(body))}".strip()
    if status == 401:
        return Unauthorized(message)
    if status in {408, 429} or status >= 500:
        return Unavailable(message)
    return Denied(message, status=status)


def _data(body: Object | None) -> list[str]:
    """What an admission webhook's refusal of a target may echo: the token, which all of its secret values hold."""
    token = str(((body or {}).get("data") or {}).get("token", ""))
    return [token, base64.b64decode(token).decode(errors="replace")] if token else []
