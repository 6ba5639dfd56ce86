"""The CustomResourceDefinitions: what the API server accepts and refuses."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.chart.rendering import Document, Kubectl
from tests.chart.resource import CA, cluster_endpoint, endpoint, target, template_metadata, token
from tests.cluster.client import CommandError
from tests.cluster.poll import poll

URL = "spec.tokenURL"
URL_MESSAGE = "must be an https URL with a host and no spaces"
TOKEN_TYPE = "spec.response.tokenType"
ASSERTION = "spec.assertion"
REPEATED = "spec.repeatedParameters"
PARAMETERS = "must not name grant_type, client_id, client_secret, audience, scope"
SCOPE = "must be a single scope without spaces, quotes or backslashes"
TYPE = "spec.target.template.type"
LABELS, ANNOTATIONS = "spec.target.template.metadata.labels", "spec.target.template.metadata.annotations"
IDENTITY = "Kubernetes or Helm gives such Secrets a special meaning"
OWN_KEYS = "must not have a key that starts with integrationtoken.dev/"
KEY_FORM = "must have keys such as app or example.com/app"
TARGET_IS_CREDENTIALS = "the target Secret must not be the credentials Secret"

SERVICE_ACCOUNT = {"kubernetes.io/service-account.name": "admin"}

REFUSED: dict[str, tuple[Document, str, str]] = {
    # For each case: the resource, the field that the message points at, and what the message says.
    "an endpoint without a URL": (endpoint(tokenURL=None), URL, "Required value"),
    "an empty URL": (endpoint(tokenURL=""), URL, URL_MESSAGE),
    "a URL without a scheme": (endpoint(tokenURL="login.example.com/oauth/token"), URL, URL_MESSAGE),
    "a URL of another scheme": (endpoint(tokenURL="ftp://login.example.com/"), URL, URL_MESSAGE),
    "a URL without a host": (endpoint(tokenURL="https:///oauth/token"), URL, URL_MESSAGE),
    "a URL with a port but no host": (endpoint(tokenURL="https://:8443/token"), URL, URL_MESSAGE),
    "a URL with a space": (endpoint(tokenURL="https://login.example.com/a b"), URL, URL_MESSAGE),
    "a URL with a line break": (endpoint(tokenURL="https://login.example.com/\n"), URL, URL_MESSAGE),
    "a URL outside ASCII": (endpoint(tokenURL="https://login.exämple.com/"), URL, URL_MESSAGE),
    "a URL with a user": (
        endpoint(tokenURL="https://me@login.example.com/"),
        URL,
        "must not contain a user name or password",
    ),
    "a URL with a password": (endpoint(tokenURL="https://me:it@login.example.com/"), URL, "credentialsSecretRef"),
    "a URL with a fragment": (endpoint(tokenURL="https://login.example.com/#a"), URL, "must not have a fragment"),
    "a URL with an empty fragment": (endpoint(tokenURL="https://login.example.com/#"), URL, "must not have a fragment"),
    "a URL of 2049 characters": (endpoint(tokenURL="https://a/".ljust(2049, "a")), URL, "Too long"),
    "an audience of 2049 characters": (endpoint(audience="a" * 2049), "spec.audience", "Too long"),
    "an unknown encoding": (
        endpoint(requestEncoding="XML"),
        "spec.requestEncoding",
        'supported values: "JSON", "Form"',
    ),
    "an unknown authentication": (
        endpoint(clientAuthenticationMethod="private_key_jwt"),
        "spec.clientAuthenticationMethod",
        'supported values: "ClientSecretPost", "ClientSecretBasic", "ClientSecretJWT", "PrivateKeyJWT"',
    ),
    "an unknown grant": (
        endpoint(grant="Password"),
        "spec.grant",
        'supported values: "ClientCredentials", "TokenExchange", "JWTBearer"',
    ),
    "Basic that isn't encoded without Basic": (
        endpoint(basicEncoding="None"),
        "spec.basicEncoding",
        "None is only for ClientSecretBasic",
    ),
    "a client certificate without TLS": (
        endpoint(tokenURL="http://login.example.com/token", clientAuthenticationMethod="TLSClientAuth"),
        URL,
        "must be an https URL for TLSClientAuth",
    ),
    "an assertion that is never sent": (
        endpoint(assertion={"audience": "https://login.example.com/"}),
        ASSERTION,
        "is only for methods and grants that send an assertion",
    ),
    "a signature that is never made": (
        endpoint(clientAuthenticationMethod="ServiceAccountToken", assertion={"signingAlgorithm": "RS256"}),
        ASSERTION,
        "must not have signingAlgorithm or keyID unless the operator signs the assertion",
    ),
    "a key's name if nothing is signed": (
        endpoint(grant="TokenExchange", assertion={"keyID": "1"}),
        ASSERTION,
        "must not have signingAlgorithm or keyID unless the operator signs the assertion",
    ),
    "a shared secret's algorithm for a private key": (
        endpoint(clientAuthenticationMethod="PrivateKeyJWT", assertion={"signingAlgorithm": "HS256"}),
        f"{ASSERTION}.signingAlgorithm",
        "HS256, HS384 and HS512 are only for ClientSecretJWT, which supports no other",
    ),
    "a private key's algorithm for a shared secret": (
        endpoint(clientAuthenticationMethod="ClientSecretJWT", assertion={"signingAlgorithm": "ES256"}),
        f"{ASSERTION}.signingAlgorithm",
        "HS256, HS384 and HS512 are only for ClientSecretJWT, which supports no other",
    ),
    "no algorithm at all": (
        endpoint(clientAuthenticationMethod="PrivateKeyJWT", assertion={"signingAlgorithm": "none"}),
        f"{ASSERTION}.signingAlgorithm",
        "Unsupported value",
    ),
    "a subject without the grant that uses it": (
        endpoint(clientAuthenticationMethod="PrivateKeyJWT", assertion={"subject": "shop"}),
        ASSERTION,
        "must have subject and claims only with the grant JWTBearer",
    ),
    "claims without the grant that uses them": (
        endpoint(clientAuthenticationMethod="PrivateKeyJWT", assertion={"claims": {"scope": "read"}}),
        ASSERTION,
        "must have subject and claims only with the grant JWTBearer",
    ),
    **{
        f"the claim {name}": (
            endpoint(grant="JWTBearer", assertion={"claims": {name: "x"}}),
            f"{ASSERTION}.claims",
            "must not name iss, sub, aud, exp, iat, nbf or jti",
        )
        for name in ("iss", "sub", "aud", "exp", "iat", "nbf", "jti")
    },
    "an assertion of two hours": (
        endpoint(clientAuthenticationMethod="PrivateKeyJWT", assertion={"lifetime": "2h"}),
        f"{ASSERTION}.lifetime",
        "must be a duration from 10s to 1h",
    ),
    "two audiences of an assertion": (
        endpoint(clientAuthenticationMethod="PrivateKeyJWT", assertion={"audience": ["a", "b"]}),
        f"{ASSERTION}.audience",
        "must be of type string",
    ),
    "a token exchange without its grant": (
        endpoint(tokenExchange={"requestedTokenType": "urn:ietf:params:oauth:token-type:access_token"}),
        "spec.tokenExchange",
        "is only for the grant TokenExchange",
    ),
    **{
        f"the parameter {name} of a token exchange": (
            endpoint(grant="TokenExchange", **{field: {name: value}}),
            "spec.parameters",
            "must not name subject_token, subject_token_type or requested_token_type",
        )
        for field, value, name in (
            ("parameters", "x", "subject_token"),
            ("parameters", "x", "subject_token_type"),
            ("repeatedParameters", ["x"], "requested_token_type"),
        )
    },
    **{
        f"an assertion of one's own in {field}": (
            endpoint(grant="JWTBearer", **{field: {"assertion": value}}),
            "spec.parameters",
            "must not name assertion with the grant JWTBearer",
        )
        for field, value in (("parameters", "x"), ("repeatedParameters", ["x"]))
    },
    "a parameter once and several times": (
        endpoint(parameters={"resource": "a"}, repeatedParameters={"resource": ["b", "c"]}),
        REPEATED,
        "must not name a field that parameters also names",
    ),
    "a repeated parameter that the operator sets": (
        endpoint(repeatedParameters={"scope": ["a", "b"]}),
        REPEATED,
        PARAMETERS,
    ),
    "a repeated parameter without a value": (endpoint(repeatedParameters={"a": []}), f"{REPEATED}.a", "at least 1"),
    "a parameter 17 times": (endpoint(repeatedParameters={"a": ["b"] * 17}), f"{REPEATED}.a", "at most 16 items"),
    "a repeated parameter of 2049 characters": (
        endpoint(repeatedParameters={"a": ["b" * 2049]}),
        f"{REPEATED}.a[0]",
        "Too long",
    ),
    "a parameter of 2049 characters": (endpoint(parameters={"a": "b" * 2049}), "spec.parameters.a", "Too long"),
    **{
        f"the header {name}": (endpoint(**{field: {name: "x"}}), f"spec.{field}", "must not name Host, Authorization")
        for field, name in (
            ("headers", "Host"),
            ("headersFrom", "HOST"),
            ("headersFrom", "authorization"),
            ("headers", "Content-Type"),
            ("headers", "content-length"),
            ("headers", "Transfer-Encoding"),
            ("headers", "Connection"),
            ("headersFrom", "cookie"),
            ("headersFrom", "Proxy-Authorization"),
            ("headers", "Expect"),
            ("headers", "ACCEPT-encoding"),
        )
    },
    **{
        f"a header named {name!r}": (endpoint(headers={name: "x"}), "spec.headers", "must have names of at most 256")
        for name in ("", "X Tenant", "X-Tenant:", "X-Tenant\r\nHost", "Ü", "a" * 257)
    },
    **{
        f"a header of {value!r}": (endpoint(headers={"X-A": value}), "spec.headers[X-A]", "must be printable ASCII")
        for value in ("", " x", "x ", "x\r\nHost: y", "\t", "é")
    },
    "a header of 2049 characters": (endpoint(headers={"X-A": "x" * 2049}), "spec.headers.X-A", "Too long"),
    "17 headers": (endpoint(headers={f"X-{i}": "x" for i in range(17)}), "spec.headers", "at most 16 items"),
    "a header twice": (endpoint(headers={"X-A": "1", "x-a": "2"}), "spec.headers", "must not name a header twice"),
    "a header in the spec and in the Secret": (
        endpoint(headers={"X-Api-Key": "1"}, headersFrom={"x-api-key": "api_key"}),
        "spec.headersFrom",
        "must not name a header that headers also names",
    ),
    **{
        f"the pointer {pointer!r}": (endpoint(response={field: pointer}), f"spec.response.{field}", message)
        for field, pointer, message in (
            ("accessTokenPointer", "access_token", "must be a JSON Pointer"),
            ("accessTokenPointer", "#/access_token", "must be a JSON Pointer"),
            ("accessTokenPointer", "/a~2b", "must be a JSON Pointer"),
            ("accessTokenPointer", "/a~", "must be a JSON Pointer"),
            ("accessTokenPointer", "/1/2/3/4/5/6/7/8/9", "must be a JSON Pointer of at most 8 steps"),
            ("expiresInPointer", "$.expires_in", "must be a JSON Pointer"),
            ("expiresInPointer", "/" + "a" * 256, "Too long"),
        )
    },
    **{
        f"the parameter {name}": (endpoint(parameters={name: "x"}), "spec.parameters", PARAMETERS)
        for name in (
            "grant_type",
            "client_id",
            "client_secret",
            "audience",
            "scope",
            "client_assertion",
            "client_assertion_type",
        )
    },
    "a parameter without a name": (endpoint(parameters={"": "x"}), "spec.parameters", "must not have an empty name"),
    "a parameter that is a number": (endpoint(parameters={"a": 1}), "spec.parameters.a", "must be of type string"),
    "a parameter with a name of 257 characters": (
        endpoint(parameters={"a" * 257: ""}),
        "spec.parameters",
        "must have names of at most 256 characters",
    ),
    "33 parameters": (endpoint(parameters={f"p{i}": "" for i in range(33)}), "spec.parameters", "at most 32 items"),
    **{
        f"a token type of {word}": (endpoint(response={"tokenType": word}), TOKEN_TYPE, "must not be DPoP, MAC or N_A")
        for word in ("DPoP", "dpop", "mac", "MAC", "N_A", "n_a")
    },
    "a token type with a space before it": (endpoint(response={"tokenType": " JWT"}), TOKEN_TYPE, "no space at either"),
    "a token type with a line break": (endpoint(response={"tokenType": "a\n"}), TOKEN_TYPE, "must be printable ASCII"),
    "a token type of 65 characters": (endpoint(response={"tokenType": "a" * 65}), TOKEN_TYPE, "Too long"),
    "a response field that the operator doesn't read": (
        endpoint(response={"accessToken": "/token"}),
        "spec.response.accessToken",
        "unknown field",
    ),
    "a CA bundle that is a path": (endpoint(caBundle="/etc/ca.pem"), "spec.caBundle", "must be PEM text"),
    "a CA bundle of more than 512 KiB": (endpoint(caBundle=CA.ljust(524289)), "spec.caBundle", "Too long"),
    "a namespaced endpoint with authorities from a ConfigMap": (
        endpoint(caBundleRef={"name": "authorities"}),
        "spec.caBundleRef",
        "unknown field",
    ),
    "authorities both in the spec and in a ConfigMap": (
        cluster_endpoint(caBundle=CA, caBundleRef={"name": "authorities"}),
        "spec",
        "must not have both caBundle and caBundleRef",
    ),
    "authorities from a ConfigMap without a name": (
        cluster_endpoint(caBundleRef={"key": "ca.crt"}),
        "spec.caBundleRef.name",
        "Required value",
    ),
    "authorities from a ConfigMap of another namespace": (
        cluster_endpoint(caBundleRef={"name": "authorities", "namespace": "other"}),
        "spec.caBundleRef.namespace",
        "unknown field",
    ),
    "authorities from an invalid ConfigMap name": (
        cluster_endpoint(caBundleRef={"name": "other/authorities"}),
        "spec.caBundleRef.name",
        "must be a ConfigMap's name",
    ),
    "authorities from an invalid key": (
        cluster_endpoint(caBundleRef={"name": "authorities", "key": "ca crt"}),
        "spec.caBundleRef.key",
        "must be a key of a ConfigMap",
    ),
    "a timeout without a unit": (
        endpoint(timeout="10"),
        "spec.timeout",
        "must be a duration from 1s to 60s, such as 10s",
    ),
    "a timeout that is a number": (endpoint(timeout=10), "spec.timeout", "must be of type string"),
    "a timeout under a second": (endpoint(timeout="999ms"), "spec.timeout", "must be a duration from 1s to 60s"),
    "a timeout over a minute": (endpoint(timeout="1m1s"), "spec.timeout", "must be a duration from 1s to 60s"),
    "a negative timeout": (endpoint(timeout="-10s"), "spec.timeout", "must be a duration from 1s to 60s"),
    "an empty timeout": (endpoint(timeout=""), "spec.timeout", "must be a duration from 1s to 60s"),
    "a lifetime in days": (
        endpoint(defaultLifetime="1d"),
        "spec.defaultLifetime",
        "must be a duration of at least 30s",
    ),
    "a lead that isn't a duration": (
        endpoint(rolloverLead="an hour"),
        "spec.rolloverLead",
        "must be a duration of at most 720h, such as 1h or 5m",
    ),
    "a rollover lead longer than any token lives": (
        endpoint(rolloverLead="721h"),
        "spec.rolloverLead",
        "must be a duration of at most 720h, such as 1h or 5m",
    ),
    "a lifetime under 30 s": (
        endpoint(defaultLifetime="29.9s"),
        "spec.defaultLifetime",
        "must be a duration of at least 30s",
    ),
    "a maximum lifetime under 30 s": (
        endpoint(maximumLifetime="29s"),
        "spec.maximumLifetime",
        "must be a duration of at least 30s, such as 24h or 1h30m",
    ),
    "a maximum lifetime in days": (
        endpoint(maximumLifetime="1d"),
        "spec.maximumLifetime",
        "must be a duration of at least 30s, such as 24h or 1h30m",
    ),
    "0 requests a minute": (
        endpoint(rateLimit={"requestsPerMinute": 0}),
        "spec.rateLimit.requestsPerMinute",
        "greater than or equal to 1",
    ),
    "100001 requests a minute": (
        endpoint(rateLimit={"requestsPerMinute": 100001}),
        "spec.rateLimit.requestsPerMinute",
        "less than or equal to 100000",
    ),
    "a namespaced endpoint with a selector": (
        endpoint(namespaceSelector={}),
        "spec.namespaceSelector",
        "unknown field",
    ),
    "a misspelt field": (cluster_endpoint(tokenUrl="https://a/"), "spec.tokenUrl", "unknown field"),
    "a cluster endpoint with a password in its URL": (
        cluster_endpoint(tokenURL="https://a:b@login.example.com/"),
        URL,
        "must not contain a user name or password",
    ),
    "a selector with an unknown operator": (
        cluster_endpoint(namespaceSelector={"matchExpressions": [{"key": "a", "operator": "Is", "values": ["b"]}]}),
        "spec.namespaceSelector.matchExpressions[0].operator",
        'supported values: "In", "NotIn", "Exists", "DoesNotExist"',
    ),
    "a selector with In and no values": (
        cluster_endpoint(namespaceSelector={"matchExpressions": [{"key": "a", "operator": "In"}]}),
        "spec.namespaceSelector.matchExpressions[0]",
        "In and NotIn need at least one entry in values",
    ),
    "a selector with Exists and values": (
        cluster_endpoint(namespaceSelector={"matchExpressions": [{"key": "a", "operator": "Exists", "values": ["b"]}]}),
        "spec.namespaceSelector.matchExpressions[0]",
        "Exists and DoesNotExist must have none",
    ),
    "a token with a name of 64 characters": (token("a" * 64), "metadata.name", "must have at most 63 characters"),
    "a token without an endpoint": (token(endpointRef=None), "spec.endpointRef", "Required value"),
    "an endpoint reference without a name": (
        token(endpointRef={"kind": "TokenEndpoint"}),
        "spec.endpointRef.name",
        "Required value",
    ),
    "an endpoint reference to another kind": (
        token(endpointRef={"kind": "Issuer", "name": "a"}),
        "spec.endpointRef.kind",
        'supported values: "TokenEndpoint", "ClusterTokenEndpoint"',
    ),
    "an endpoint reference into another namespace": (
        token(endpointRef={"name": "a", "namespace": "b"}),
        "spec.endpointRef.namespace",
        "unknown field",
    ),
    "a token without credentials": (
        token(credentialsSecretRef=None),
        "spec",
        "must have credentialsSecretRef or serviceAccountRef",
    ),
    "a service account without a name": (
        token(serviceAccountRef={}),
        "spec.serviceAccountRef.name",
        "Required value",
    ),
    "a service account of another namespace": (
        token(serviceAccountRef={"name": "shop", "namespace": "other"}),
        "spec.serviceAccountRef.namespace",
        "unknown field",
    ),
    **{
        f"{name!r} as the name of {what}": (
            token("shop", **{field: {"name": name}}),
            f"spec.{field}.name",
            f"must be {what} name",
        )
        for field, what in (
            ("endpointRef", "an endpoint's"),
            ("credentialsSecretRef", "a Secret's"),
            ("serviceAccountRef", "a ServiceAccount's"),
        )
        for name in ("../../x", "..", "a/b", "Shop", "a?b")
    },
    "a client ID of two lines": (token(clientID="shop\n"), "spec.clientID", "must not contain a line break"),
    "a credentials key that is invalid in a Secret": (
        token(credentialsSecretRef={"name": "a", "clientIDKey": "client id"}),
        "spec.credentialsSecretRef.clientIDKey",
        "must be a key of a Secret",
    ),
    **{
        f"a {field} that no Secret can have": (
            token(credentialsSecretRef={"name": "a", field: "a key"}),
            f"spec.credentialsSecretRef.{field}",
            "must be a key of a Secret",
        )
        for field in ("clientSecretKey", "privateKeyKey", "certificateKey", "jsonKey")
    },
    "the client ID under the private key's key": (
        token(credentialsSecretRef={"name": "a", "clientIDKey": "key", "privateKeyKey": "key"}),
        "spec.credentialsSecretRef",
        "must name two different keys",
    ),
    "the client ID under the secret's key": (
        token(credentialsSecretRef={"name": "a", "clientIDKey": "client_secret"}),
        "spec.credentialsSecretRef",
        "must name two different keys",
    ),
    "two scopes in one entry": (token(scopes=["read write"]), "spec.scopes[0]", SCOPE),
    "a scope with a quote": (token(scopes=["read", 'a"b']), "spec.scopes[1]", SCOPE),
    "a scope with a backslash": (token(scopes=["a\\b"]), "spec.scopes[0]", SCOPE),
    "a scope outside ASCII": (token(scopes=["lésen"]), "spec.scopes[0]", SCOPE),
    "an empty scope": (token(scopes=[""]), "spec.scopes[0]", SCOPE),
    "a scope twice": (token(scopes=["read", "read"]), "spec.scopes[1]", "Duplicate value"),
    "201 scopes": (token(scopes=[f"s{i}" for i in range(201)]), "spec.scopes", "at most 200 items"),
    "scopes as one text": (token(scopes="read write"), "spec.scopes", "must be of type array"),
    "the credentials Secret as target": (target(name="shop-integration"), "spec.target.name", TARGET_IS_CREDENTIALS),
    "the credentials Secret as target by default": (
        token("shop-integration"),
        "spec.target.name",
        TARGET_IS_CREDENTIALS,
    ),
    "a target with capital letters": (target(name="Shop"), "spec.target.name", "must be a Secret's name"),
    "a target with a slash": (target(name="other/shop"), "spec.target.name", "must be a Secret's name"),
    "a target of 254 characters": (target(name="a" * 254), "spec.target.name", "Too long"),
    "an unknown deletion policy": (
        target(deletionPolicy="Orphan"),
        "spec.target.deletionPolicy",
        'supported values: "Delete", "Retain"',
    ),
    "a label of the operator's own": (
        template_metadata(labels={"integrationtoken.dev/credentials": "true"}),
        LABELS,
        OWN_KEYS,
    ),
    "an annotation of the operator's own": (
        template_metadata(annotations={"integrationtoken.dev/a": ""}),
        ANNOTATIONS,
        OWN_KEYS,
    ),
    **{
        f"an annotation that names a service account's {name}": (
            template_metadata(annotations={f"kubernetes.io/service-account.{name}": "admin"}),
            ANNOTATIONS,
            "must not have a key that starts with kubernetes.io/service-account.",
        )
        for name in ("name", "uid", "")
    },
    "the label that Helm finds releases by": (
        template_metadata(labels={"owner": "helm"}),
        LABELS,
        "must not have owner: helm",
    ),
    **{
        f"a Secret of type {kind}": (target(template={"type": kind}), TYPE, IDENTITY)
        for kind in (
            "kubernetes.io/service-account-token",
            "bootstrap.kubernetes.io/token",
            "helm.sh/release.v1",
            "helm.sh/",
        )
    },
    **{
        f"a type that {sentence}": (target(template={"type": kind}), TYPE, message)
        for sentence, kind, message in (
            ("is empty", "", "should be at least 1 chars long"),
            ("has a space", "kubernetes.io/basic auth", "must be a Secret's type"),
            ("has a line break", "Opaque\n", "must be a Secret's type"),
            ("has 254 characters", "a" * 254, "Too long"),
        )
    },
    "a label's key with a space": (template_metadata(labels={"a b": "c"}), LABELS, KEY_FORM),
    "an annotation's key of 64 characters": (template_metadata(annotations={"a" * 64: ""}), ANNOTATIONS, KEY_FORM),
    "a label's value with a space": (template_metadata(labels={"a": "b c"}), f"{LABELS}[a]", "must be a label's value"),
    **{
        f"a template that writes {key}": (
            target(template={"data": {key: "${token}"}}),
            "spec.target.template.data",
            "must not have a key named token, authorization or expires_at",
        )
        for key in ("token", "authorization", "expires_at")
    },
    "a template's key with a slash": (
        target(template={"data": {"a/b": ""}}),
        "spec.target.template.data",
        "must have keys of at most 253 letters",
    ),
    "a template's key of 254 characters": (
        target(template={"data": {"a" * 254: ""}}),
        "spec.target.template.data",
        "must have keys of at most 253 letters",
    ),
    "annotations of more than 64 KiB": (
        template_metadata(annotations={f"a{i}": "x" * 16384 for i in range(4)} | {"b": "x"}),
        ANNOTATIONS,
        "must have at most 65536 characters in all values together",
    ),
    "a template of more than 256 KiB": (
        target(template={"data": {f"a{i}": "x" * 65536 for i in range(4)} | {"b": "x"}}),
        "spec.target.template.data",
        "must have at most 262144 characters in all values together",
    ),
    "a template of 1 MiB": (
        target(template={"data": {f"a{i}": "x" * 65536 for i in range(16)}}),
        "spec.target.template.data",
        "must have at most 262144 characters in all values together",
    ),
    "a template's text of more than 64 KiB": (
        target(template={"data": {"a": "x" * 65537}}),
        "spec.target.template.data",
        "Too long",
    ),
    "both renewal fields": (
        token(renewBefore="1h", renewBeforePercentage=20),
        "spec",
        "renewBefore and renewBeforePercentage exclude each other",
    ),
    "a renewal under 5 s before expiry": (
        token(renewBefore="4s"),
        "spec.renewBefore",
        "must be a duration of at least 5s",
    ),
    "a renewal that isn't a duration": (
        token(renewBefore="one hour"),
        "spec.renewBefore",
        "must be a duration of at least 5s",
    ),
    "a duration too long for a clock": (
        token(renewBefore="999999h999999h999999h"),
        "spec.renewBefore",
        "must be a duration of at least 5s",
    ),
    "a renewal at 0 % of the lifetime": (
        token(renewBeforePercentage=0),
        "spec.renewBeforePercentage",
        "greater than or equal to 1",
    ),
    "a renewal at 100 % of the lifetime": (
        token(renewBeforePercentage=100),
        "spec.renewBeforePercentage",
        "less than or equal to 99",
    ),
    "a consumer delay that is too long": (
        token(consumerDelay="10m1s"),
        "spec.consumerDelay",
        "must be a duration of at most 10m, such as 50s or 1m",
    ),
    "a negative consumer delay": (
        token(consumerDelay="-1s"),
        "spec.consumerDelay",
        "must be a duration of at most 10m, such as 50s or 1m",
    ),
    "a delay that isn't a duration": (
        token(consumerDelay="a minute"),
        "spec.consumerDelay",
        "must be a duration of at most 10m, such as 50s or 1m",
    ),
    "a delay without a unit": (
        token(consumerDelay="60"),
        "spec.consumerDelay",
        "must be a duration of at most 10m, such as 50s or 1m",
    ),
    "a delay that is a number": (token(consumerDelay=60), "spec.consumerDelay", "must be of type string"),
    "an unknown mount refresh": (token(mountRefresh="Sometimes"), "spec.mountRefresh", "Unsupported value"),
    "a suspension that isn't a boolean": (token(suspend="yes"), "spec.suspend", "must be of type boolean"),
}

ACCEPTED: dict[str, Document] = {
    "an http URL, which the operator refuses by condition": endpoint(tokenURL="http://login.example.com/token"),
    "a URL with port, query and an at sign in its path": endpoint(
        tokenURL="https://login.example.com:8443/a@b?tenant=1"
    ),
    "a URL with an IPv6 address": endpoint(tokenURL="https://[2001:db8::1]:8443/token"),
    "a URL of 2048 characters": endpoint(tokenURL="https://a/".ljust(2048, "a")),
    "empty texts for defaults and unset fields": endpoint(
        audience="", caBundle="", parameters={}, response={"tokenType": ""}
    ),
    "Basic that isn't encoded": endpoint(clientAuthenticationMethod="ClientSecretBasic", basicEncoding="None"),
    "a client certificate": endpoint(clientAuthenticationMethod="TLSClientAuth"),
    "no client authentication, but a header": endpoint(
        clientAuthenticationMethod="None", headersFrom={"X-Api-Key": "api_key"}
    ),
    "an assertion for Entra": endpoint(
        clientAuthenticationMethod="PrivateKeyJWT", assertion={"signingAlgorithm": "PS256"}
    ),
    "an assertion signed with the client secret": endpoint(
        clientAuthenticationMethod="ClientSecretJWT", assertion={"signingAlgorithm": "HS512", "keyID": "1"}
    ),
    "a service account's token for Keycloak": endpoint(
        clientAuthenticationMethod="ServiceAccountToken",
        assertion={"audience": "https://login.example.com/realms/shop"},
    ),
    "an assertion with empty optional fields": endpoint(
        clientAuthenticationMethod="ServiceAccountToken",
        assertion={"audience": "", "keyID": "", "subject": "", "claims": {}},
    ),
    "a JWT bearer grant for Google": endpoint(
        grant="JWTBearer",
        clientAuthenticationMethod="None",
        assertion={
            "signingAlgorithm": "RS256",
            "subject": "a@example.com",
            "claims": {"scope": "a b"},
            "lifetime": "1h",
        },
    ),
    "a token exchange": cluster_endpoint(
        grant="TokenExchange",
        clientAuthenticationMethod="None",
        tokenExchange={"subjectTokenType": "urn:ietf:params:oauth:token-type:id_token"},
        parameters={"assertion": "for another grant"},
    ),
    "subject_token if no grant sets it": endpoint(parameters={"subject_token": "x"}),
    "the maximum number of resources": endpoint(
        repeatedParameters={"resource": [f"{i}".ljust(2048, "a") for i in range(16)]}, parameters={"tenant": "1"}
    ),
    "the maximum number and length of headers": endpoint(
        headers={f"X-{i}".ljust(256, "a"): "x" * 2048 for i in range(16)},
        headersFrom={f"Y-{i}".ljust(256, "a"): "k" * 253 for i in range(16)},
    ),
    "a header with every kind of character": endpoint(headers={"!#$%&'*+-.^_`|~0aZ": 'a "b"; c=~!'}),
    "headers that only begin like forbidden ones": endpoint(headers={"Hosts": "1", "Cookie2": "2", "Contents": "3"}),
    "pointers into objects and lists": endpoint(
        response={"accessTokenPointer": "/a~1b/m~0n//0/ /e/f/g", "expiresInPointer": "/" + "a" * 255}
    ),
    "a token without a Secret and with any target name": token(
        credentialsSecretRef=None, serviceAccountRef={"name": "shop"}, clientID="the shop's"
    ),
    "a Secret and a service account together": token(serviceAccountRef={"name": "shop.example"}),
    "JSON members with any name": token(
        credentialsSecretRef={
            "name": "a",
            "jsonKey": "key.json",
            "clientIDKey": "client e-mail",
            "clientSecretKey": "geheim ü",
            "privateKeyKey": "private/key",
            "certificateKey": "x:509",
        }
    ),
    "a private key and a certificate in one value": token(
        credentialsSecretRef={"name": "a", "privateKeyKey": "tls-combined.pem", "certificateKey": "tls-combined.pem"}
    ),
    "another token type": cluster_endpoint(response={"tokenType": "urn:example:access token"}),
    "a selector that selects every namespace": cluster_endpoint(namespaceSelector={}),
    "the shortest timeout": endpoint(timeout="1000ms"),
    "a stated lead of 0": endpoint(rolloverLead="0s"),
    "a fraction of a duration": endpoint(defaultLifetime="0.5h"),
    "a CA bundle of 512 KiB": endpoint(caBundle=CA.ljust(524288)),
    "a token with a name of 63 characters": token("a" * 63),
    "a token with dots in its name": token("shop.example"),
    "scopes with every kind of character": token(
        scopes=["read:documents", "https://api.example.com/.default", "!#[]~"]
    ),
    "annotations and data with any text": target(
        template={
            "metadata": {"labels": {"example.com/part-of": ""}, "annotations": {"note": "any text, even with spaces"}},
            "data": {"header.conf": "Authorization: ${authorization}\nscope=${scope} $HOME ${HOME}\n"},
        }
    ),
    **{
        f"a Secret of type {kind}, whose keys the operator looks at": target(template={"type": kind})
        for kind in (
            "Opaque",
            "kubernetes.io/dockerconfigjson",
            "kubernetes.io/tls",
            "example.com/helm.sh",
            "a" * 253,
        )
    },
    "annotations that only look like a service account's": template_metadata(
        annotations={"kubernetes.io/service-accounts": "x", "example.com/kubernetes.io-service-account.name": "x"}
    ),
    "a configuration file of 10 KiB in each of 25 keys": target(
        template={"data": {f"file-{i}.conf": "${token}".ljust(10240) for i in range(25)}}
    ),
    "the largest template": target(
        template={
            "metadata": {"annotations": {f"a{i}": "x" * 16384 for i in range(4)}},
            "data": {f"a{i}": "x" * 65536 for i in range(4)},
        }
    ),
    "a selector with every operator": cluster_endpoint(
        namespaceSelector={
            "matchExpressions": [
                {"key": "stage", "operator": "In", "values": ["test", "live"]},
                {"key": "stage", "operator": "NotIn", "values": ["old"]},
                {"key": "team", "operator": "Exists"},
                {"key": "frozen", "operator": "DoesNotExist", "values": []},
            ]
        }
    ),
    "a target of 253 characters": target(name=".".join(["a" * 63] * 3 + ["a" * 61])),
    "consumers that read the file for every request": token(consumerDelay="0s"),
    "the slowest consumers": token(consumerDelay="10m"),
    "a share above half of the lifetime, which is capped": token(renewBeforePercentage=99),
    "the maximum number and length of scopes": token(scopes=[f"{i:0256}" for i in range(200)]),
    "a resource whose target has the endpoint's name": target(name="grafx"),
}


@pytest.mark.parametrize("sentence", REFUSED)
def test_refused_with_a_message_that_helps(kubectl: Kubectl, sentence: str) -> None:
    """The API server refuses what can't work, names the field and says what it should contain."""
    document, field, message = REFUSED[sentence]
    refusal = kubectl.refusal(document)
    assert message in refusal
    assert field in refusal


