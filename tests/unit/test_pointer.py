"""JSON Pointers lead where RFC 6901 says, and nowhere else."""

from typing import Any

import pytest
from integration_token.api.pointer import check_pointer, find

RFC: dict[str, Any] = {
    "foo": ["bar", "baz"],
    "": 0,
    "a/b": 1,
    "c%d": 2,
    "e^f": 3,
    "g|h": 4,
    "i\\j": 5,
    'k"l': 6,
    " ": 7,
    "m~n": 8,
}
"""The document in RFC 6901, section 5."""


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("/foo", ["bar", "baz"]),
        ("/foo/0", "bar"),
        ("/", 0),
        ("/a~1b", 1),
        ("/c%d", 2),
        ("/e^f", 3),
        ("/g|h", 4),
        ("/i\\j", 5),
        ('/k"l', 6),
        ("/ ", 7),
        ("/m~0n", 8),
    ],
)
def test_the_examples_of_the_rfc(pointer: str, value: object) -> None:
    """Each leads where the RFC says."""
    check_pointer(pointer)
    assert find(RFC, pointer) == value


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        pytest.param("/data/0/token", "t", id="through a list"),
        pytest.param("/data/1/token", None, id="beyond its end"),
        pytest.param("/data/-", None, id="the element after the last, which never exists"),
        pytest.param("/data/00/token", None, id="an index with a leading zero"),
        pytest.param("/data/-1/token", None, id="an index from the end"),
        pytest.param("/data/0_0/token", None, id="an index in Python notation"),
        pytest.param("/data/\u0660/token", None, id="an index in digits of another script"),
        pytest.param("/data/token", None, id="a name in a list"),
        pytest.param("/data/" + "9" * 200, None, id="an endless index"),
        pytest.param("/text/0", None, id="into a text"),
        pytest.param("/number/0", None, id="into a number"),
        pytest.param("/none/a", None, id="into nothing"),
        pytest.param("/~01", "escaped", id="~01, which is ~1 and not /"),
        pytest.param("/absent", None, id="a missing name"),
    ],
)
def test_a_step_leads_into_an_object_or_a_list_alone(pointer: str, value: object) -> None:
    """A pointer that leads nowhere finds nothing, and never fails."""
    document = {"data": [{"token": "t"}], "text": "abc", "number": 7, "none": None, "~1": "escaped"}
    check_pointer(pointer)
    assert find(document, pointer) == value


@pytest.mark.parametrize(
    "pointer", ["a", "a/b", "#/a", "/a~", "/a~2", "$.a", "/1/2/3/4/5/6/7/8/9", "/" + "a" * 256, "/" * 9, "~1"]
)
def test_what_is_no_pointer_or_too_long_is_refused(pointer: str) -> None:
    """The message shows its beginning and an example of a valid one."""
    with pytest.raises(ValueError, match="is not a JSON Pointer of at most 8 steps and 256 characters") as caught:
        check_pointer(pointer)
    assert len(str(caught.value)) < 200
