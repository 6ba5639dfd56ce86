"""Keys and certificates as people store them: which are usable, and what the message says if they aren't."""

import json
import traceback
from contextlib import suppress
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ed448
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from integration_token.api.condition import Reason
from integration_token.errors import UserActionRequired
from integration_token.oauth import key as reading
from integration_token.oauth.certificate import read_chain
from integration_token.oauth.key import read_private_key

from tests.fakes import costly
from tests.unit.signing import (
    DAY,
    PKCS8,
    TRADITIONAL,
    certificate,
    certificate_pem,
    discrete_key,
    jwk,
    key_of,
    pem,
    pem_of,
    rsa_key,
    thumbprint,
)
from tests.unit.virtual import EPOCH

WHERE = "key tls.key of Secret shop"
CHAIN = "key tls.crt of Secret shop"
PUBLIC = rsa_key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
OPENSSH = key_of("Ed25519").private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()


def with_members(key: Any, **members: Any) -> str:
    """The JWK with other members; None removes a member."""
    changed = json.loads(jwk(key)) | members
    return json.dumps({name: value for name, value in changed.items() if value is not None})


def refusal(text: str) -> str:
    """The message for an unusable key; nothing of the key is in it or in any exception behind it."""
    with pytest.raises(UserActionRequired) as caught:
        read_private_key(text, WHERE)
    failure = caught.value
    assert failure.reason == Reason.CREDENTIALS_INVALID
    assert failure.__context__ is None
    told = f"{failure.message} {failure!r} {traceback.format_exception_only(failure)}"
    assert not [line for line in text.splitlines() if len(line) > 40 and line in told]
    return failure.message


@pytest.mark.parametrize("kind", ["RSA", "P-256", "P-384", "P-521", "Ed25519"])
def test_every_way_to_store_a_key_is_read(kind: str) -> None:
    """PKCS#8, PKCS#1 or SEC1, and JWK; with other text around it, and with its certificate."""
    key = key_of(kind)
    forms = [pem(key), jwk(key), f"Bag Attributes\n    friendlyName: shop\n{pem(key)}", certificate_pem(key) + pem(key)]
    forms += [] if kind == "Ed25519" else [pem(key, TRADITIONAL)]
    for text in forms:
        read = read_private_key(text, WHERE)
        assert (read.kind, read.pem) == (kind, pem(key, PKCS8))
        assert pem(key).splitlines()[1] not in repr(read)


@pytest.mark.parametrize("bits", [2048, 4096])
def test_rsa_keys_of_these_sizes_are_read(bits: int) -> None:
    """Reading one costs no more than an endpoint's response: anybody who may write a Secret decides how often."""
    text = pem(rsa_key(bits))
    [times] = costly.ratios([lambda: read_private_key(text, WHERE)], 20)
    assert times < 20


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("hunter2", "is not a private key in PEM or JWK format; store an RSA key", id="no key"),
        pytest.param("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", "no private key that", id="none"),
        pytest.param(pem(rsa_key(), password="pw"), "is encrypted; store it without a password", id="encrypted"),
        pytest.param(
            pem(rsa_key(), TRADITIONAL, "pw"), "is encrypted; store it without a password", id="the old format"
        ),
        pytest.param(pem(rsa_key()) + pem(key_of("P-256")), "contains 2 private keys", id="two"),
        pytest.param(certificate_pem(rsa_key()), "contains a certificate but no private key", id="a certificate"),
        pytest.param(PUBLIC, "contains a public key but no private key", id="a public key"),
        pytest.param(OPENSSH, "is in OpenSSH's own format; convert it", id="OpenSSH"),
        pytest.param(pem(rsa_key(1024)), "is an RSA key of 1024 bits; store one of 2048 to 4096", id="short"),
        pytest.param(jwk(rsa_key(1024)), "is an RSA key of 1024 bits; store one of 2048 to 4096", id="short JWK"),
        pytest.param(pem(key_of("secp256k1")), "of an unsupported type", id="another curve"),
        pytest.param(pem(ed448.Ed448PrivateKey.generate()), "of an unsupported type", id="Ed448"),
        pytest.param("{" + "x" * 99, "looks like a JWK but is not valid JSON", id="no JSON"),
        pytest.param('{"a":' * 3000, "looks like a JWK but is not valid JSON", id="deep"),
        pytest.param('{"keys": []}', "is a JWK set", id="a set"),
        pytest.param('{"kty": ["RSA"]}', "kty is not RSA, EC or OKP", id="no kty"),
        pytest.param('{"kty": "oct", "k": "AAAA"}', "kty is not RSA, EC or OKP", id="a secret"),
        pytest.param(with_members(key_of("P-256"), d=None), "without d, so a public key", id="a public JWK"),
        pytest.param(with_members(rsa_key(), p=None, q=None), "is a JWK without p, q; store it with", id="no factors"),
        pytest.param(with_members(rsa_key(), p=7), "is a JWK without p; store it with", id="a number"),
        pytest.param(with_members(key_of("P-256"), d="AA"), "members do not form a usable private", id="a short d"),
        pytest.param(
            with_members(key_of("P-256"), crv="P-384"), "members do not form a usable private", id="of a curve"
        ),
        pytest.param(
            with_members(key_of("Ed25519"), x="A" * 43), "members do not form a usable private", id="of another"
        ),
        pytest.param(with_members(key_of("P-256"), x=None), "members do not form a usable private", id="no point"),
        pytest.param("x" * 16385, "is longer than 16 KiB", id="long"),
    ],
)
def test_a_key_that_cannot_be_used_is_reported(text: str, said: str) -> None:
    """The message says where it is, what is wrong with it, and what to do."""
    message = refusal(text)
    assert message.startswith(f"{WHERE} ")
    assert said in message


