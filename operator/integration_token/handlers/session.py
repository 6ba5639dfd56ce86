"""The HTTP session that kopf lists and watches by.

kopf reads a page of a list as a whole, and holds each of its objects until its worker for it has been idle for a
moment: fifty objects of 1.5 MiB, and fifty more. So a page is taken apart as it comes in, and of a large object is left
what tells that it is there: who needs more of it reads it.
"""

from collections.abc import Mapping
from typing import Any

import aiohttp
import kopf

from integration_token.cluster.page import LARGE, PageReader, essence
from integration_token.tls import tolerant

_CUT = "cut"


def is_cut(body: Mapping[str, Any]) -> bool:
    """Whether an object was too large to be passed on: all but its names and versions is to be read anew."""
    return bool(body.get(_CUT))


def session_of(info: kopf.ConnectionInfo) -> aiohttp.ClientSession:
    """A session that reaches the API server as kopf's own would."""
    # Not compressed: a little of that may become much at once.
    headers = {**info.as_http_headers(), "Accept-Encoding": "identity"}
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ssl=tolerant(info.as_ssl_context())),
        headers=headers,
        proxy=info.proxy_url,
        trust_env=False,
        response_class=_Response,
    )


class _Response(aiohttp.ClientResponse):
    """An answer of which a list is read object by object."""

    async def json(self, **options: Any) -> Any:
        if self.status != 200:
            return await super().json(**options)
        reader = PageReader()
        items: list[Any] = []
        async for data in self.content.iter_any():
            items += [_passed(*found) for found in reader.feed(data)]
        items += [_passed(*found) for found in reader.close()]
        return {**reader.fields, "items": items} if items else reader.fields


def _passed(item: dict[str, Any], size: int) -> dict[str, Any]:
    return {**essence(item), _CUT: True} if size > LARGE else item
