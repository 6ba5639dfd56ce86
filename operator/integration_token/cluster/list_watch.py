"""Lists and watches, parsed as they arrive: a page or an event may be larger than should be in memory at once."""

from collections.abc import AsyncGenerator, Callable, Mapping

import aiohttp

from integration_token.cluster.collection import Object
from integration_token.cluster.page import PageReader
from integration_token.cluster.rest_client import TIMEOUT, RestClient
from integration_token.cluster.wire import decoded
from integration_token.errors import Denied, Unavailable


async def pages(
    client: RestClient, path: str, headers: Mapping[str, str], cut: Callable[[Object], Object]
) -> AsyncGenerator[Object, None]:
    """A list as `items`, some at a time, each reduced by `cut`; the last ones of a page come with its `metadata`.

    :param path: includes the number of objects per page.
    """
    more: str | None = ""
    while more is not None:
        response = await client.open("GET", f"{path}{more}", None, headers, TIMEOUT)
        if response.status != 200:
            await client.read("GET", path, response, None)
            raise Denied("404 the API server does not know this kind: install the CRDs", status=response.status)
        reader = PageReader()
        try:
            async for data in response.content.iter_any():
                items = [cut(item) for item, _ in reader.feed(data)]
                if items:
                    yield {"items": items}
            items = [cut(item) for item, _ in reader.close()]
        except (aiohttp.ClientError, TimeoutError):
            raise Unavailable("the API server's response broke off") from None
        except (ValueError, KeyError, TypeError, AttributeError):
            raise Unavailable("the API server's response is not a list") from None
        finally:
            response.close()
        client.on_answer("GET", path, None)
        metadata = reader.fields.get("metadata")
        if not isinstance(metadata, dict):
            raise Unavailable("the API server's response is not a list")
        yield {"items": items, "metadata": metadata}
        token = metadata.get("continue")
        more = f"&continue={token}" if token else None


async def events(
    client: RestClient, path: str, headers: Mapping[str, str], cut: Callable[[Object], Object]
) -> AsyncGenerator[tuple[str, Object], None]:
    """The type of each watch event and its object reduced by `cut`, until the server ends the watch.

    An ERROR event comes with a complete `Status` object; 410 in it means that the version in `path` is too old.

    :raises Unavailable: if the watch broke.
    """
    response = await client.open_watch(path, headers, None)
    try:
        async for line in _lines(response.content):
            event = decoded(line)
            yield event["type"], event["object"] if event["type"] == "ERROR" else cut(event["object"])
    except (aiohttp.ClientError, TimeoutError, ValueError, KeyError, TypeError):
        raise Unavailable("the watch broke") from None
    finally:
        response.close()


async def _lines(content: aiohttp.StreamReader) -> AsyncGenerator[bytes, None]:
    """The lines, however long: one event contains a whole object."""
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