def test_a_dsa_key_is_not_supported() -> None:
    """A DSA key as people generate it."""
    key = dsa.generate_private_key(2048)
    assert "of an unsupported type" in refusal(pem(key))


@pytest.mark.parametrize(
    "algorithm",
    [
        pytest.param("2a8648ce380401", id="DSA"),
        pytest.param("2a864886f70d010301", id="DH"),
        pytest.param("2a8648ce3e0201", id="X9.42 DH"),
    ],
)
def test_a_key_of_another_kind_is_not_handed_to_openssl(monkeypatch: pytest.MonkeyPatch, algorithm: str) -> None:
    """It would compute the public key and block the whole interpreter meanwhile."""
    monkeypatch.delattr(reading, "load_pem_private_key")
    assert "of an unsupported type" in refusal(discrete_key(algorithm, 512))


@pytest.mark.parametrize("kind", ["P-256", "RSA", "Ed25519"])
def test_a_damaged_key_is_reported_whatever_its_library_makes_of_it(kind: str) -> None:
    """Whichever byte is wrong: the library reports a short Ed448 key, for example, as an internal error."""
    good = key_of(kind).private_bytes(Encoding.DER, PKCS8, NoEncryption())
    for place in range(min(len(good), 100)):
        for value in (0, good[place] ^ 1, 0xFF):
            damaged = good[:place] + bytes([value]) + good[place + 1 :]
            with suppress(UserActionRequired):
                read_private_key(pem_of("PRIVATE KEY", damaged), WHERE)


@pytest.mark.parametrize("member", ["n", "e", "d", "p", "q", "dp", "dq", "qi"])
def test_an_rsa_keys_parts_must_fit_together(member: str) -> None:
    """Otherwise its signatures would be wrong, or reveal the key."""
    own, other = json.loads(jwk(rsa_key())), json.loads(jwk(rsa_key(2048, 1)))
    other["e"] = "Aw"
    assert "whose members do not form a usable private key" in refusal(json.dumps(own | {member: other[member]}))


@pytest.mark.parametrize("member", ["e", "d", "p", "q", "dp", "dq", "qi"])
def test_huge_numbers_are_refused_at_once(member: str) -> None:
    """No arithmetic is done with numbers longer than a key's."""
    text = with_members(rsa_key(), **{member: "_" * 12000})
    [times] = costly.ratios([lambda: refusal(text)], 20)
    assert times < 20


def chain_refusal(text: str, now: float = EPOCH) -> str:
    """The message for a certificate that can't be used with the key."""
    with pytest.raises(UserActionRequired) as caught:
        read_chain(text, CHAIN, read_private_key(pem(rsa_key()), WHERE), WHERE, now)
    assert caught.value.reason == Reason.CREDENTIALS_INVALID
    assert caught.value.__context__ is None
    return caught.value.message


@pytest.mark.parametrize("kind", ["RSA", "P-256", "P-384", "P-521", "Ed25519"])
def test_a_certificate_is_read_with_those_below_its_root(kind: str) -> None:
    """The client's own comes first; intermediates follow, the root is left out."""
    own, above = certificate_pem(key_of(kind)), certificate_pem(key_of("P-384"))
    key = read_private_key(pem(key_of(kind)), WHERE)
    chain = read_chain(f"subject=CN = shop\n{own}\nissuer\n{above}", CHAIN, key, WHERE, EPOCH)
    assert (chain.pem, chain.thumbprint) == (own + above, thumbprint(own))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("", "contains no PEM certificate", id="none"),
        pytest.param(PUBLIC, "contains no PEM certificate", id="a public key"),
        pytest.param("x" * 32769, "is longer than 32 KiB", id="long"),
        pytest.param(certificate_pem(key_of("P-256")) * 9, "contains 9 certificates", id="many"),
        pytest.param(
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "certificate 1 in", id="unreadable"
        ),
        pytest.param(
            certificate_pem(key_of("P-256")) + certificate_pem(rsa_key()),
            "does not match the key in",
            id="another's",
        ),
        pytest.param(certificate_pem(rsa_key(), ends=EPOCH - 1), "expired at 2027-01-15T07:59:59Z", id="expired"),
        pytest.param(
            certificate_pem(rsa_key(), begins=EPOCH + 60), "is not valid before 2027-01-15T08:01:00Z", id="early"
        ),
    ],
)
def test_a_certificate_that_cannot_be_used_is_reported(text: str, said: str) -> None:
    """The message says where it is, what is wrong with it, and what to do."""
    message = chain_refusal(text)
    assert CHAIN in message
    assert said in message


@pytest.mark.parametrize("version", [1, 3, 127])
def test_a_certificate_of_no_version_that_there_is_cannot_be_read(version: int) -> None:
    """The library raises a special exception for it."""
    good = certificate(rsa_key(), EPOCH - DAY, EPOCH + DAY).public_bytes(Encoding.DER)
    mark = bytes.fromhex("a003020102")
    assert good.count(mark) == 1
    damaged = good.replace(mark, mark[:-1] + bytes([version]))
    assert "certificate 1 in" in chain_refusal(pem_of("CERTIFICATE", damaged))


def test_a_certificate_expires_while_it_is_used() -> None:
    """The operator's clock decides, at each request."""
    text = certificate_pem(rsa_key())
    read_chain(text, CHAIN, read_private_key(pem(rsa_key()), WHERE), WHERE, EPOCH + DAY)
    assert "expired" in chain_refusal(text, EPOCH + DAY + 1)
