"""The GraFx Environment API: a client's credentials as JSON.

The page "Generating a Token" in its owner's documentation (chili-publish, GraFx Developers, Environment API), read on
2026-11-28: four fields, and no scope. A form is accepted too; the page has an example of it elsewhere.
"""

from collections.abc import Mapping

from tests.fakes.vendor.shape import Refused, check_names, fields_of

AUDIENCE = "https://chiligrafx.com"


def check(headers: Mapping[str, str], body: bytes) -> None:
    """Checks a token request.

    :raises Refused: if it differs from the page.
    """
    fields = fields_of(headers, body, "application/json")
    check_names("fields", fields, {"grant_type", "audience", "client_id", "client_secret"})
    if (fields["grant_type"], fields["audience"]) != ("client_credentials", AUDIENCE):
        raise Refused("the grant or the audience is another one")
