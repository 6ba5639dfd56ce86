"""External text is shown, but never a secret in it."""

import base64
import functools
import html
import json
import random
import re
import string
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from integration_token.telemetry.redaction import MAX_LENGTH, leaking, redact, repeating

PART = 16
"""Characters of a secret, in any form, that must not be readable in a message."""

SECRETS = {
    "opaque": "kT9vQ2xLr7WmZ4bNc8YsJ1hGfD6pAe3U",
    "with punctuation": "q/9+Z=h%2Bx&w~c#E;5$\"m'<U>|k\\j:^{n}",
    "with slashes everywhere": "a/b+c/d%e/f+g/h%i/j+k/l%m/n+o/p%q/r",
    "with quotes everywhere": 'a"b"c\\d"e\'f"g\\h"i\'j"k\\l"m\'n"o\\p',
    "non-ASCII": "grün-øre-пароль-密码-señor-żółw-ß42",
    "with spaces": "correct horse battery staple again and again",
    "spelled with spaces": "a b c d e f g h i j k l m n o p q r s t u v",
    "punctuation alone": "!'()*~-_.;:@?[],=+/!~*)('._-:;@,",
    "hexadecimal": "0123456789abcdef00112233445566778899aabb",
    "like base64": "QWxhZGRpbjpvcGVuIHNlc2FtZQ+/wPDw/+8=",
}

Encode = Callable[[str], str]


def lower_percent(text: str) -> str:
    """Percent-encoding in lower case."""
    return re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), quote(text, safe=""))


def base64_at(offset: int) -> Encode:
    """Base64 of a longer text in which the secret begins at that position."""
    return lambda text: base64.b64encode(b"client:"[:offset] + text.encode() + b":tail").decode()


FORMS: dict[str, Encode] = {
    "plain": str,
    "upper case": str.upper,
    "URL-encoded": lambda text: quote(text, safe=""),
    "URL-encoded but for slashes": quote,
    "URL-encoded in lower case": lower_percent,
    "URL-encoded throughout": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "URL-encoded twice": lambda text: quote(quote(text, safe=""), safe=""),
    "URL-encoded three times": lambda text: lower_percent(lower_percent(lower_percent(text))),
    "form-encoded": quote_plus,
    "form-encoded twice": lambda text: quote_plus(quote_plus(text)),
    "JSON-escaped": lambda text: json.dumps(text)[1:-1],
    "JSON-escaped as UTF-8": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "JSON-escaped with slashes": lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    "JSON-escaped twice": lambda text: json.dumps(json.dumps(text))[3:-3],
    "JSON-escaped throughout": lambda text: "".join(f"\\u{ord(character):04X}" for character in text),
    "HTML-escaped": html.escape,
    "HTML entities": lambda text: "".join(f"&#x{ord(character):x};" for character in text),
    "HTML-escaped and URL-encoded": lambda text: quote(html.escape(text)),
    "hex": lambda text: text.encode().hex(),
    "hex in upper case": lambda text: text.encode().hex().upper(),
    "hex with colons": lambda text: text.encode().hex(":"),
    "hex escapes": lambda text: "".join(f"\\x{byte:02x}" for byte in text.encode()),
    **{f"base64 at offset {offset}": base64_at(offset) for offset in range(4)},
    "base64url": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "base64, URL-encoded": lambda text: quote(base64.b64encode(text.encode()).decode(), safe=""),
    "base64 in lines": lambda text: "\n".join(chunks(base64.b64encode(text.encode()).decode(), 20)),
    "Basic header": lambda text: "Basic " + base64.b64encode(f"id:{quote_plus(text)}".encode()).decode(),
    "spelled with spaces": " ".join,
    "spelled with hyphens": "-".join,
    "spelled with control characters": "\x00".join,
    "spelled with zero-width spaces": "\u200b".join,
    "spelled with letters that are not shown": "é".join,
    "tabs for spaces": lambda text: text.replace(" ", "\t"),
}


def chunks(text: str, length: int) -> list[str]:
    """The text, split into pieces."""
    return [text[start : start + length] for start in range(0, len(text), length)]


@functools.cache
def parts(secret: str) -> frozenset[str]:
    """What must not be readable of a secret, in every form one would search for; in lower case."""
    forms = {encode(secret).lower() for encode in FORMS.values()}
    return frozenset(form[start : start + PART] for form in forms for start in range(len(form) - PART + 1))


def shown_parts(secret: str, shown: str) -> list[str]:
    """The parts of the secret that are readable in the shown text."""
    windows = {shown[start : start + PART].lower() for start in range(len(shown) - PART + 1)}
    return sorted(windows & parts(secret))


