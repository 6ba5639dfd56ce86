"""TLS contexts are shared by who trusts the same authorities, and bounded by how many these are."""

import gc
import ssl
import weakref
from collections.abc import Iterator

import pytest
import trustme
from integration_token.errors import NeedsChange
from integration_token.oauth import trust
from integration_token.oauth.trust import MAX_KEPT, check_judged, digest_of, is_judged, tls_context

AUTHORITY = trustme.CA().cert_pem.bytes().decode()


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test begins with none."""
    monkeypatch.setattr(trust, "_kept", type(trust._kept)())
    monkeypatch.setattr(trust, "_judged", type(trust._judged)())


def bundles(count: int, size: int) -> Iterator[str]:
    """Different CA bundles of that many characters."""
    for number in range(count):
        yield f"{AUTHORITY}# {number}".ljust(size, "#")


def alive(contexts: list[weakref.ref[ssl.SSLContext]]) -> int:
    """How many of them there still are."""
    gc.collect()
    return sum(context() is not None for context in contexts)


@pytest.mark.parametrize(("size", "most"), [(2000, 32), (500_000, MAX_KEPT // 500_000)])
def test_contexts_are_kept_by_their_number_and_their_size(size: int, most: int) -> None:
    """The last ones, so that those in use stay."""
    contexts = [weakref.ref(tls_context(bundle)) for bundle in bundles(50, size)]
    assert alive(contexts) == most
    assert alive(contexts[-most:]) == most


def test_a_context_that_is_used_outlives_others() -> None:
    """However many come after it, as long as somebody asks for it in between."""
    first, *others = bundles(50, 2000)
    context = tls_context(first)
    for other in others:
        tls_context(other)
        assert tls_context(first) is context


def test_what_is_known_of_a_bundle_outlives_its_context() -> None:
    """So that no look at a resource needs its text again."""
    good, bad = f"{AUTHORITY}# good", f"{AUTHORITY[:100]}# bad"
    assert not is_judged(digest_of(good))
    tls_context(good)
    with pytest.raises(NeedsChange, match="holds no PEM certificate"):
        tls_context(bad)
    for bundle in bundles(50, 2000):
        tls_context(bundle)
    check_judged(digest_of(good))
    with pytest.raises(NeedsChange, match="holds no PEM certificate"):
        check_judged(digest_of(bad))


def test_not_every_bundle_that_there_ever_was_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is forgotten is judged anew, by its text."""
    monkeypatch.setattr(trust, "_JUDGED", 10)
    texts = list(bundles(20, 2000))
    for text in texts:
        tls_context(text)
    assert [is_judged(digest_of(text)) for text in texts] == [False] * 10 + [True] * 10
