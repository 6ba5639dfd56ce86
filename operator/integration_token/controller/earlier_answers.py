"""The words that conditions had in earlier versions, and have today: those about answers and connections.

See :mod:`integration_token.controller.earlier_wording`, which says when to add a row.
"""

from typing import Final

from integration_token.controller.earlier_wording import Row

ANSWERS: Final[tuple[Row, ...]] = (
    Row(" is no name of an object", " is not a valid object name"),
    Row("namespace {namespace} is gone", "namespace {namespace} does not exist"),
    Row("the API server's answer broke off", "the API server's response broke off"),
    Row("the API server's answer is no list", "the API server's response is not a list"),
    Row(
        "409 the object was changed meanwhile, or exists already",
        "409 the object was changed meanwhile, or already exists",
    ),
    Row("the API server's answer is no JSON object", "the API server's response is not a JSON object"),
    Row("the connection to the API server was given up", "the connection to the API server was cancelled"),
    Row(
        "the API server cannot be reached: {said}; check its address and certificate authority in the kubeconfig, or"
        " in the pod's service account",
        "the API server cannot be reached: {said}; check its address and certificate authority in the kubeconfig, or"
        " in the pod's ServiceAccount",
    ),
    Row("a token that cannot be read", "a token that cannot be parsed"),
    Row("a token of another account of that name", "a token of another account with that name"),
    Row("the endpoint's answer is larger than {size} KiB", "the endpoint's response is larger than {size} KiB"),
    Row(
        "the name {host} does not resolve: {addresses}; check spec.tokenURL, and the cluster's DNS",
        "cannot resolve the name {host}: {addresses}; check spec.tokenURL and the cluster's DNS",
    ),
    Row(
        "compressed{name} in a way that was not asked for and can't be read",
        "compressed{name} in a way that was not asked for and cannot be read",
    ),
    Row("said to be compressed ({name}) and is not", "labelled as compressed ({name}) but is not"),
    Row("larger than {size} KiB once unpacked", "larger than {size} KiB when decompressed"),
    Row("compressed ({name}) and incomplete", "compressed ({name}) but incomplete"),
    Row(
        "the endpoint's answer comes in too many pieces, or with too much beside it",
        "the endpoint's response has too many chunks, or too much data besides the body",
    ),
    Row(
        "check spec.tokenURL, and what stands between it and the operator, such as a NetworkPolicy or a firewall",
        "check spec.tokenURL, and anything between the operator and it, such as a NetworkPolicy or a firewall",
    ),
    Row(
        "have the endpoint's certificate, or that of the authority which issued it, renewed",
        "have the endpoint's certificate, or that of its issuing authority, renewed",
    ),
    Row(
        "set spec.tokenURL to a name that the certificate is for, or have one issued for this name",
        "set spec.tokenURL to a name in the certificate, or have a certificate issued for this name",
    ),
    Row(
        "have the endpoint's certificates issued anew, with a stronger key or signature",
        "have the endpoint's certificates reissued with a stronger key or signature",
    ),
    Row(
        "have the endpoint's certificate corrected, or set caBundle of the endpoint to the authority it is from",
        "have the endpoint's certificate fixed, or set caBundle of the endpoint to the authority that issued it",
    ),
    Row(
        "check that the endpoint knows this client by the certificate in the credentials Secret, and trusts the"
        " authority which issued it; its log may say more",
        "check that the endpoint knows this client by the certificate in the credentials Secret, and trusts the"
        " authority that issued it; the endpoint's log may say more",
    ),
    Row(
        "write a certificate that is valid, and its key, into the credentials Secret",
        "store a valid certificate and its key in the credentials Secret",
    ),
    Row(
        "have one issued with another kind of key, or for the use by clients",
        "have one issued with another type of key, or for client authentication",
    ),
    Row(
        "have the endpoint trust the authority which issued it, or write the intermediate certificates too into the"
        " credentials Secret",
        "have the endpoint trust the authority that issued it, or add the intermediate certificates to the credentials"
        " Secret",
    ),
    Row(
        "none that it takes was shown: have the endpoint trust the authority which issued it",
        "the endpoint received no certificate that it accepts: have it trust the authority that issued this one",
    ),
    Row(
        " ended the connection when it was shown the client certificate{said}, and didn't say why; ",
        " closed the connection after the client certificate was presented{said}, without a reason; ",
    ),
    Row("no connection to {peer} comes about", "could not connect to {peer}"),
    Row(": it was closed, or what came is not HTTP", ": it was closed, or the response is not HTTP"),
    Row(
        "the connection to {server} broke before the answer was complete",
        "the connection to {server} broke before the response was complete",
    ),
    Row(
        " did not answer within {timeout} s; see whether it is slow, or raise spec.timeout",
        " did not answer within {timeout} s; check whether it is slow, or raise spec.timeout",
    ),
    Row(
        "TLS with the proxy {proxy} fails{why}; check its certificate, and --proxy-url",
        "TLS with the proxy {proxy} failed{why}; check its certificate, and --proxy-url",
    ),
    Row(" refuses the client certificate (", " refused the client certificate ("),
    Row("check that spec.tokenURL names an https port", "check that spec.tokenURL points to an https port"),
    Row(
        "have the endpoint offer TLS 1.2 or later, with a cipher that is still in use",
        "have the endpoint offer TLS 1.2 or later with a current cipher",
    ),
    Row(
        "it wants a client certificate: set spec.clientAuthenticationMethod to TLSClientAuth",
        "the endpoint requires a client certificate: set spec.clientAuthenticationMethod to TLSClientAuth",
    ),
    Row("no thread can be had for the look-up now", "no thread is available for the look-up"),
    Row("no name can be written so", "it is not a valid host name"),
    Row(
        "; some servers do so if an assertion is dated ahead of their clock: check that of the operator's node",
        "; some servers answer so if an assertion is dated ahead of their clock: check the clock of the operator's"
        " node",
    ),
    Row(
        " answered {status} with a page of HTML: something before the endpoint, such as a firewall or a proxy, refused"
        " the request; have it let requests through whose User-Agent begins with {agent}/, or check spec.tokenURL of ",
        " answered {status} with an HTML page: something in front of the endpoint, such as a firewall or a proxy,"
        " refused the request; have it allow requests whose User-Agent begins with {agent}/, or check spec.tokenURL"
        " of ",
    ),
    Row(
        "it wants a user and a password: set them in the URL of --proxy-url",
        "it requires a user and a password: set them in the URL of --proxy-url",
    ),
    Row("the proxy makes no connection to ", "the proxy did not connect to "),
    Row(
        "the request is too large for the server, or for what stands before it: have that take more, or send less by"
        " the parameters and headers of {endpoint}, shorter credentials, or a shorter assertion",
        "the request is too large for the server, or for a proxy in front of it: have that limit raised, or send less:"
        " fewer parameters and headers of {endpoint}, shorter credentials, or a shorter assertion",
    ),
    Row("this client is allowed the {grant} grant", "this client may use the {grant} grant"),
    Row(
        "check the credentials, the audience and the integration's permissions",
        "check the credentials, the audience and the client's permissions",
    ),
    Row(
        "check the client secret in the credentials Secret, since some servers, such as Keycloak, say so of a wrong"
        " one, and that ",
        "check the client secret in the credentials Secret, since some servers, such as Keycloak, answer so to a wrong"
        " one, and check that ",
    ),
    Row(
        "set spec.requestEncoding of {endpoint} to Form, which most servers want; if this one is known to take JSON, ",
        "set spec.requestEncoding of {endpoint} to Form, which most servers require; if this server accepts JSON, ",
    ),
    Row(
        "check spec.tokenExchange of {endpoint}, since servers take few types of tokens, that its server takes the"
        " ServiceAccount's token, and spec.tokenURL, the audience and the parameters; ",
        "check spec.tokenExchange of {endpoint}, since servers accept few token types; check that the server accepts"
        " the ServiceAccount's token; check spec.tokenURL, the audience and the parameters; ",
    ),
    Row(
        "check that the endpoint knows who signed the assertion, the client's key or this cluster, and lets it ask for"
        " spec.assertion.subject of ",
        "check that the endpoint knows the signer of the assertion (the client's key, or this cluster) and lets it act"
        " for spec.assertion.subject of ",
    ),
    Row(
        "that the endpoint's server trusts this cluster's issuer of ServiceAccount tokens, can fetch its keys, and"
        " knows the subject system:serviceaccount:NAMESPACE:NAME; ",
        "that the endpoint's server trusts this cluster's ServiceAccount issuer, can fetch its keys, and knows the"
        " subject system:serviceaccount:NAMESPACE:NAME; ",
    ),
    Row(
        "spec.assertion.audience of {endpoint} must be what the server calls itself, be it its token URL, as by"
        " default, or its issuer, and the clock of the operator's node must be right",
        "check that spec.assertion.audience of {endpoint} is what the server expects, either its token URL (the"
        " default) or its issuer, and that the clock of the operator's node is right",
    ),
    Row(
        "that {method} is the one that is registered for this client",
        "that {method} is the method registered for this client",
    ),
    Row(
        "check the client ID, {registered}, and that the public key that belongs to the credentials Secret's is"
        " registered for it, under the kid that is sent if one is; ",
        "check the client ID, {registered}, and that the public key matching the credentials Secret's private key is"
        " registered, under the kid that is sent, if any; ",
    ),
    Row(
        "check the client ID, {registered}, that the certificate of the credentials Secret or its subject is, and that"
        " what stands at spec.tokenURL asks for certificates: some servers have another host for that",
        "check the client ID, {registered}, that the certificate in the credentials Secret or its subject is"
        " registered, and that the server at spec.tokenURL asks for certificates: some servers use another host for"
        " that",
    ),
    Row(
        "check spec.clientID, and whether {method} should be another: the endpoint wants to know who asks",
        "check spec.clientID, and whether {method} should be another method: the endpoint requires client"
        " authentication",
    ),
    Row(
        "; some servers don't decode what stands in HTTP Basic, others want it encoded: where the ID or the secret has"
        " other characters than letters and digits, another spec.basicEncoding or ClientSecretPost may work",
        "; some servers do not decode HTTP Basic credentials, others require them encoded: if the ID or the secret"
        " contains characters other than letters and digits, try another spec.basicEncoding or ClientSecretPost",
    ),
    Row(
        "check the path of spec.tokenURL of {endpoint}: a page such as a login answers so, no token endpoint",
        "check the path of spec.tokenURL of {endpoint}: a login page redirects like this, a token endpoint does not",
    ),
    Row("spec.{field} is none of {values}; mend it", "spec.{field} is not valid; set it to one of {values}"),
    Row(
        "key {key} of the credentials Secret, which the endpoint's spec.headersFrom sends as {header}, has other"
        " characters than printable ASCII or a space at an end; write it anew",
        "key {key} of the credentials Secret, which the endpoint's spec.headersFrom sends as {header}, contains"
        " characters other than printable ASCII, or starts or ends with a space; fix its value",
    ),
    Row(
        "the endpoint's answer has no access_token that fits into a header; check spec.tokenURL and the endpoint",
        "the endpoint's response has no access_token that fits in a header; check spec.tokenURL and the endpoint",
    ),
    Row(
        "the endpoint's answer has at {pointer} no text that fits into a header; mend spec.response.accessTokenPointer"
        " of ",
        "the endpoint's response has no string that fits in a header at {pointer}; check"
        " spec.response.accessTokenPointer of ",
    ),
    Row("no other is supported", "only Bearer is supported"),
    Row(
        "; if the answer's token_type is but another word for it, which the endpoint's documentation should tell, set"
        " spec.response.tokenType of {endpoint} to that word",
        "; if the endpoint's documentation says that its token_type is another name for Bearer, set"
        " spec.response.tokenType of {endpoint} to that name",
    ),
    Row(
        "the endpoint issued a token of another type than Bearer; ",
        "the endpoint issued a token that is not of type Bearer; ",
    ),
    Row(
        "the answer of {server} is {error}; have it, or what stands before it, answer uncompressed",
        "the response of {server} is {error}; have the endpoint, or the proxy in front of it, respond uncompressed",
    ),
    Row(
        " answered {status} with no JSON object ({kind}); check spec.tokenURL",
        " answered {status} without a JSON object ({kind}); check spec.tokenURL",
    ),
    Row(
        "(not shown: whether it holds a part of a secret takes too long to tell)",
        "(not shown: checking it for secrets takes too long)",
    ),
)