@pytest.mark.parametrize("form", FORMS)
def test_no_part_of_a_secret_survives_in_whatever_form_it_is_echoed(form: str) -> None:
    """Sixteen characters of it would already help to guess the rest."""
    for kind, secret in SECRETS.items():
        if kind == "punctuation alone" and form.startswith("spelled"):
            continue  # its characters can't be told from those between them
        for text in (FORMS[form](secret), f"no client has '{FORMS[form](secret)}' as its secret, sorry"):
            shown = redact(text, ["another secret", secret])
            assert shown_parts(secret, shown) == []
            assert len(shown) <= MAX_LENGTH


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
def test_a_secret_in_pieces_is_recognised_by_each_piece(secret: str) -> None:
    """Each piece alone, and all of them between other words."""
    for length in (16, 17, 20, 24):
        pieces = [piece for piece in chunks(secret, length) if len(piece) >= PART]
        for text in (*pieces, " and then ".join(pieces), "\r\n".join(pieces)):
            assert shown_parts(secret, redact(text, [secret])) == []


@pytest.mark.parametrize("form", FORMS)
def test_a_piece_from_anywhere_in_a_secret_is_recognised_in_every_form(form: str) -> None:
    """Even if the piece was encoded by itself."""
    secret = SECRETS["opaque"]
    for start in range(7):
        shown = redact(f"near {FORMS[form](secret[start : start + PART])} it failed", [secret])
        assert shown_parts(secret, shown) == []


@pytest.mark.parametrize("seed", range(20))
def test_random_secrets_in_random_nestings_of_encodings_do_not_survive(seed: int) -> None:
    """Two nested encodings, inside a text of their own characters."""
    choose = random.Random(seed)  # noqa: S311  # reproducible, not secret
    alphabet = choose.choice([string.ascii_letters + string.digits, string.printable[:95], "äöü€ " + string.hexdigits])
    secret = "".join(choose.choices(alphabet, k=choose.randint(16, 48))).strip() or "x" * 16
    layers = ["plain", "URL-encoded", "URL-encoded in lower case", "JSON-escaped", "HTML-escaped", "form-encoded"]
    inner, outer = choose.choice(["base64 at offset 1", "hex", *layers]), choose.choice(layers)
    noise = "".join(choose.choices(alphabet, k=choose.randint(0, 10)))
    shown = redact(f"{noise}{FORMS[outer](FORMS[inner](secret))}{noise}", [secret])
    assert shown_parts(secret, shown) == []


@pytest.mark.parametrize("secret", ["s3cr3t", "pässwrd", "a b/c", '"\\"', "hunter2"])
def test_a_short_secret_is_struck_out_as_a_whole(secret: str) -> None:
    """Plain, URL-encoded, JSON-escaped and in hex."""
    for form in ("plain", "URL-encoded", "URL-encoded in lower case", "JSON-escaped", "hex", "form-encoded"):
        text = FORMS[form](secret)
        shown = redact(f"wrong: {text}!", [secret])
        assert shown == "wrong: ***!"


def test_an_empty_secret_hides_nothing() -> None:
    """An empty text would be found everywhere."""
    assert redact("all is well", [""]) == "all is well"


@pytest.mark.parametrize(
    "sentence",
    [
        "Service not found: https://api.example",
        "Client is not authorized to access 'https://api.example'. You need to create a client-grant.",
        "The requested scope is invalid, unknown, or malformed (font:list, media:read)",
        "AADSTS7000215: Invalid client secret provided; are you sure?",
        "Unauthorized",
        "Error 401 [invalid_client] at 10:32:55 for user@example.com = 5 + 4 * 3 ~ 2",
    ],
)
def test_an_ordinary_sentence_is_shown_as_it_was_written(sentence: str) -> None:
    """It helps users most."""
    assert redact(sentence, SECRETS.values()) == sentence


def test_what_looks_like_a_credential_is_struck_out_although_nobody_knows_it() -> None:
    """A JWT, an opaque token, a page's encoded state."""
    jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
    assert redact(f"token {jwt} was revoked") == "token *** was revoked"
    assert redact(f"token {jwt} was revoked", ["J9", "c"]) == "token *** was revoked"
    assert redact("state=%7B%22nonce%22%3A%22abcdefgh%22%7D is stale") == "*** is stale"


