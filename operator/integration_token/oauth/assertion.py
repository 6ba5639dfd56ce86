"""JWTs in which a client states its identity or whom it acts for (RFC 7521, RFC 7523), signed afresh for each request.

Servers disagree, and these JWTs have to pass at all of them. The audience is a single string: Keycloak refuses a list.
They are issued a few seconds ago: Ory Hydra answers 500 to one from the future, and Keycloak refuses one issued more
than a minute ago. They are valid for one minute only: Keycloak accepts no longer lifetime without `iat`. The `jti` is
always new: most servers refuse to see one twice. The client ID goes beside it: Spring Authorization Server wants that.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import jwt
from jwt.exceptions import InvalidKeyError

from integration_token.api.condition import Reason
from integration_token.api.integration import CERTIFICATE, CLIENT_SECRET, PRIVATE_KEY
from integration_token.errors import EndpointUnusable
from integration_token.oauth.certificate import read_chain
from integration_token.oauth.key import Signing, invalid, read_private_key
from integration_token.oauth.part import TokenRequestSpec

_BACK: Final = 5
"""Seconds by which `iat` is set in the past: clocks in a cluster differ by less."""

_LEAST_SECRET: Final = {"HS256": 32, "HS384": 48, "HS512": 64}
"""Minimum length of the secret in bytes (RFC 7518, 3.2): that of the hash."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A JWT, and the texts that no message may contain any part of."""

    assertion: str = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)


def signed_by_key(spec: TokenRequestSpec, now: float, *, subject: str, claims: Mapping[str, str]) -> Signed:
    """A client's assertion, signed with its private key.

    :param claims: added to those that every assertion has.
    :raises UserActionRequired: if the key or the certificate cannot be used.
    """
    wanted, place = spec.inputs.assertion, spec.place(PRIVATE_KEY)
    key = read_private_key(spec.credentials[PRIVATE_KEY], place)
    headers = {}
    if key_id := wanted.key_id or key.key_id:
        headers["kid"] = key_id
    if spec.inputs.certificate:
        certificate = spec.credentials[CERTIFICATE]
        headers["x5t#S256"] = read_chain(certificate, spec.place(CERTIFICATE), key, place, now).thumbprint
    algorithm = key.signs_by(wanted.signing_algorithm, place)
    assertion = _sign({**claims, **_claims(spec, now, subject)}, key.key, algorithm, headers)
    return Signed(assertion, (assertion, *key.secrets))


def signed_by_secret(spec: TokenRequestSpec, now: float) -> Signed:
    """A client's assertion about itself, signed with its secret.

    :raises UserActionRequired: if the secret cannot be used.
    """
    secret, place = spec.credentials[CLIENT_SECRET], spec.place(CLIENT_SECRET)
    wanted = spec.inputs.assertion
    algorithm = wanted.signing_algorithm or "HS256"
    least = _LEAST_SECRET.get(algorithm)
    if least is None:
        raise EndpointUnusable(
            Reason.INVALID_SPEC,
            f"a client secret cannot sign with {algorithm}, which spec.assertion.signingAlgorithm of the endpoint"
            f" sets; set it to one of {', '.join(_LEAST_SECRET)}, or set spec.clientAuthenticationMethod to"
            " PrivateKeyJWT",
        )
    if len(secret.encode()) < least:
        raise invalid(
            f"{place} is shorter than the {least} bytes that {algorithm} requires; set a longer client secret, or set"
            " spec.clientAuthenticationMethod of the endpoint to another method"
        )
    headers = {"kid": wanted.key_id} if wanted.key_id else {}
    try:
        assertion = _sign(_claims(spec, now, spec.client_id), secret, algorithm, headers)
    except InvalidKeyError:
        assertion = ""
    if not assertion:
        raise invalid(f"{place} is a key or a certificate, not a client secret; store the client secret")
    return Signed(assertion, (assertion, secret))


def _claims(spec: TokenRequestSpec, now: float, subject: str) -> dict[str, str | int]:
    issued = int(now) - _BACK
    return {
        "iss": spec.client_id,
        "sub": subject,
        "aud": spec.inputs.assertion_audience,
        "iat": issued,
        # Counted from `iat`: Google refuses an assertion whose own claims give it more than an hour.
        "exp": issued + int(spec.inputs.assertion.lifetime),
        "jti": str(uuid.uuid4()),
    }


def _sign(claims: Mapping[str, str | int], key: Signing | str, algorithm: str, headers: dict[str, str]) -> str:
    return jwt.encode(dict(claims), key, algorithm=algorithm, headers=headers)
