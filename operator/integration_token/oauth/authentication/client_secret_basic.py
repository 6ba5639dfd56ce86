"""The client ID and the client secret as HTTP Basic (RFC 6749, 2.3.1)."""

import base64
from urllib.parse import quote, quote_plus

from integration_token.oauth.part import Contribution, GrantInputs, Needs, TokenRequestSpec


class ClientSecretBasic:
    """`client_secret_basic` of OAuth's registry."""

    def needs(self, inputs: GrantInputs) -> Needs:
        """Both."""
        return Needs(("client_id", "client_secret"))

    def contribute(self, spec: TokenRequestSpec, now: float) -> Contribution:
        """One header."""
        client_id, secret = spec.client_id, spec.credentials["client_secret"]
        headers = {"Authorization": basic_authorization(client_id, secret)}
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
