"""The GraFx Environment API: a client's credentials as JSON.

The page "Generating a Token" of its owner's documentation (chili-publish, GraFx Developers, Environment API), read on
2026-11-28: four fields, and no scope. A form is taken too, of which the page has an example elsewhere.
"""

from collections.abc import Mapping

from tests.fakes.vendor.shape import Refused, check_names, fields_of

AUDIENCE = "https://chiligrafx.com"


def check(headers: Mapping[str, str], body: bytes) -> None:
    """A request for a token.

    :raises Refused: if it is not as the page has it.
    """
    fields = fields_of(headers, body, "application/json")
    check_names("fields", fields, {"grant_type", "audience", "client_id", "client_secret"})
    if (fields["grant_type"], fields["audience"]) != ("client_credentials", AUDIENCE):
        raise Refused("the grant or the audience is another one")
