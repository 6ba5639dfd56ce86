"""The client ID and the client secret as HTTP Basic (RFC 6749, 2.3.1)."""

import base64
from urllib.parse import quote, quote_plus

from integration_token.api.condition import Reason
from integration_token.api.endpoint import BasicEncoding
from integration_token.api.integration import CLIENT_ID, CLIENT_SECRET
from integration_token.errors import UserActionRequired
from integration_token.oauth.part import Contribution, GrantInputs, Needs, TokenRequestSpec


class ClientSecretBasic:
    """`client_secret_basic` in OAuth's registry."""

    def needs(self, inputs: GrantInputs) -> Needs:
        """Client ID and secret."""
        return Needs((CLIENT_ID, CLIENT_SECRET))

    def contribute(self, spec: TokenRequestSpec, now: float) -> Contribution:
        """One header.

        :raises UserActionRequired: if the client ID cannot be put in it.
        """
        client_id, secret = spec.client_id, spec.credentials[CLIENT_SECRET]
        if spec.inputs.basic_encoding is BasicEncoding.FORM:
            header = basic_authorization(client_id, secret)
        elif ":" in client_id:
            # RFC 7617, 2: the first colon ends the user name.
            raise UserActionRequired(
                Reason.CREDENTIALS_INVALID,
                "the client ID contains a colon, which HTTP Basic cannot carry unencoded; set spec.basicEncoding of"
                " the endpoint to Form, or spec.clientAuthenticationMethod to ClientSecretPost",
            )
        else:
            header = _basic(client_id, secret)
        headers = {"Authorization": header}
        return Contribution(headers=headers, secrets=(secret, *basic_forms(client_id, secret)))


def basic_authorization(client_id: str, client_secret: str) -> str:
    """HTTP Basic with both values form-encoded first (RFC 6749, 2.3.1).

    A space becomes %20: every server that decodes at all decodes that, but not every server decodes a plus.
    """
    return _basic(_quoted(client_id), _quoted(client_secret))


def basic_forms(client_id: str, client_secret: str) -> tuple[str, ...]:
    """All ways to write the header, including those the endpoint could derive: each is as secret as the credentials."""
    pairs = ((write(client_id), write(client_secret)) for write in (_quoted, quote_plus, str))
    return tuple(dict.fromkeys(_basic(*pair) for pair in pairs))


def _quoted(text: str) -> str:
    return quote(text, safe="")


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode(errors="replace")).decode()
