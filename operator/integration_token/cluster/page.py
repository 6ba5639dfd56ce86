"""Parses lists from the API server as they arrive.

One object may be 1.5 MiB, and take several times that once parsed. A page of them would fill the memory before anything
could be left out. So each object is parsed and reduced before the next one.
"""

import codecs
import json
import re
from collections.abc import Iterator
from typing import Any, Final

from integration_token.api.integration import shortened
from integration_token.api.names import ALLOWED_HOSTS_ANNOTATION, RENEW_ANNOTATION

Object = dict[str, Any]

LARGE: Final = 16384
"""Characters of JSON from which an object of ours counts as large: an ordinary one has 5,000."""

_SPACE = re.compile(r"[ \t\r\n]*")
_NAMES = ("namespace", "name", "uid", "resourceVersion", "generation", "deletionTimestamp")

MAX_ALLOWED_HOSTS: Final = 2048
"""Characters kept of the list of hosts, and of audiences: about eighty hosts. The annotation may have 256 KiB."""


class PageReader:
    """One page of a list, fed as it arrives. Holds no more text than one object has."""

    def __init__(self) -> None:
        self.fields: Object = {}
        """The list's own fields, once everything has arrived."""
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._json = json.JSONDecoder()
        self._text = ""
        self._more: list[str] = []
        """Text that has arrived since the last step."""
        self._waiting = 0
        """Its number of characters."""
        self._worth = 0
        """Characters that must arrive before parsing again is worth while."""
        self._place = "start"
        """Before the list, in it before a `name`, before a name's `value`, before one of its `items`, or at its
        `end`."""
        self._name = ""

    def feed(self, data: bytes) -> Iterator[tuple[Object, int]]:
        """The objects completed by this data, each with its number of characters.

        :raises ValueError: if it is not UTF-8.
        """
        self._more.append(self._decoder.decode(data))
        self._waiting += len(self._more[-1])
        if self._waiting < self._worth:
            return
        self._text += "".join(self._more)
        self._more.clear()
        self._waiting = at = 0
        while (step := self._step(at)) is not None:
            found, end = step
            if found is not None:
                yield found, end - at
            at = end
        self._text = self._text[at:]
        # Otherwise an object that arrives in a thousand pieces would be parsed a thousand times from its beginning.
        self._worth = len(self._text)

    def close(self) -> list[tuple[Object, int]]:
        """The last objects, when everything has arrived, in the form of :meth:`feed`.

        :raises ValueError: if it is not a complete list, or contains anything but objects.
        """
        self._worth = 0
        last = list(self.feed(b""))
        if self._place != "end" or _SPACE.sub("", self._text):
            raise ValueError("not a complete list of objects")
        return last

    def _step(self, at: int) -> tuple[Object | None, int] | None:
        """An object, if one begins here, and where to go on; None if more data is needed."""
        at = self._skip(at)
        character = self._text[at : at + 1]
        if not character or self._place == "end":
            return None
        if self._place == "start":
            self._place = "name" if character == "{" else "end"
            return (None, at + 1) if character == "{" else None
        if character == ",":
            return None, at + 1
        if self._place == "name":
            return self._read_name(at, character)
        if self._place == "items" and character == "]":
            self._place = "name"
            return None, at + 1
        if self._place == "value" and self._name == "items" and character == "[":
            self._place = "items"
            return None, at + 1
        return self._read_value(at)

    def _read_name(self, at: int, character: str) -> tuple[None, int] | None:
        if character == "}":
            self._place = "end"
            return None, at + 1
        found = self._decode(at)
        if found is None:
            return None
        self._name, colon = str(found[0]), self._skip(found[1])
        if self._text[colon : colon + 1] != ":":
            return None
        self._place = "value"
        return None, colon + 1

    def _read_value(self, at: int) -> tuple[Object | None, int] | None:
        found = self._decode(at)
        # The last digits of a number may not have arrived: only what follows shows its end.
        if found is None or self._skip(found[1]) == len(self._text):
            return None
        value, end = found
        if self._place == "value":
            self.fields[self._name] = value
            self._place = "name"
            return None, end
        return (value, end) if isinstance(value, dict) else None

    def _decode(self, at: int) -> tuple[Any, int] | None:
        try:
            return self._json.raw_decode(self._text, at)
        except ValueError:
            return None

    def _skip(self, at: int) -> int:
        found = _SPACE.match(self._text, at)
        return at if found is None else found.end()


def essence(item: Object) -> Object:
    """The essential metadata of an object: its names, versions and the annotations that its owner sets for us.

    These are cut to the length that readers keep.
    """
    metadata = item["metadata"]
    kept = {name: metadata[name] for name in _NAMES if name in metadata}
    annotations = metadata.get("annotations") or {}
    told = {}
    if RENEW_ANNOTATION in annotations:
        told[RENEW_ANNOTATION] = shortened(annotations[RENEW_ANNOTATION])
    if ALLOWED_HOSTS_ANNOTATION in annotations:
        told[ALLOWED_HOSTS_ANNOTATION] = annotations[ALLOWED_HOSTS_ANNOTATION][: MAX_ALLOWED_HOSTS + 1]
    return {"metadata": {**kept, "annotations": told}}


def let_go(item: Object) -> None:
    """Reduces an object, in place, to its essential metadata."""
    kept = essence(item)
    item.clear()
    item.update(kept)