@pytest.mark.parametrize("sentence", ACCEPTED)
def test_accepted_as_written(kubectl: Kubectl, sentence: str) -> None:
    """The API server accepts what can work, and stores it unchanged."""
    document = ACCEPTED[sentence]
    assert _contains(kubectl.dry_run(document)["spec"], document["spec"])


@pytest.mark.parametrize(
    ("template", "message"),
    [
        pytest.param({"type": "kubernetes.io/service-account-token"}, IDENTITY, id="a service account's token"),
        pytest.param({"type": "bootstrap.kubernetes.io/token"}, IDENTITY, id="a new node's token"),
        pytest.param({"type": "helm.sh/release.v1"}, IDENTITY, id="a release of Helm"),
        pytest.param({"metadata": {"annotations": SERVICE_ACCOUNT}}, "kubernetes.io/service-account.", id="an account"),
        pytest.param({"metadata": {"labels": {"owner": "helm"}}}, "owner: helm", id="a release of Helm by its label"),
    ],
)
def test_what_makes_a_secret_an_identity_is_refused_by_an_update_too(
    kubectl: Kubectl, template: Document, message: str
) -> None:
    """Of an existing, valid resource: by a patch, by a server-side apply, and by a replacement."""
    before = token("identity", target={"template": {"type": "kubernetes.io/basic-auth", "data": {"password": "x"}}})
    kubectl.run("create", "--filename=-", documents=[before])
    try:
        change = {"spec": {"target": {"template": template}}}
        with pytest.raises(CommandError, match=message):
            kubectl.run("patch", "itok", "identity", "--type=merge", f"--patch={json.dumps(change)}")
        after = token("identity", target={"template": template})
        with pytest.raises(CommandError, match=message):
            kubectl.run("apply", "--server-side", "--force-conflicts", "--filename=-", documents=[after])
        with pytest.raises(CommandError, match=message):
            kubectl.run("replace", "--filename=-", documents=[after])
    finally:
        kubectl.run("delete", "itok", "identity")


