"""Clients that trust the same CA certificates share a TLS context, and their number is bounded."""

import asyncio
import gc
import ssl
import weakref
from collections.abc import Iterator

import pytest
import trustme
from integration_token.errors import UserActionRequired
from integration_token.oauth import trust
from integration_token.oauth.trust import MAX_KEPT, check_judged, digest_of, is_judged, tls_context

AUTHORITY = trustme.CA().cert_pem.bytes().decode()


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test starts with an empty cache."""
    monkeypatch.setattr(trust, "_kept", type(trust._kept)())
    monkeypatch.setattr(trust, "_judged", type(trust._judged)())


def bundles(count: int, size: int) -> Iterator[str]:
    """Different CA bundles of that many characters."""
    for number in range(count):
        yield f"{AUTHORITY}# {number}".ljust(size, "#")


def alive(contexts: list[weakref.ref[ssl.SSLContext]]) -> int:
    """How many of them still exist."""
    gc.collect()
    return sum(context() is not None for context in contexts)


@pytest.mark.parametrize(("size", "most"), [(2000, 32), (500_000, MAX_KEPT // 500_000)])
async def test_contexts_are_kept_by_their_number_and_their_size(size: int, most: int) -> None:
    """The last ones, so that those in use stay."""
    contexts = [weakref.ref(await tls_context(bundle)) for bundle in bundles(50, size)]
    assert alive(contexts) == most
    assert alive(contexts[-most:]) == most


async def test_a_context_that_is_used_outlives_others() -> None:
    """However many come after it, if it is used in between."""
    first, *others = bundles(50, 2000)
    context = await tls_context(first)
    for other in others:
        await tls_context(other)
        assert await tls_context(first) is context


async def test_what_is_known_of_a_bundle_outlives_its_context() -> None:
    """So that no pass over a resource needs its text again."""
    good, bad = f"{AUTHORITY}# good", f"{AUTHORITY[:100]}# bad"
    assert not is_judged(digest_of(good))
    await tls_context(good)
    with pytest.raises(UserActionRequired, match="contains no valid PEM certificate"):
        await tls_context(bad)
    for bundle in bundles(50, 2000):
        await tls_context(bundle)
    check_judged(digest_of(good))
    with pytest.raises(UserActionRequired, match="contains no valid PEM certificate"):
        check_judged(digest_of(bad))


async def test_not_every_bundle_that_there_ever_was_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """A forgotten bundle is judged again by its text."""
    monkeypatch.setattr(trust, "_JUDGED", 10)
    texts = list(bundles(20, 2000))
    for text in texts:
        await tls_context(text)
    assert [is_judged(digest_of(text)) for text in texts] == [False] * 10 + [True] * 10


@pytest.mark.parametrize("marker", ["CERTIFICATE", "X509 CERTIFICATE"])
async def test_a_large_bundle_leaves_time_to_others(marker: str) -> None:
    """A thousand CA certificates take as long as a hundred small requests, and tenants may change them at any time."""
    bundle = "".join(AUTHORITY.replace(" CERTIFICATE", f" {marker}") for _ in range(400))
    reading, turns = asyncio.create_task(tls_context(bundle)), 0
    while not reading.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns >= 400 / 8
    check_judged(digest_of(bundle))


@pytest.mark.parametrize("count", [1, 7, 8, 9, 16, 17])
async def test_all_authorities_of_a_bundle_are_trusted(count: int) -> None:
    """However many there are, and whatever is between and after them."""
    bundle = "".join(f"# {number}\n{trustme.CA().cert_pem.bytes().decode()}" for number in range(count)) + "# the end"
    assert len((await tls_context(bundle)).get_ca_certs()) == count


@pytest.mark.parametrize("count", [1, 7, 8, 9])
async def test_a_bundle_with_a_broken_authority_is_refused(count: int) -> None:
    """Wherever it is in the bundle."""
    with pytest.raises(UserActionRequired, match="contains no valid PEM certificate"):
        await tls_context(AUTHORITY * count + AUTHORITY[:100] + AUTHORITY)


async def test_one_context_comes_of_one_bundle_that_two_ask_for() -> None:
    """Each costs memory as long as its connections live."""
    bundle = AUTHORITY * 50
    first, second = await asyncio.gather(tls_context(bundle), tls_context(bundle))
    assert first is second
