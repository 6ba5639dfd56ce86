"""The words that conditions had in earlier versions, and have today: those of the controller, the API and the queues.

See :mod:`integration_token.controller.earlier_wording`, which says when to add a row.
"""

from typing import Final

from integration_token.controller.earlier_wording import Row

CONDITIONS: Final[tuple[Row, ...]] = (
    # Accounts.
    Row(
        "the API server gives no token of ServiceAccount {name} now ({error}); it is asked again",
        "the API server cannot issue a token of ServiceAccount {name} at the moment ({error}); retrying",
    ),
    Row(
        "the API server was asked for a token of ServiceAccount {name} and answered with {fault}, which is sent"
        " nowhere; look for what changes TokenRequests in this cluster",
        "the API server answered the TokenRequest for ServiceAccount {name} with {fault}, which is never sent to an"
        " endpoint; check which webhook or policy changes TokenRequests in this cluster",
    ),
    Row(
        "is the operator's own ServiceAccount, whose tokens are sent nowhere; name another",
        "is the operator's own ServiceAccount, whose tokens are never sent to an endpoint; set another ServiceAccount",
    ),
    Row(
        "; add it to the account's annotation {annotation}, which has at most {count} characters, or refer",
        "; add this host to the ServiceAccount's annotation {annotation} (at most {count} characters), or refer",
    ),
    Row(
        "tokens of ServiceAccount {name} may not be for {audience}, which is what {endpoint} asks for; add it to the"
        " account's annotation {annotation}, which has at most {count} characters",
        "ServiceAccount {name} does not allow tokens for the audience {audience}, which {endpoint} requires; add this"
        " audience to the ServiceAccount's annotation {annotation} (at most {count} characters)",
    ),
    Row(
        " would be an identity in this cluster, and is sent nowhere; set spec.assertion.audience of {endpoint} to what"
        " the endpoint is called as an audience",
        " would be an identity in this cluster and is never sent to an endpoint; set spec.assertion.audience of"
        " {endpoint} to the audience of the endpoint itself",
    ),
    Row("the operator may not get a token of ", "the operator is not allowed to get a token of "),
    Row("the operator may not read ", "the operator is not allowed to read "),
    Row(", and what admits TokenRequests in this cluster", ", and this cluster's admission of TokenRequests"),
    # CA bundles.
    Row(
        "the operator runs outside of a pod, and has no namespace to read it in; give it --lease-namespace",
        "the operator runs outside a pod and does not know its own namespace; set --lease-namespace",
    ),
    Row(
        "ConfigMap {name} of the operator's namespace {namespace}; add its name to the chart's ",
        "ConfigMap {name} in the operator's namespace {namespace}; add its name to the chart's value ",
    ),
    Row(" of the operator's namespace ", " in the operator's namespace "),
    Row(", or mend spec.caBundleRef", " or fix spec.caBundleRef"),
    Row(" has nothing in its key ", " has an empty key "),
    Row("; add it or fix spec.caBundleRef", "; add the CA bundle there or fix spec.caBundleRef"),
    Row(
        "; leave out the authorities that the endpoint doesn't need",
        "; remove the authorities that the endpoint does not need",
    ),
    # What is held, and what is waited for.
    Row("; the token that is held stays valid until ", "; the current token is valid until "),
    Row(
        "; the token that is held is kept, and nobody has told when it expires",
        "; the current token is kept, and its expiry is unknown",
    ),
    Row(
        "the renewal that was asked for waits, since at most {count} such wishes are followed in a minute for one"
        " token request; it is",
        "the requested renewal waits: at most {count} renewals a minute may be requested for the same token request;"
        " it is",
    ),
    Row(
        " requests in a minute for one token request, of which a namespace that shares it with others has {count};",
        " requests a minute for the same token, of which a namespace that shares it with others gets {count};",
    ),
    Row(
        "for another request for the same token, which is not answered yet",
        "for another request for the same token, which has not been answered yet",
    ),
    Row(
        "for the end of the time for which {host} asked to be left alone, ",
        "for the end of the pause that {host} asked for, ",
    ),
    Row(" requests a minute, which is spec.rateLimit", " requests a minute, set by spec.rateLimit"),
    Row(
        "the request waits for others to {host}, which are not answered yet",
        "the request waits for other requests to {host}, which have not been answered yet",
    ),
    Row(
        " that may hold a part of a secret, so fewer scopes are not noticed; set spec.scopes to those that are needed",
        " that may contain part of a secret, so a loss of scopes goes unnoticed; set spec.scopes to those you need",
    ),
    Row("; it asks to be left alone until ", "; the endpoint asked for a pause until "),
    # The rollover.
    Row(
        "the endpoint issues tokens that live {lifetime} s: a new one is asked for when half of that is over, and a"
        " mounted file may follow its Secret up to 90 s later, so pods may read an expired token; let the endpoint"
        " issue tokens that live {least} s or longer, better 10 min",
        "the endpoint issues tokens with a lifetime of {lifetime} s: a new one is requested halfway, and a mounted"
        " file may follow its Secret up to 90 s later, so pods may read an expired token; set the lifetime at the"
        " endpoint to {least} s or more, better 10 min",
    ),
    Row(
        "by spec.consumerDelay pods go on with an old token for {delay} s, beside up to 90 s until a mounted file"
        " follows its Secret; tokens live {lifetime} s, and a new one is asked for when half of that is over: pods may"
        " use an expired token; let the endpoint issue tokens that live {least} s or longer, or",
        "according to spec.consumerDelay pods keep using an old token for {delay} s, in addition to up to 90 s until a"
        " mounted file follows its Secret; tokens have a lifetime of {lifetime} s, and a new one is requested halfway,"
        " so pods may use an expired token; set the lifetime at the endpoint to {least} s or more, or",
    ),
    Row(
        "the endpoint answers with a new token only when the old one has expired,",
        "the endpoint issues a new token only after the old one has expired,",
    ),
    Row(
        "the endpoint answers with a new token {lead} s before the old one expires,",
        "the endpoint issues a new token only {lead} s before the old one expires,",
    ),
    Row(
        " and by spec.consumerDelay pods go on with the old one for {delay} s more: they may use",
        " and according to spec.consumerDelay pods keep using the old one for another {delay} s, so they may use",
    ),
    Row(" up to 90 s later: pods may read", " up to 90 s later, so pods may read"),
    Row("; let the endpoint issue new tokens ", "; configure the endpoint to issue new tokens "),
    Row(
        ", or have pods read the file more often and lower spec.consumerDelay",
        ", or make pods read the file more often and lower spec.consumerDelay",
    ),
    Row(
        ", or have the operator installed with mountRefresh.enabled, which takes the 90 s away",
        ", or install the operator with mountRefresh.enabled, which removes the 90 s",
    ),
    Row(
        ", or have the operator installed with mountRefresh.enabled, which brings them into mounted files in a second",
        ", or install the operator with mountRefresh.enabled, which updates mounted files within a second",
    ),
    # Credentials.
    Row("; create it or mend spec.", "; create it or fix spec."),
    Row(" is not released for use as credentials; run: ", " is not labelled for use as credentials; run: "),
    Row(
        "member {member} of the JSON object in {place} is missing; add it or name another by spec.credentialsSecretRef",
        "member {member} of the JSON object in {place} is missing; add it or set another member in"
        " spec.credentialsSecretRef",
    ),
    Row(
        "; add it or name another by spec.credentialsSecretRef",
        "; add it or set another key in spec.credentialsSecretRef",
    ),
    Row("; add it or mend spec.credentialsSecretRef.jsonKey", "; add it or fix spec.credentialsSecretRef.jsonKey"),
    Row("; leave out what the token request doesn't need", "; remove what the token request does not need"),
    Row(
        " is no JSON object; write it anew, or leave out spec.credentialsSecretRef.jsonKey",
        " is not a JSON object; fix it or remove spec.credentialsSecretRef.jsonKey",
    ),
    Row(" is no text; write it in quotes", " is not a string; put it in quotes"),
    Row(" is not UTF-8 text; write it anew", " is not UTF-8 text; set it again as UTF-8"),
    Row(" characters; mend it", " characters; shorten it"),
    Row(" has a control character in it; write it anew", " contains a control character; remove it"),
    Row(
        " has a line break or another control character in it; write it anew, for example by printf %s",
        " contains a line break or another control character; set it again, for example with printf %s",
    ),
    Row(
        "Secret {name} may be sent nowhere: its annotation",
        "Secret {name} may not be sent to any host: its annotation",
    ),
    Row(
        "with these credentials, as has been found out for another resource that has the same; store a key and a"
        " certificate that can be used in the",
        "with these credentials, as another resource with the same credentials has shown; store a usable key and"
        " certificate in the",
    ),
    Row(" takes the token of a ServiceAccount; set ", " requires a ServiceAccount token; set "),
    Row(" takes no token of a ServiceAccount; remove ", " does not use a ServiceAccount token; remove "),
    Row(
        " takes either a Secret or the token of a ServiceAccount; remove ",
        " uses either a Secret or a ServiceAccount token, not both; remove ",
    ),
    Row(" takes credentials from a Secret; set ", " requires credentials from a Secret; set "),
    # The answer, the target, and the API server.
    Row(
        "the endpoint answered with a token that has expired already",
        "the endpoint returned a token that has already expired",
    ),
    Row("another controller, or somebody, keeps ", "another controller or user keeps "),
    Row(
        "; have it leave the Secret alone, or choose another spec.target.name",
        "; stop that, or set another spec.target.name",
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
    # Specs.
    Row("spec.namespaceSelector: {error}; mend it", "spec.namespaceSelector: {error}; fix it"),
    Row("; mend the field", "; fix this field"),
    Row(" is no word for Bearer;", " cannot be another name for Bearer;"),
    Row(" is set by the operator alone;", " is set by the operator and cannot be replaced;"),
    Row(" stands in parameters and in repeatedParameters;", " is in both parameters and repeatedParameters;"),
    Row(" is no printable ASCII of at most ", " is not printable ASCII of at most "),
    Row(" caBundleRef is for a ClusterTokenEndpoint alone;", " caBundleRef may only be set in a ClusterTokenEndpoint;"),
    Row(" caBundle and caBundleRef exclude each other;", " caBundle and caBundleRef are mutually exclusive;"),
    Row(" is no name of a header;", " is not a header name;"),
    Row(
        " is set by the operator or the connection alone;",
        " is set by the operator or the connection and cannot be replaced;",
    ),
    Row(" is no JSON Pointer of ", " is not a JSON Pointer of "),
)