def test_what_was_stored_before_a_status_had_a_default_has_it_too(kubectl: Kubectl) -> None:
    """After an upgrade no unprocessed resource looks done; no resource is rewritten for that."""
    name = "integrationtokens.integrationtoken.dev"
    crd = json.loads(kubectl.run("get", "crd", name, "--output=json"))
    older = json.loads(json.dumps(crd))
    del older["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]["default"]

    def stored() -> Document:
        found: Document = json.loads(kubectl.run("get", "itok", "older", "--output=json"))
        return found

    kubectl.run("create", "--filename=-", documents=[token("older")])
    try:
        _serve(kubectl, older)
        poll(lambda: "status" not in stored(), "the older schema")
        before = stored()
    finally:
        _serve(kubectl, crd)
    poll(lambda: "status" in stored(), "the newer schema")
    after = stored()
    assert after == before | {"status": {"observedGeneration": 0}}
    status = json.dumps({"metadata": {"resourceVersion": after["metadata"]["resourceVersion"]},
                         "status": {"observedGeneration": 1}})  # fmt: skip
    kubectl.run("patch", "itok", "older", "--subresource=status", "--type=merge", f"--patch={status}")
    assert stored()["status"] == {"observedGeneration": 1}
    kubectl.run("delete", "itok", "older")


@pytest.mark.parametrize(
    ("plural", "document", "loosen"),
    [
        pytest.param(
            "integrationtokens",
            token("older", endpointRef={"name": "../../x"}),
            lambda spec: spec["properties"]["endpointRef"]["properties"]["name"].pop("x-kubernetes-validations"),
            id="a reference that is a path",
        ),
        pytest.param(
            "tokenendpoints",
            endpoint(headers={"Host": "other.example.com"}),
            lambda spec: spec["properties"]["headers"].pop("x-kubernetes-validations"),
            id="a header that is refused today",
        ),
        pytest.param(
            "tokenendpoints",
            endpoint(tokenExchange={"requestedTokenType": "urn:x"}),
            lambda spec: spec.pop("x-kubernetes-validations"),
            id="fields that are refused together today",
        ),
        pytest.param(
            "integrationtokens",
            token("large", target={"template": {"data": {f"a{i}": "x" * 65536 for i in range(8)}}}),
            lambda spec: spec["properties"]["target"]["properties"]["template"]["properties"]["data"].pop(
                "x-kubernetes-validations"
            ),
            id="more text than is allowed today",
        ),
        pytest.param(
            "integrationtokens",
            token("account", target={"template": {"metadata": {"annotations": SERVICE_ACCOUNT}}}),
            lambda spec: spec["properties"]["target"]["properties"]["template"]["properties"]["metadata"]["properties"][
                "annotations"
            ].pop("x-kubernetes-validations"),
            id="an annotation that is refused today",
        ),
    ],
)
def test_what_was_stored_before_a_rule_there_is_still_gets_its_status(
    kubectl: Kubectl, plural: str, document: Document, loosen: Callable[[Document], Any]
) -> None:
    """So do labels and annotations: an upgrade locks no resource out, and nobody else can exceed the rule."""
    crd = json.loads(kubectl.run("get", "crd", f"{plural}.integrationtoken.dev", "--output=json"))
    older = json.loads(json.dumps(crd))
    loosen(older["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"])
    name = document["metadata"]["name"]
    another = document | {"metadata": document["metadata"] | {"name": "another"}}

    def accepted() -> bool:
        try:
            kubectl.dry_run(another)
        except CommandError:
            return False
        return True

    try:
        _serve(kubectl, older)
        poll(accepted, "the older schema")
        kubectl.run("create", "--filename=-", documents=[document])
    finally:
        _serve(kubectl, crd)
    try:
        poll(lambda: not accepted(), "the newer schema")
        kubectl.run("label", plural, name, "team=shop")
        kubectl.run("annotate", plural, name, "integrationtoken.dev/renew-requested-at=now")
        status = json.dumps({"status": {"observedGeneration": 1}})
        kubectl.run("patch", plural, name, "--subresource=status", "--type=merge", f"--patch={status}")
    finally:
        kubectl.run("delete", plural, name)


def _serve(kubectl: Kubectl, crd: Document) -> None:
    """Replaces the definition with that name."""
    now = json.loads(kubectl.run("get", "crd", crd["metadata"]["name"], "--output=json"))
    crd["metadata"]["resourceVersion"] = now["metadata"]["resourceVersion"]
    kubectl.run("replace", "--filename=-", documents=[crd])


def _contains(stored: Any, given: Any) -> bool:
    if isinstance(given, dict):
        return all(key in stored and _contains(stored[key], value) for key, value in given.items())
    return bool(stored == given)
