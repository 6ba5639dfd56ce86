"""The words that conditions had in releases, and have today.

See :mod:`integration_token.controller.earlier_wording`, which says when to add a row.
"""

from typing import Final, NamedTuple


class Row(NamedTuple):
    """A phrase as it was and as it is. `{name}` is a fact, and is kept."""

    before: str
    today: str


ROWS: Final[tuple[Row, ...]] = (
    Row(
        "the endpoint answers with a new token only when the old one has expired,",
        "the endpoint issues a new token only after the old one has expired,",
    ),
    Row(
        "the endpoint answers with a new token {lead} s before the old one expires,",
        "the endpoint issues a new token only {lead} s before the old one expires,",
    ),
    Row(" up to 90 s later: pods may read", " up to 90 s later, so pods may read"),
    Row("; let the endpoint issue new tokens ", "; configure the endpoint to issue new tokens "),
    Row(
        ", or have the operator installed with mountRefresh.enabled, which brings them into mounted files in a second",
        ", or install the operator with mountRefresh.enabled, which updates mounted files within a second",
    ),
    Row("; create it or mend spec.", "; create it or fix spec."),
    Row(" is not released for use as credentials; run: ", " is not labelled for use as credentials; run: "),
    Row(
        "; add it or name another by spec.credentialsSecretRef",
        "; add it or set another key in spec.credentialsSecretRef",
    ),
    Row(" is not UTF-8 text; write it anew", " is not UTF-8 text; set it again as UTF-8"),
    Row(" characters; mend it", " characters; shorten it"),
    Row(
        " has a line break or another control character in it; write it anew, for example by printf %s",
        " contains a line break or another control character; set it again, for example with printf %s",
    ),
    Row(
        "the endpoint answered with a token that has expired already",
        "the endpoint returned a token that has already expired",
    ),
    Row(
        " exists and is not this resource's; delete it or choose another spec.target.name",
        " exists and does not belong to this resource; delete it or set another spec.target.name",
    ),
    Row(" is being deleted; it is written anew once it is gone", " is being deleted; it is recreated after that"),
    Row(" is another resource's by now", " belongs to another resource now"),
    Row("the API server does not write Secret ", "the API server refused to write Secret "),
    Row("the API server refuses the operator a call: ", "the API server refused a call: "),
    Row(
        "; grant its account what the chart's RBAC grants",
        "; grant the operator's ServiceAccount the chart's RBAC permissions",
    ),
    Row("spec.namespaceSelector: {error}; mend it", "spec.namespaceSelector: {error}; fix it"),
    Row("; mend the field", "; fix this field"),
    Row("namespace {namespace} is gone", "namespace {namespace} does not exist"),
    Row("the API server's answer broke off", "the API server's response broke off"),
    Row(
        "409 the object was changed meanwhile, or exists already",
        "409 the object was changed meanwhile, or already exists",
    ),
    Row("the endpoint's answer is larger than {size} KiB", "the endpoint's response is larger than {size} KiB"),
    Row("check that spec.tokenURL names an https port", "check that spec.tokenURL points to an https port"),
    Row(
        "check the credentials, the audience and the integration's permissions",
        "check the credentials, the audience and the client's permissions",
    ),
    Row(" is none of {values}; mend it", " is not valid; set it to one of {values}"),
    Row(
        "the endpoint's answer has no access_token that fits into a header; check spec.tokenURL and the endpoint",
        "the endpoint's response has no access_token that fits in a header; check spec.tokenURL and the endpoint",
    ),
    Row(
        "data makes more than {size} KiB with this token; shorten it",
        "data is larger than {size} KiB with this token; shorten it",
    ),
    Row("spec.tokenURL is no URL; mend it", "spec.tokenURL is not a valid URL; fix it"),
    Row("spec.tokenURL needs https and a host; mend it", "spec.tokenURL is not an https URL with a host; fix it"),
    Row(
        "spec.tokenURL has port {port}, and there is none above 65535; mend it",
        "spec.tokenURL has port {port}, but the highest port is 65535; fix it",
    ),
    Row(
        "spec.tokenURL may hold no user or password; remove them",
        "spec.tokenURL must not contain a user or password; remove them",
    ),
    Row(
        "spec.tokenURL is http, which would show the client secret to the network; use https",
        "spec.tokenURL is http, which would send the client secret unencrypted; use https",
    ),
    Row(
        "host {host} is not on this installation's list; ask its administrator for --allowed-host ",
        "host {host} is not allowed in this installation; ask its administrator to add --allowed-host ",
    ),
    Row(" holds no PEM certificate that can be read; mend it", " contains no valid PEM certificate; fix it"),
)
