"""An assertion that authenticates the client (RFC 7521, 4.2; RFC 7523, 2.2), whoever signed it."""

from integration_token.oauth.part import Contribution


def client_assertion(client_id: str, assertion: str, secrets: tuple[str, ...]) -> Contribution:
    """The assertion and the client ID.

    :param client_id: empty if the endpoint finds it from the assertion.
    """
    fields = {
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": assertion,
    }
    return Contribution({"client_id": client_id, **fields} if client_id else fields, secrets=secrets)
