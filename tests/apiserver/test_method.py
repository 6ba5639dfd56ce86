"""Authentication methods that send no secret, from the credentials Secret to the token."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tests.apiserver.kube import Kube
from tests.apiserver.ledger import Ledger
from tests.apiserver.operator import Operator
from tests.apiserver.stage import CREDENTIALS_LABEL, Login, Stage, Token
from tests.fakes.assertion import KnownKey
from tests.fakes.certificate import ClientAuthority, ClientIdentity

LABELS = {CREDENTIALS_LABEL: "true"}


@pytest.fixture(scope="module")
def authority() -> ClientAuthority:
    """The CA whose certificates the endpoint accepts."""
    return ClientAuthority()


@pytest.fixture(scope="module")
def secured(kube: Kube, ledger: Ledger, operator: Operator, authority: ClientAuthority) -> Iterator[Stage]:
    """The namespace of an endpoint that requires client certificates."""
    login = Login(tls=True, client_certificates=authority)
    with ExitStack() as stack:
        ledger.endpoints.append(stack.enter_context(login.endpoint))
        stage = Stage(kube, ledger, login, "method-tls", endpoint=False)
        stage.endpoint("login", caBundle=login.endpoint.ca_pem, clientAuthenticationMethod="TLSClientAuth")
        yield stage


def _new_key(ledger: Ledger) -> tuple[str, str]:
    """A private key in PEM, which must not leak, and its public key."""
    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    _note(ledger, private)
    return private, key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _note(ledger: Ledger, key: str) -> None:
    """None of its lines may leak."""
    for line in key.splitlines()[1:-1]:
        if len(line) > 16:
            ledger.note(line)


def _tls_token(stage: Stage, name: str, identity: ClientIdentity) -> Token:
    """With a Secret as cert-manager creates it, which holds no client ID."""
    _note(stage.ledger, identity.key)
    data = {"tls.crt": identity.chain, "tls.key": identity.key}
    stage.secret(f"{name}-credentials", data, labels=LABELS, type_="kubernetes.io/tls")
    return stage.token(name, client_id=name, clientID=name, credentials=False)


def test_private_key_signs_each_request(stage: Stage, ledger: Ledger) -> None:
    """The key ID is the one that the endpoint knows; a new key is used at once, or refused with advice if unknown."""
    private, public = _new_key(ledger)
    stage.login.keys["signer"] = KnownKey("ES256", public, key_id="one")
    stage.endpoint("signed", clientAuthenticationMethod="PrivateKeyJWT", assertion={"keyID": "one"})
    stage.secret("signer-credentials", {"client_id": "signer", "tls.key": private}, labels=LABELS)
    token = stage.token("signer", client_id="signer", credentials=False, endpoint="signed").until_ready()
    token.request_poll()
    assert [record.status for record in token.until_requests(2)] == [200, 200]

    renewed, known = _new_key(ledger)
    token.set_credentials(**{"tls.key": renewed})
    message = token.until_condition("Refreshed", "False", "InvalidClient")["message"]
    assert "key" in message
    stage.login.keys["signer"] = KnownKey("ES256", known, key_id="one")
    token.request_poll()
    token.until_condition("Refreshed", "True")


def test_client_secret_signs_instead_of_being_sent(stage: Stage) -> None:
    """The endpoint knows it, and only sees what it signed."""
    secret = stage.ledger.odd_secret()
    stage.login.keys["mac"] = KnownKey("HS256", secret)
    stage.endpoint("mac", clientAuthenticationMethod="ClientSecretJWT", requestEncoding="Form")
    token = stage.token("mac", client_id="mac", secret=secret, endpoint="mac")
    # If it were sent, it would be refused.
    stage.login.clients["mac"] = ""
    token.until_ready()
    token.request_poll()
    token.until_requests(2)
    assert {record.status for record in token.requests()} == {200}


def test_certificate_is_shown_and_used_as_soon_as_it_is_renewed(secured: Stage, authority: ClientAuthority) -> None:
    """As cert-manager does it: certificate and key in one write, while the operator runs."""
    first, second = authority.issue("shop"), authority.issue("shop")
    token = _tls_token(secured, "shop", first).until_ready()
    shown = secured.login.endpoint.shown
    assert set(shown) == {first.serial_number}
    _note(secured.ledger, second.key)
    token.set_credentials(**{"tls.crt": second.chain, "tls.key": second.key})
    token.until(lambda: second.serial_number in shown, "the renewed certificate")
    token.until_condition("Refreshed", "True")
    assert len(shown) == 2


def test_certificate_and_key_that_do_not_fit_are_reported_until_they_do(
    secured: Stage, authority: ClientAuthority
) -> None:
    """Between two separate writes nothing is sent, and the token stays."""
    first, second = authority.issue("half"), authority.issue("half")
    token = _tls_token(secured, "half", first).until_ready()
    _note(secured.ledger, second.key)
    held, sent = token.held, len(token.requests())
    token.set_credentials(**{"tls.crt": second.chain})
    message = token.until_condition("Refreshed", "False", "CredentialsInvalid")["message"]
    assert "half-credentials" in message
    assert "key" in message
    assert token.condition("Stalled")["status"] == "False"
    assert (token.held, len(token.requests())) == (held, sent)
    token.set_credentials(**{"tls.key": second.key})
    token.until_condition("Refreshed", "True")
    assert secured.login.endpoint.shown[-1] == second.serial_number


def test_certificate_of_another_authority_is_named(secured: Stage) -> None:
    """The endpoint refuses it by closing the connection."""
    token = _tls_token(secured, "stranger", ClientAuthority().issue("stranger"))
    assert "client certificate" in token.until_failing("TLSFailed")["message"]


def test_basic_without_encoding_is_accepted_if_nothing_is_decoded(
    kube: Kube, ledger: Ledger, operator: Operator
) -> None:
    """Some servers take the text before and after the colon as it is."""
    login = Login(plain_basic=True)
    ledger.endpoints.append(login.endpoint)
    with login.endpoint:
        stage = Stage(kube, ledger, login, "method-basic", endpoint=False)
        stage.endpoint("plain", clientAuthenticationMethod="ClientSecretBasic", basicEncoding="None")
        stage.endpoint("form", clientAuthenticationMethod="ClientSecretBasic")
        stage.token("plain", endpoint="plain").until_ready()
        stage.token("form", endpoint="form").until_failing("AccessDenied")
