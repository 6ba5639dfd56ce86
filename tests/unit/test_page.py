"""Lists are parsed as they arrive, however they are split into chunks."""

import gc
import json
import time
from typing import Any

import pytest
from integration_token.api.names import ALLOWED_HOSTS_ANNOTATION, RENEW_ANNOTATION
from integration_token.cluster.page import MAX_ALLOWED_HOSTS, PageReader, essence, let_go

ITEMS: list[dict[str, Any]] = [
    {"metadata": {"name": "shop", "uid": "1"}, "spec": {"n": [1, 2.5, -3e2, True, None], "text": '}],"items":[{\\ \n'}},
    {},
    {"metadata": {"name": "Überstände 😀"}, "items": [{"items": []}]},
]
FIELDS: dict[str, Any] = {"kind": "List", "metadata": {"resourceVersion": "9", "remainingItemCount": 12}, "count": 123}


def read(text: bytes, piece: int) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The items and fields of a list that arrives in chunks."""
    reader = PageReader()
    items = [item for start in range(0, len(text), piece) for item, _ in reader.feed(text[start : start + piece])]
    return items + [item for item, _ in reader.close()], reader.fields


@pytest.mark.parametrize("piece", [1, 2, 7, 64, 10_000])
@pytest.mark.parametrize("indent", [None, 2], ids=["as the API server writes it", "indented"])
@pytest.mark.parametrize("first", [True, False], ids=["items first", "items last"])
def test_all_is_read_wherever_it_is_cut(piece: int, indent: int | None, first: bool) -> None:
    """Within a multi-byte character, an escape or a number."""
    whole = {"items": ITEMS, **FIELDS} if first else {**FIELDS, "items": ITEMS}
    for escaped in (True, False):
        text = json.dumps(whole, indent=indent, ensure_ascii=escaped).encode()
        assert read(text, piece) == (ITEMS, FIELDS)


@pytest.mark.parametrize("items", [b"[]", b"null"])
def test_a_list_may_be_empty(items: bytes) -> None:
    """Go writes an empty list in either form."""
    found, fields = read(b'{"kind":"List","items":' + items + b',"metadata":{}}\n', 3)
    assert (found, fields["metadata"]) == ([], {})


def test_what_is_no_list_is_read_too() -> None:
    """As when the API server lists the kinds that it serves."""
    assert read(b'{"kind": "APIResourceList", "resources": [{"name": "pods"}]}', 5) == (
        [],
        {"kind": "APIResourceList", "resources": [{"name": "pods"}]},
    )


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"<html>",
        b"[]",
        b"{",
        b'{"items": [',
        b'{"items": [{}, 7]}',
        b'{"items": [{}}',
        b'{"items": [{]}',
        b'{"items" [{}]}',
        b'{"items": [{"a": "b}]}',
        b'{"items": []} {"items": []}',
        b'{"items": [{"a": "\xff"}]}',
    ],
)
@pytest.mark.parametrize("piece", [1, 1000])
def test_what_is_broken_off_or_no_json_is_refused(text: bytes, piece: int) -> None:
    """It is never taken for a shorter list."""
    with pytest.raises(ValueError, match=r"."):
        read(text, piece)


def test_an_object_that_comes_in_many_pieces_is_not_read_again_and_again() -> None:
    """Four times the size costs about four times as much, not sixteen."""

    def seconds(size: int) -> float:
        text = json.dumps({"items": [{"spec": {f"{each:08}": "" for each in range(size // 14)}}]}).encode()
        gc.disable()  # it would go through everything that other tests left
        try:
            begun = time.process_time()
            read(text, 1024)
            return time.process_time() - begun
        finally:
            gc.enable()

    seconds(1000)
    assert min(seconds(1_600_000) for _ in range(2)) < 9 * min(seconds(400_000) for _ in range(3))


def test_the_size_of_each_object_is_reported() -> None:
    """That is how large objects are found."""
    reader = PageReader()
    text = json.dumps({"items": [{"a": "x" * 1000}, {}], "metadata": {}}).encode()
    assert [size for _, size in reader.feed(text)] == [1009, 3]
    assert reader.close() == []


def test_of_metadata_only_what_an_object_is_known_by_is_left() -> None:
    """Annotations may hold the data: `kubectl apply` puts it there."""
    metadata = {"namespace": "store", "name": "shop", "uid": "1", "resourceVersion": "2", "generation": 3}
    ours = {ALLOWED_HOSTS_ANNOTATION: "login.example", RENEW_ANNOTATION: "now"}
    item = {
        "metadata": {
            **metadata,
            "annotations": {**ours, "kubectl.kubernetes.io/last-applied-configuration": "the data"},
            "labels": {"app": "shop"},
            "managedFields": [{"manager": "kubectl"}],
            "ownerReferences": [{"name": "x"}],
        },
        "data": {"token": "secret"},
    }
    assert essence(item) == {"metadata": {**metadata, "annotations": ours}}
    let_go(item)
    assert item == {"metadata": {**metadata, "annotations": ours}}


def test_long_annotations_are_cut_to_what_would_be_kept_of_them() -> None:
    """A renewal request to its hash, which stays unique; a list of hosts so that it is seen to be too long."""
    wishes = [essence({"metadata": {"annotations": {RENEW_ANNOTATION: last.rjust(250_000)}}}) for last in "ab"]
    first, second = (wish["metadata"]["annotations"][RENEW_ANNOTATION] for wish in wishes)
    assert first != second
    assert max(len(first), len(second)) <= 256
    assert essence(wishes[0]) == wishes[0]
    hosts = essence({"metadata": {"annotations": {ALLOWED_HOSTS_ANNOTATION: "a" * 250_000}}})
    assert len(hosts["metadata"]["annotations"][ALLOWED_HOSTS_ANNOTATION]) == MAX_ALLOWED_HOSTS + 1