def test_only_harmless_characters_are_shown() -> None:
    """Nothing that could mislead a terminal, shell, browser, template or reader."""
    everything = " ".join(chunks("".join(map(chr, range(0x3000))) + "\ud800\U0001f600\U000e0041", 20))
    shown = "".join(redact(everything[start : start + 100]) for start in range(0, len(everything), 100))
    assert set(shown) <= set(string.ascii_letters + string.digits + " .,:;!?'()[]/_@=+*~-")
    assert redact("\x1b[31mred\x1b[0m\r\n<b>bold</b> `$(rm -rf /)` ${token} \u202eevil") == (
        "[31mred [0m b bold /b (rm -rf /) token evil"
    )


@pytest.mark.parametrize("text", ["sorry " * 1000, "%20&amp;\\u0041" * 5000, "x" * 65536, "\ud800" * 65536])
def test_a_long_text_is_cut_to_two_hundred_characters(text: str) -> None:
    """However long or malformed it is."""
    assert len(redact(text, SECRETS.values())) <= MAX_LENGTH


def test_a_secret_at_the_edge_of_what_is_shown_is_not_cut_into_view() -> None:
    """Secrets are searched for before the text is cut."""
    secret = SECRETS["opaque"]
    for filler in range(150, 201):
        shown = redact("a " * (filler // 2) + "b" * (filler % 2) + secret, [secret])
        assert not any(secret[: length + 1] in shown for length in range(7, len(secret)))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("length", [2000, 9000, 60_000])
def test_a_piece_of_a_long_secret_is_recognised_in_every_form(form: str, length: int) -> None:
    """It is as long as a token gets, and longer than what is encoded for the search."""
    choose = random.Random(length)  # noqa: S311  # reproducible, not secret
    for alphabet in (string.ascii_letters + string.digits + "-_.", string.printable[:94], "äöü€" + string.hexdigits):
        secret = "".join(choose.choices(alphabet, k=length))
        for start in choose.choices(range(length - PART), k=5):
            piece = secret[start : start + PART]
            shown = redact(f"near {FORMS[form](piece)} it failed", ["another secret", secret])
            assert shown_parts(piece, shown) == []


@pytest.mark.parametrize(
    "form", ["plain", "hex", "hex in upper case", "base64 at offset 0", "base64url", "Basic header"]
)
def test_eight_characters_of_a_long_secret_are_recognised_in_what_encodings_make_of_it(form: str) -> None:
    """Wherever they begin in it."""
    choose = random.Random(8)  # noqa: S311  # reproducible, not secret
    for alphabet in (string.ascii_letters + string.digits, string.printable[:94]):
        secret = "".join(choose.choices(alphabet, k=9000))
        whole = FORMS[form](secret)
        for start in choose.choices(range(100, len(whole) - 100), k=50):
            run = whole[start : start + 8]
            if run.isalnum():
                assert run not in redact(f"near {run} it failed", ["another secret", secret])


@pytest.mark.parametrize("length", [9000, 60_000])
def test_with_a_long_secret_a_message_is_shown_as_it_was_written(length: int) -> None:
    """All its characters occur in the secret, but no eight in a row."""
    choose = random.Random(length)  # noqa: S311  # reproducible, not secret
    secret = "".join(choose.choices(string.ascii_letters + string.digits + "-_", k=length))
    sentence = "Client is not authorized since 2026-10-12T10:32:55 to use 'https://api.example', request 1f3a9c0d."
    assert redact(sentence, [secret]) == sentence
    assert redact(f"{sentence} ({secret[70:80]})", [secret]) == f"{sentence} (***)"


@pytest.mark.parametrize("readings", ["%25" * 400, "%2526amp%253b%5cu0026" * 90, "".join(SECRETS.values()) * 9])
def test_what_can_be_read_in_too_many_ways_is_not_shown(readings: str) -> None:
    """Checking every reading would take too long, and no sentence is written like that."""
    secret = "".join(random.Random(1).choices(string.printable[:94], k=9000))  # noqa: S311  # reproducible, not secret
    shown = redact(f"{readings} {quote(quote(secret[100:130]))}", [secret])
    assert shown_parts(secret[100:130], shown) == []


def test_of_many_texts_those_with_a_part_of_a_secret_are_found_at_once() -> None:
    """In any encoding, and no others."""
    secret = SECRETS["opaque"] * 300
    leaks = [FORMS[form](secret[3:17]) for form in ("plain", "hex", "base64 at offset 1", "spelled with hyphens")]
    texts = ["template_collection:write", "https://www.example.com/auth/cloud-platform.v2", "Api.Read.All", *leaks]
    assert leaking(texts, [secret], between="/:.-") == set(leaks)
    assert leaking(texts[:3], [], between="/:.-") == set()
    assert repeating(["template:write", secret[5:13].lower(), secret[5:13]], [secret]) == {secret[5:13]}
