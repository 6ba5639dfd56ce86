"""Helpful text is shown whatever the secret looks like, and what a secret consists of isn't."""

import base64
import json
import random
import string
import uuid
from collections.abc import Callable
from urllib.parse import quote

import pytest
from integration_token.cluster.refusal import refusal_of
from integration_token.oauth.authentication.client_secret_basic import basic_authorization
from integration_token.telemetry.redaction import MAX_LENGTH, UNTOLD, leaking, redact, repeating
from integration_token.telemetry.vocabulary import TERMS, is_wording

_CHOOSE = random.Random(13)  # noqa: S311  # reproducible, not secret
_LETTERS = string.ascii_letters + string.digits


def drawn(length: int, alphabet: str = _LETTERS) -> str:
    """A secret of that length."""
    return "".join(_CHOOSE.choices(alphabet, k=length))


def jwt(length: int) -> str:
    """A JWT of about that length, which repeats itself as lists of permissions do."""
    claims = {"iss": "https://login.example/realms/shop", "aud": ["account"], "permissions": [""]}
    claims["permissions"] = [f"template_collection:{number}:write" for number in range((length - 600) // 47)]
    parts = (json.dumps({"alg": "RS256", "typ": "JWT", "kid": drawn(43)}), json.dumps(claims))
    encoded = [base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts]
    return ".".join([*encoded, drawn(342, _LETTERS + "-_")])


SECRETS = {
    "Keycloak's": drawn(32),
    "Keycloak's after a rotation": drawn(86),
    "a UUID": str(uuid.UUID(int=_CHOOSE.getrandbits(128))),
    "hexadecimal": drawn(64, "0123456789abcdef"),
    "Auth0's": drawn(64, _LETTERS + "-_"),
    "words": "my-client-credentials-secret",
    "more words": "shop-invalid-request-token-endpoint",
    "a JWT": jwt(900),
}

HELD = {
    "no current token": "",
    "a token of 9,000 characters": drawn(9000, _LETTERS + "-_"),
    "a token of 60,000 characters": drawn(60_000, _LETTERS + "-_"),
    "one in base64": drawn(60_000, _LETTERS + "+/"),
    "one in hexadecimal": drawn(9000, "0123456789abcdef"),
    "one in small letters": drawn(9000, string.ascii_lowercase),
    "a JWT of 9,000 characters": jwt(9000),
    "a JWT of 60,000 characters": jwt(60_000),
}

HYDRA = (
    "Client authentication failed (e.g., unknown client, no client authentication included, or unsupported"
    " authentication method). The OAuth 2.0 Client supports client authentication method 'client_secret_basic', but"
    " method 'client_secret_post' was requested. You must configure the OAuth 2.0 client's 'token_endpoint_auth_method'"
    " value to accept 'client_secret_post'."
)

SENTENCES = [
    # Keycloak
    "Invalid client or Invalid client credentials",
    "Client not enabled to retrieve service account",
    "Missing form parameter: grant_type",
    "Invalid scopes: nope.such",
    "duplicated parameter",
    "Unexpected error when authenticating client",
    "Token was issued too far in the past to be used now",
    # oidc-provider
    "client authentication failed",
    "requested grant type is not allowed for this client",
    "only application/x-www-form-urlencoded content-type bodies are supported on POST /token",
    "client authentication must only be provided using one mechanism",
    "only a single resource indicator value is supported for this grant type",
    # node-oauth, Django, Authlib, Spring, Hydra
    "Invalid request: content must be application/x-www-form-urlencoded",
    "URL query parameters are not allowed",
    "The client does not exist on this server.",
    "OAuth 2.0 Parameter: grant_type",
    "The POST body can not be empty.",
    "The error is unrecognizable",
    # what requests contain, and what the API server says
    "grant_type=client_credentials is not supported by https://integration-login.example.com/oauth/token",
    "ValidatingAdmissionPolicy 'no-tokens' with binding 'no-tokens' denied request: label is missing",
    "validatingadmissionpolicies.admissionregistration.k8s.io is forbidden: User cannot list resource",
    "system:serviceaccount:integration-token-operator:operator cannot get resource secrets",
    "unknown client_assertion_type urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    *("invalid_client", "unauthorized_client", "invalid_request", "unsupported_grant_type", "invalid_scope"),
]


def known(secret: str, held: str) -> list[str]:
    """What is searched for if the client has that secret and an ID made of words."""
    return [secret, basic_authorization("client_credentials-shop", secret), *([held] if held else [])]


@pytest.mark.parametrize("held", HELD)
@pytest.mark.parametrize("secret", SECRETS)
def test_no_word_of_a_real_server_is_struck_out(secret: str, held: str) -> None:
    """Errors of seven servers, as they are sent: each says what to fix."""
    secrets = known(SECRETS[secret], HELD[held])
    assert [(text, shown) for text in SENTENCES if (shown := redact(text, secrets)) != text] == []
    head, _, tail = redact(HYDRA, secrets).partition(" ... ")
    assert HYDRA.startswith(head)
    assert HYDRA.endswith(tail)
    assert len(head) + len(tail) > MAX_LENGTH * 3 // 4


def test_with_a_token_of_common_words_a_message_can_be_read() -> None:
    """However many of its pieces are in it."""
    token = "".join(_CHOOSE.choice(sorted(TERMS)) + _CHOOSE.choice("-._") for _ in range(2000))[:9000]
    for held in (token, "invalid_client-" * 600, "unauthorized_client" * 480):
        assert redact("invalid_client", [held]) == "invalid_client"
        assert redact("unauthorized_client", [held]) == "unauthorized_client"
    assert redact("Invalid client or Invalid client credentials", [token]).count("***") == 0
    assert redact(HYDRA, [token]).count("***") < 3


def runs(text: str) -> set[str]:
    """Everything that helps to guess the rest of a secret."""
    return {text[start : start + 8].lower() for start in range(len(text) - 7)}


@pytest.mark.parametrize("token", [drawn(64), "no-tokens-for-ValidatingAdmissionPolicy-client", jwt(9000)])
def test_a_policy_s_refusal_of_a_target_says_which_policy_and_why(token: str) -> None:
    """In the API server's words; whatever it repeats of the token is redacted."""
    said = (
        "secrets 'shop' is forbidden: ValidatingAdmissionPolicy 'no-tokens' with binding 'no-tokens-in-production'"
        " denied request: the label example.com/owner is missing"
    )
    data = {"data": {"token": base64.b64encode(token.encode()).decode()}}
    assert str(refusal_of(422, {"message": said}, data)) == f"422 {said}"
    for held in (token, *data["data"].values()):
        shown = str(refusal_of(422, {"message": f"denied request: {held} is no token"}, data))
        assert runs(shown) & runs(held) == set()


ECHOES: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "in capitals": str.upper,
    "percent-encoded": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "form-encoded": lambda text: quote(text, safe=""),
    "in base64": lambda text: base64.b64encode(text.encode()).decode(),
    "in the middle of base64": lambda text: base64.b64encode(f"a:{text}:b".encode()).decode(),
    "in hexadecimal": lambda text: text.encode().hex(),
    "backwards": lambda text: text[::-1],
    "with spaces": lambda text: text.replace("-", " "),
    "with underscores": lambda text: text.replace("-", "_"),
}


@pytest.mark.parametrize("echo", ECHOES)
@pytest.mark.parametrize("held", ["no current token", "a token of 9,000 characters", "a token of 60,000 characters"])
def test_the_whole_secret_is_struck_out_whatever_it_is_like(held: str, echo: str) -> None:
    """Words around it stay."""
    for secret in SECRETS.values():
        said = ECHOES[echo](secret)
        for text in (f"no user has {said} for a key", f"client_secret={said}&scope=read", said):
            shown = redact(text, known(secret, HELD[held]))
            assert "***" in shown
            assert runs(shown) & (runs(said) | runs(secret)) == set()


@pytest.mark.parametrize("secret", SECRETS)
def test_what_a_secret_has_besides_words_is_struck_out_with_them(secret: str) -> None:
    """A piece that ends within a word is no word."""
    whole = SECRETS[secret]
    for start in range(min(len(whole) - 16, 60)):
        piece = whole[start : start + 16]
        if not {*piece.lower().replace("-", " ").split()} <= TERMS:
            assert runs(redact(f"near {piece} it failed", known(whole, ""))) & runs(piece) == set()


@pytest.mark.parametrize("secret", ["client_credentials", "client", "invalid-client", "My_Client_Credentials", "token"])
def test_a_secret_that_is_a_word_of_everybody_s_is_struck_out_as_a_whole(secret: str) -> None:
    """It is a bad secret, but still one."""
    assert redact(f"{secret} is wrong", [secret]) == "*** is wrong"


def test_more_words_of_a_secret_than_a_name_has_are_struck_out() -> None:
    """A phrase is no longer common."""
    secret = "-".join(["unsupported", "authorization", "request", "parameter", "included", drawn(16)])
    assert redact("unsupported authorization request parameter", [secret]) == "***"
    assert redact("unsupported authorization", [secret]) == "unsupported authorization"


@pytest.mark.parametrize(
    "token",
    [
        *(drawn(25), drawn(32), drawn(43, _LETTERS + "-_"), drawn(64, "0123456789abcdef"), jwt(900)),
        *(str(uuid.UUID(int=7)), "1234-5678-9012-3456-7890-1234", drawn(32, string.ascii_lowercase), "a%2Fb" * 6),
        *("x" * 30, "-" * 30),
    ],
)
def test_what_is_made_of_no_words_is_struck_out_although_nobody_knows_it(token: str) -> None:
    """Others' tokens, keys and card numbers."""
    assert redact(f"got {token} instead") == "got *** instead"


def test_hardly_any_random_text_is_taken_for_words() -> None:
    """None of ten thousand keys."""
    alphabets = (_LETTERS, _LETTERS + "-_", _LETTERS + "+/", string.ascii_lowercase + string.digits, "0123456789abcdef")
    assert [key for alphabet in alphabets for _ in range(2000) if is_wording(key := drawn(40, alphabet))] == []


def test_of_a_long_text_both_ends_are_shown() -> None:
    """In whole words, with a mark between; a secret at either end is redacted."""
    secret = SECRETS["Keycloak's"]
    middle = "and so on " * 40
    text = f"It failed since {secret} was sent. {middle}Set the parameter {secret[3:19]} to another value."
    shown = redact(text, [secret])
    assert shown.startswith("It failed since *** was sent. and so on ")
    assert shown.endswith(" on Set the parameter *** to another value.")
    assert shown.count(" ... ") == 1
    assert MAX_LENGTH - 40 < len(shown) <= MAX_LENGTH
    assert {*shown.replace("***", "").split()} <= {*text.split(), "..."}


@pytest.mark.parametrize("length", [201, 300, 640, 700, 1999, 2000, 2001, 60_000])
def test_no_secret_shows_where_a_text_is_cut(length: int) -> None:
    """Wherever in it the secret is."""
    secret = SECRETS["Keycloak's"]
    for place in [*range(0, 150, 7), *range(max(0, length - 190), length, 7), length // 2]:
        text = "no way " * (length // 7 + 1)
        text = f"{text[:place]}{secret}{text[place:length]}"
        shown = redact(text, [secret])
        assert not any(secret[at : at + 8] in shown for at in range(len(secret) - 7))
        assert len(shown) <= MAX_LENGTH


@pytest.mark.parametrize("before", ["ab:" * 150, "é:" * 200, "é " * 200, "a " + "x:" * 200, "é " * 900])
def test_what_is_not_searched_is_not_shown_and_that_is_reported(before: str) -> None:
    """Such as a text that is long in what isn't shown, or in one word."""
    secret = SECRETS["Keycloak's"][:16]
    shown = redact(f"At first {before}{secret} {before[::-1]} at last", [secret])
    assert shown.startswith("At first")
    assert " ... " in shown
    assert shown.endswith("at last")
    assert runs(shown) & runs(secret) == set()


def test_a_search_that_takes_too_long_is_reported() -> None:
    """A bare mark would look as if the text had been the secret."""
    assert redact("&lt;%41\\n" * 90, [SECRETS["Keycloak's"]]) == UNTOLD
    assert redact("abab.baba " * 20, ["ab" * 30_000]) == UNTOLD


def test_scopes_of_words_are_shown_with_a_secret_of_the_same_words() -> None:
    """As in messages; but not if they make up most of it."""
    secrets = [SECRETS["words"], "client_credentials"]
    assert repeating(["credentials:read", "client_credentials"], secrets) == {"client_credentials"}
    assert leaking(["Credentials/Read", "my-client-credentials"], secrets, "/:.-") == {"my-client-credentials"}
