"""The words that conditions had in earlier versions, and have today: those about keys, certificates and templates.

See :mod:`integration_token.controller.earlier_wording`, which says when to add a row.
"""

from typing import Final

from integration_token.controller.earlier_wording import Row

KEYS: Final[tuple[Row, ...]] = (
    Row(
        "data[{key}] has {placeholder}, which is unknown; there are ",
        "data[{key}] contains the unknown placeholder {placeholder}; use ",
    ),
    Row(
        "type {type} is refused, since others take such a Secret for more; choose another type",
        "type {type} is not allowed, since Kubernetes or Helm gives such Secrets a special meaning; set another type",
    ),
    Row(
        "metadata.labels has {name}: {value}, by which Helm takes a Secret for a release of its own; take it away",
        "metadata.labels contains {name}: {value}, which would make the Secret look like a Helm release; remove it",
    ),
    Row(
        "metadata.annotations has {key}, by which a Secret gets a ServiceAccount's token; take it away",
        "metadata.annotations contains {key}, which would put a ServiceAccount's token in the Secret; remove it",
    ),
    Row(
        "the target Secret's name {name} begins with {prefix}, by which Helm takes it for a release of its own; choose"
        " another spec.target.name",
        "the target Secret's name {name} begins with {prefix}, which would make it look like a Helm release; set"
        " another spec.target.name",
    ),
    Row(
        "data lacks {keys}, which the type {kind} demands; add what is missing",
        "data lacks {keys}, which type {kind} requires; add it",
    ),
    Row(
        "data has neither {keys}, and the type {kind} demands one of them; add it",
        "data contains neither {keys}, but type {kind} requires one of them; add it",
    ),
    Row(
        "data[{key}] is empty, and the type {kind} demands a key there; fill it in",
        "data[{key}] is empty, but type {kind} requires a key there; set it",
    ),
    Row(
        "data makes more than {size} KiB with this token; shorten it",
        "data is larger than {size} KiB with this token; shorten it",
    ),
    Row(
        "data[{key}] is no JSON object of registries; write it as ",
        "data[{key}] is not a JSON object of registries; write it as ",
    ),
    Row(
        "no client secret signs by {algorithm}, which spec.assertion.signingAlgorithm of the endpoint names; set it to"
        " one of {algorithms}, or spec.clientAuthenticationMethod to PrivateKeyJWT",
        "a client secret cannot sign with {algorithm}, which spec.assertion.signingAlgorithm of the endpoint sets; set"
        " it to one of {algorithms}, or set spec.clientAuthenticationMethod to PrivateKeyJWT",
    ),
    Row(
        " has fewer than the {least} bytes that {algorithm} takes; have a longer secret made for this client, or set"
        " spec.clientAuthenticationMethod of the endpoint to another method",
        " is shorter than the {least} bytes that {algorithm} requires; set a longer client secret, or set"
        " spec.clientAuthenticationMethod of the endpoint to another method",
    ),
    Row(
        " is a key or a certificate, and no client secret; store the client secret",
        " is a key or a certificate, not a client secret; store the client secret",
    ),
    Row(
        "the client ID has a colon, which HTTP Basic can't hold unencoded; set spec.clientAuthenticationMethod of the"
        " endpoint to ClientSecretPost, or spec.basicEncoding to Form",
        "the client ID contains a colon, which HTTP Basic cannot carry unencoded; set spec.basicEncoding of the"
        " endpoint to Form, or spec.clientAuthenticationMethod to ClientSecretPost",
    ),
    Row(
        " is longer than {size} KiB; store the client's certificate first, then only those between it and its root",
        " is longer than {size} KiB; store the client's certificate first, then only its intermediates",
    ),
    Row(
        " holds no certificate as PEM; store the one that belongs to ",
        " contains no PEM certificate; store the one that belongs to ",
    ),
    Row(
        " holds {count} certificates; store the client's own first, then only those between it and its root",
        " contains {count} certificates; store the client's own first, then only its intermediates",
    ),
    Row(
        "the first certificate of {where} doesn't belong to the key in {place}; store both anew from one source, the"
        " client's own certificate first",
        "the first certificate in {where} does not match the key in {place}; store a matching pair, the client's own"
        " certificate first",
    ),
    Row(
        "the certificate of {where} expired at {time}; renew it",
        "the certificate in {where} expired at {time}; renew it",
    ),
    Row(
        "the certificate of {where} is not valid before {time}; wait until then, or check the clock of the operator's"
        " node",
        "the certificate in {where} is not valid before {time}; wait until then, or check the clock of the operator's"
        " node",
    ),
    Row(
        "certificate {number} of {where} can't be read; store it anew",
        "certificate {number} in {where} cannot be parsed; replace it",
    ),
    Row(
        "in the credentials Secret the private key is encrypted; write it anew without a password",
        "in the credentials Secret, the private key is encrypted; store it without a password",
    ),
    Row(
        "the client certificate cannot be loaded in the operator's pod: {said}; see that /proc is mounted there, and"
        " how many files it may open",
        "cannot load the client certificate in the operator's pod: {said}; check that /proc is mounted there, and the"
        " limit of open files",
    ),
    Row(
        "client certificates need an operator that runs on Linux; run it there, or set another"
        " spec.clientAuthenticationMethod",
        "client certificates require the operator to run on Linux; run it there, or set another"
        " spec.clientAuthenticationMethod",
    ),
    Row(
        "in the credentials Secret the private key is not the certificate's; write both anew, in one step",
        "in the credentials Secret, the private key does not match the certificate; store a matching pair in one"
        " update",
    ),
    Row(
        "in the credentials Secret certificate or private key cannot be used{said}; write both anew as PEM, in one"
        " step",
        "in the credentials Secret, the certificate or the private key cannot be used{said}; store both again as PEM,"
        " in one update",
    ),
    Row(
        "an RSA key of 2048 to 4096 bits, or one of P-256, P-384, P-521 or Ed25519",
        "an RSA key of 2048 to 4096 bits, or a P-256, P-384, P-521 or Ed25519 key",
    ),
    Row(
        "no private key signs by {wanted}, which spec.assertion.signingAlgorithm of the endpoint names; remove it, or"
        " set spec.clientAuthenticationMethod to ClientSecretJWT",
        "no private key can sign with {wanted}, which spec.assertion.signingAlgorithm of the endpoint sets; remove"
        " that field, or set spec.clientAuthenticationMethod to ClientSecretJWT",
    ),
    Row(
        " is of kind {type}, and spec.assertion.signingAlgorithm of the endpoint is {wanted}; store a key of kind"
        " {other}, or have that field removed or set to ",
        " is a key of type {type}, but spec.assertion.signingAlgorithm of the endpoint is {wanted}; store a key of"
        " type {other}, or have that field removed or set to ",
    ),
    Row(
        " is longer than {size} KiB; store the private key alone",
        " is longer than {size} KiB; store only the private key",
    ),
    Row(
        " is encrypted; store it without a password, as openssl pkey -in FILE writes it",
        " is encrypted; store it without a password, as written by openssl pkey -in FILE",
    ),
    Row(
        " is PEM, but holds no private key that can be read; store ",
        " is PEM, but contains no private key that can be read; store ",
    ),
    Row(
        " is a private key of a kind that cannot be used here; store ",
        " is a private key of an unsupported type; store ",
    ),
    Row(
        " holds {found} private keys; store the one that is to be used",
        " contains {found} private keys; store only the one to use",
    ),
    Row(
        " is in OpenSSH's own format; convert it by ssh-keygen -p -m pkcs8 -f FILE",
        " is in OpenSSH's own format; convert it with ssh-keygen -p -m pkcs8 -f FILE",
    ),
    Row(
        " holds a {what} and no private key; store the private key that belongs to it",
        " contains a {what} but no private key; store the private key that belongs to it",
    ),
    Row(
        " is no private key as PEM or JWK; store {types}, with its line breaks",
        " is not a private key in PEM or JWK format; store {types}, including its line breaks",
    ),
    Row(" begins like a JWK and is no JSON; store it anew", " looks like a JWK but is not valid JSON; store it again"),
    Row(
        " is a set of JWKs; store the one private key that is to be used",
        " is a JWK set; store only the private key to use",
    ),
    Row(" is a JWK whose kty is none of RSA, EC and OKP; store ", " is a JWK whose kty is not RSA, EC or OKP; store "),
    Row(
        " is a JWK without d, and so a public key; store the private key that belongs to it",
        " is a JWK without d, so a public key; store the private key that belongs to it",
    ),
    Row(
        " is a JWK whose members are no private key that can be used; store ",
        " is a JWK whose members do not form a usable private key; store ",
    ),
    Row(
        " is an RSA key whose parts don't fit together; store it anew",
        " is an RSA key whose parts do not fit together; store it again",
    ),
    Row(
        "spec.tokenURL is http, over which no client certificate can be shown; use https",
        "spec.tokenURL is http, but a client certificate requires https; use https",
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
