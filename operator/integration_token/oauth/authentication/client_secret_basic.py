"""The client ID and the client secret as HTTP Basic (RFC 6749, 2.3.1)."""

import base64
from urllib.parse import quote, quote_plus

from integration_token.api.condition import Reason
from integration_token.api.endpoint import BasicEncoding
from integration_token.api.integration import CLIENT_ID, CLIENT_SECRET
from integration_token.errors import UserActionRequired
from integration_token.oauth.part import Contribution, GrantInputs, Needs, TokenRequestSpec


class ClientSecretBasic:
    """`client_secret_basic` of OAuth's registry."""

    def needs(self, inputs: GrantInputs) -> Needs:
        """Both."""
        return Needs((CLIENT_ID, CLIENT_SECRET))

    def contribute(self, spec: TokenRequestSpec, now: float) -> Contribution:
        """One header.

        :raises UserActionRequired: if it cannot hold the client ID.
        """
        client_id, secret = spec.client_id, spec.credentials[CLIENT_SECRET]
        if spec.inputs.basic_encoding is BasicEncoding.FORM:
            header = basic_authorization(client_id, secret)
        elif ":" in client_id:
            # RFC 7617, 2: the first colon ends the user's name.
            raise UserActionRequired(
                Reason.CREDENTIALS_INVALID,
                "the client ID has a colon, which HTTP Basic can't hold unencoded; set"
                " spec.clientAuthenticationMethod of the endpoint to ClientSecretPost, or spec.basicEncoding to Form",
            )
        else:
            header = _basic(client_id, secret)
        headers = {"Authorization": header}
        return Contribution(headers=headers, secrets=(secret, *basic_forms(client_id, secret)))


def basic_authorization(client_id: str, client_secret: str) -> str:
    """HTTP Basic with both values form-encoded first (RFC 6749, 2.3.1).

    A space becomes %20: every server that decodes at all undoes that, and not every one a plus.
    """
    return _basic(_quoted(client_id), _quoted(client_secret))


def basic_forms(client_id: str, client_secret: str) -> tuple[str, ...]:
    """All ways in which the header can be written, be it by the endpoint: each is as secret as the credentials."""
    pairs = ((write(client_id), write(client_secret)) for write in (_quoted, quote_plus, str))
    return tuple(dict.fromkeys(_basic(*pair) for pair in pairs))


def _quoted(text: str) -> str:
    return quote(text, safe="")


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode(errors="replace")).decode()
