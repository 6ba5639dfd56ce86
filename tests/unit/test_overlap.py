"""The fast search for parts of secrets in a text finds everything that the slow one does."""

import random
import string

import pytest
from integration_token.telemetry.overlap import RUN, TooMuch, shared_pieces, shared_runs

ALPHABETS = {
    "two letters": b"ab",
    "the letters of tokens": (string.ascii_lowercase + string.digits + "-_").encode(),
    "all bytes": bytes(range(0xFE)),
}


def compared(text: bytes, secrets: list[bytes]) -> list[int]:
    """The same, computed the slow way."""
    runs = {secret[start : start + RUN] for secret in secrets for start in range(len(secret) - RUN + 1)}
    return [start for start in range(len(text) - RUN + 1) if text[start : start + RUN] in runs]


@pytest.mark.parametrize("seed", range(60))
@pytest.mark.parametrize("alphabet", ALPHABETS)
def test_each_run_that_a_text_shares_with_a_secret_is_found_and_no_other(alphabet: str, seed: int) -> None:
    """Wherever it appears in either, whatever their lengths."""
    choose = random.Random(seed)  # noqa: S311  # reproducible, not secret
    letters = ALPHABETS[alphabet]
    secrets = [bytes(choose.choices(letters, k=choose.choice([0, 5, 8, 9, 21, 1000, 9000]))) for _ in range(3)]
    text = b""
    for _ in range(choose.randint(0, 8)):
        secret = choose.choice(secrets)
        start = choose.randrange(len(secret) + 1)
        text += secret[start : start + choose.randint(1, 20)]
        text += bytes(choose.choices(letters, k=choose.choice([1, 9, 60, 700])))
    try:
        assert shared_runs(text, secrets) == compared(text, secrets)
    except TooMuch:
        assert alphabet == "two letters"


@pytest.mark.parametrize("place", [0, 1, 65_528, 65_529, 65_536, 65_540, 131_064, 199_992])
@pytest.mark.parametrize("length", [20, 3000])
def test_a_run_is_found_anywhere_in_a_very_long_secret(place: int, length: int) -> None:
    """The secret is searched in parts."""
    choose = random.Random(place)  # noqa: S311  # reproducible, not secret
    secret = bytes(choose.choices(ALPHABETS["the letters of tokens"], k=200_000))[: 90_000 if length > 20 else None]
    run = secret[place : place + RUN]
    text = b" " * 3 + run + b"." * length
    if len(run) == RUN:
        assert shared_runs(text, [secret]) == [3]


def test_pieces_are_found_in_what_holds_them() -> None:
    """Pieces of five or eight bytes."""
    secret = bytes(random.Random(1).choices(range(0xFE), k=100_000))  # noqa: S311  # reproducible, not secret
    for size in (5, 8):
        held = {secret[place : place + size] for place in (0, 70, 65_533, 65_535, 65_536, 99_990, 100_000 - size)}
        assert shared_pieces(held | {b"abcde000"[:size]}, [b"", b"short", secret]) == held


def test_a_text_made_to_match_the_secret_costs_no_time() -> None:
    """Each pair of bytes in one appears in the other, but they share no run."""
    with pytest.raises(TooMuch):
        shared_runs(b"abbab", [b"ab" * 32_000]) or shared_runs(b"abab.baba", [b"ab" * 32_000])
