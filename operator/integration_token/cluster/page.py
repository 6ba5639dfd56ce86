"""Lists from the API server, taken apart as they come in.

One object may be 1.5 MiB large, and several times that once its JSON has been read. A page of them would fill the
memory before anything could be left out of it. So each object is read by itself, and cut, before the next one is.
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
"""Characters that are kept of the list of hosts, and of that of audiences: some eighty hosts. The annotation may have
256 KiB."""


class PageReader:
    """One page of a list, fed as it comes in. No more text of it is held than one object has."""

    def __init__(self) -> None:
        self.fields: Object = {}
        """The list's own fields, once all has come in."""
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._json = json.JSONDecoder()
        self._text = ""
        self._more: list[str] = []
        """What has come in since."""
        self._waiting = 0
        """How many characters that is."""
        self._worth = 0
        """Characters that must have come in before another look at the text is worth while."""
        self._place = "start"
        """Before the list, in it before a `name`, before a name's `value`, before one of its `items`, or at its
        `end`."""
        self._name = ""

    def feed(self, data: bytes) -> Iterator[tuple[Object, int]]:
        """The objects that are complete by now, each with the characters that it had.

        :raises ValueError: where it is no UTF-8.
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
        # Else an object that comes in a thousand pieces would be read a thousand times from its beginning.
        self._worth = len(self._text)

    def close(self) -> list[tuple[Object, int]]:
        """All has come in: the last objects, as :meth:`feed` has them.

        :raises ValueError: where that is no whole list, or holds anything but objects.
        """
        self._worth = 0
        last = list(self.feed(b""))
        if self._place != "end" or _SPACE.sub("", self._text):
            raise ValueError("no whole list of objects")
        return last

    def _step(self, at: int) -> tuple[Object | None, int] | None:
        """An object, if one begins here, and where to go on; None where more is needed for that."""
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
        # The last digits of a number may be still to come: what follows tells.
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
    """What an object is known by: of its metadata the names, the versions and what its owner tells us by annotations.

    These are cut to as much as who looks at them would keep.
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
    """Leaves of an object, in place, what it is known by."""
    kept = essence(item)
    item.clear()
    item.update(kept)
