"""Resources are read with their defaults, and unusable values are reported with a message."""

import hashlib
from typing import Any

import pytest
from integration_token.api.endpoint import (
    BasicEncoding,
    CABundle,
    Endpoint,
    EndpointKind,
    EndpointRef,
    RequestEncoding,
    parse_endpoint,
)
from integration_token.api.grant import Assertion, TokenExchange
from integration_token.api.integration import (
    DeletionPolicy,
    Integration,
    MountRefresh,
    RenewBefore,
    Template,
    is_going,
    parse_integration,
)
from integration_token.api.names import RENEW_ANNOTATION
from integration_token.api.selector import selects
from integration_token.api.value import format_precise_time, format_time, parse_duration, parse_time
from integration_token.errors import UserActionRequired

Object = dict[str, Any]
REFERENCES: Object = {"endpointRef": {"name": "login"}, "credentialsSecretRef": {"name": "shop-integration"}}


def integration(spec: Object | None = None, **metadata: Any) -> Integration:
    """A minimal IntegrationToken, with these fields added."""
    body = {
        "metadata": {"namespace": "store", "name": "shop", "uid": "uid", **metadata},
        "spec": {**REFERENCES, **(spec or {})},
    }
    return parse_integration(body)


def endpoint(spec: Object | None = None, kind: EndpointKind = EndpointKind.NAMESPACED) -> Endpoint:
    """A minimal endpoint, with these fields added."""
    metadata = {"namespace": "store", "name": "login", "uid": "uid"}
    return parse_endpoint(
        kind, {"metadata": metadata, "spec": {"tokenURL": "https://login.example/token", **(spec or {})}}
    )


class TestIntegration:
    """An IntegrationToken as the API server returns it."""

    def test_all_but_two_references_have_defaults(self) -> None:
        """The documented defaults."""
        assert integration() == Integration(
            namespace="store",
            name="shop",
            uid="uid",
            generation=1,
            resource_version="",
            created=0.0,
            renew_request="",
            endpoint=EndpointRef(EndpointKind.NAMESPACED, "store", "login"),
            credentials="shop-integration",
            client_id_key="client_id",
            client_secret_key="client_secret",
            private_key_key="tls.key",
            certificate_key="",
            json_key="",
            client_id="",
            service_account="",
            audience="",
            scopes=(),
            target="shop",
            deletion_policy=DeletionPolicy.DELETE,
            template=Template({}, {}, {}, "Opaque"),
            renew_before=RenewBefore(share=0.2, seconds=None, least=240),
            consumer_delay=0,
            mount_refresh=MountRefresh.AUTO,
            suspend=False,
            status={},
        )

    def test_each_field_is_read(self) -> None:
        """No field is lost."""
        spec = {
            "endpointRef": {"kind": "ClusterTokenEndpoint", "name": "grafx"},
            "credentialsSecretRef": {
                "name": "keys",
                "clientIDKey": "id",
                "clientSecretKey": "secret",
                "privateKeyKey": "key",
                "certificateKey": "certificate",
                "jsonKey": "json",
            },
            "serviceAccountRef": {"name": "shop"},
            "clientID": "the-shop",
            "audience": "https://api.example",
            "scopes": ["read", "write"],
            "target": {
                "name": "shop-token",
                "deletionPolicy": "Retain",
                "template": {
                    "type": "example.com/token",
                    "metadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}},
                    "data": {"e": "f"},
                },
            },
            "renewBefore": "1h30m",
            "consumerDelay": "50s",
            "mountRefresh": "Never",
            "suspend": True,
        }
        read = integration(spec, generation=7, resourceVersion="11", annotations={RENEW_ANNOTATION: "now"},
                           creationTimestamp="2027-01-15T08:00:00Z")  # fmt: skip
        assert read == Integration(
            namespace="store",
            name="shop",
            uid="uid",
            generation=7,
            resource_version="11",
            created=1_800_000_000.0,
            renew_request="now",
            endpoint=EndpointRef(EndpointKind.CLUSTER, "", "grafx"),
            credentials="keys",
            client_id_key="id",
            client_secret_key="secret",
            private_key_key="key",
            certificate_key="certificate",
            json_key="json",
            client_id="the-shop",
            service_account="shop",
            audience="https://api.example",
            scopes=("read", "write"),
            target="shop-token",
            deletion_policy=DeletionPolicy.RETAIN,
            template=Template({"a": "b"}, {"c": "d"}, {"e": "f"}, "example.com/token"),
            renew_before=RenewBefore(share=None, seconds=5400),
            consumer_delay=50,
            mount_refresh=MountRefresh.NEVER,
            suspend=True,
            status={},
        )

    @pytest.mark.parametrize(
        ("spec", "renew_before"),
        [
            pytest.param({"renewBeforePercentage": 35}, RenewBefore(0.35, None), id="a share of the lifetime"),
            pytest.param({"renewBefore": "30m"}, RenewBefore(None, 1800), id="a duration"),
            pytest.param({}, RenewBefore(0.2, None, least=240), id="neither: the minimum for a mounted file"),
            pytest.param(
                {"consumerDelay": "1m"},
                RenewBefore(0.2, None, least=300),
                id="plus consumers that cache what they read",
            ),
            pytest.param({"consumerDelay": "10m"}, RenewBefore(0.2, None, least=840), id="for at most ten minutes"),
            pytest.param(
                {"renewBefore": "30s", "consumerDelay": "1m"}, RenewBefore(None, 30), id="a duration unchanged"
            ),
            pytest.param(
                {"renewBeforePercentage": 1, "consumerDelay": "1m"}, RenewBefore(0.01, None), id="a share unchanged"
            ),
            pytest.param(
                {"renewBefore": "30m", "renewBeforePercentage": 35},
                RenewBefore(None, 1800),
                id="the duration if an older object has both",
            ),
        ],
    )
    def test_the_window_is_a_share_or_a_duration(self, spec: Object, renew_before: RenewBefore) -> None:
        """Never both."""
        assert integration(spec).renew_before == renew_before

    def test_a_json_object_has_members_of_other_names(self) -> None:
        """The names that such files usually have, if the spec gives none."""
        read = integration({"credentialsSecretRef": {"name": "keys", "jsonKey": "key.json"}})
        keys = [read.credentials_key(name) for name in ("client_id", "client_secret", "private_key", "certificate")]
        assert keys == ["client_id", "client_secret", "private_key", "certificate"]
        named = {"name": "keys", "jsonKey": "key.json", "privateKeyKey": "tls.key", "certificateKey": "x5c"}
        read = integration({"credentialsSecretRef": named})
        assert [read.credentials_key(name) for name in ("private_key", "certificate")] == ["tls.key", "x5c"]

    def test_an_object_with_a_time_of_deletion_is_going(self) -> None:
        """Even though it still exists."""
        assert is_going({"metadata": {"deletionTimestamp": "2027-01-15T08:00:00Z"}})
        assert not is_going({"metadata": {"deletionTimestamp": None}})
        assert not is_going({"metadata": {}})

    @pytest.mark.parametrize(
        ("spec", "hint"),
        [
            pytest.param({"endpointRef": None}, "NoneType", id="no reference to an endpoint"),
            pytest.param({"endpointRef": "login"}, "str", id="a reference that is only a name"),
            pytest.param({"target": "shop-token"}, "str", id="a target that is only a name"),
            pytest.param({"endpointRef": {}}, "name", id="a reference without a name"),
            pytest.param({"endpointRef": {"kind": "Endpoint", "name": "x"}}, "'Endpoint'", id="an unknown kind"),
            pytest.param({"credentialsSecretRef": {}}, "name", id="credentials without a name"),
            pytest.param({"target": {"deletionPolicy": "Orphan"}}, "'Orphan'", id="an unknown deletion policy"),
            pytest.param({"renewBefore": "soon"}, "'soon' is not a duration", id="an invalid duration"),
            pytest.param({"renewBeforePercentage": "many"}, "'many'", id="an invalid share"),
            pytest.param({"consumerDelay": "long"}, "'long' is not a duration", id="an invalid delay"),
            pytest.param({"consumerDelay": 60}, "'60' is not a duration", id="a delay that is a number"),
            pytest.param(
                {"consumerDelay": "10m1s"},
                "consumerDelay of '10m1s' is not a duration from 0s to 10m",
                id="a delay of more than ten minutes",
            ),
            pytest.param(
                {"consumerDelay": "-1s"},
                "consumerDelay of '-1s' is not a duration from 0s to 10m",
                id="a delay before the exchange",
            ),
            pytest.param({"mountRefresh": "Sometimes"}, "'Sometimes'", id="an unknown mount refresh"),
            pytest.param({"scopes": 5}, "int", id="scopes that aren't a list"),
        ],
    )
    def test_what_cannot_be_used_is_an_invalid_spec_with_a_message(self, spec: Object, hint: str) -> None:
        """The message names the value or the missing field, and says what to do."""
        with pytest.raises(UserActionRequired) as caught:
            integration(spec)
        assert caught.value.reason == "InvalidSpec"
        assert caught.value.message.startswith("spec: ")
        assert hint in caught.value.message
        assert caught.value.message.endswith("; fix this field")

    def test_an_object_without_a_spec_is_invalid(self) -> None:
        """Whatever the API server returns, the operator doesn't crash."""
        with pytest.raises(UserActionRequired, match="endpointRef"):
            parse_integration({"metadata": {"namespace": "store", "name": "shop", "uid": "uid"}})


class TestEndpoint:
    """A token endpoint as the API server returns it."""

    def test_all_but_the_url_has_defaults(self) -> None:
        """The documented defaults."""
        assert endpoint() == Endpoint(
            ref=EndpointRef(EndpointKind.NAMESPACED, "store", "login"),
            uid="uid",
            generation=1,
            resource_version="",
            token_url="https://login.example/token",
            audience="",
            encoding=RequestEncoding.JSON,
            authentication="ClientSecretPost",
            basic_encoding=BasicEncoding.FORM,
            grant="ClientCredentials",
            assertion=Assertion(),
            token_exchange=TokenExchange(),
            parameters=(),
            headers=(),
            headers_from=(),
            access_token_pointer="",
            expires_in_pointer="",
            token_type="",
            ca_bundle=None,
            ca_bundle_ref=None,
            timeout=10,
            default_lifetime=3600,
            maximum_lifetime=None,
            rollover_lead=None,
            requests_per_minute=60,
            namespace_selector={},
            status={},
        )

    def test_each_field_is_read(self) -> None:
        """No field is lost."""
        spec = {
            "audience": "https://api.example",
            "requestEncoding": "Form",
            "clientAuthenticationMethod": "ClientSecretBasic",
            "basicEncoding": "None",
            "grant": "JWTBearer",
            "assertion": {
                "audience": "https://login.example/",
                "lifetime": "5m",
                "signingAlgorithm": "ES256",
                "keyID": "1",
                "subject": "shop",
                "claims": {"b": "2", "a": "1"},
            },
            "tokenExchange": {"subjectTokenType": "urn:a", "requestedTokenType": "urn:b"},
            "parameters": {"organization": "1", "level": "2"},
            "repeatedParameters": {"member": ["b", "a"]},
            "headers": {"X-Tenant": "1"},
            "headersFrom": {"X-Key": "key"},
            "response": {"accessTokenPointer": "/data/token", "expiresInPointer": "/data/0", "tokenType": "JWT"},
            "caBundle": "PEM",
            "timeout": "2500ms",
            "defaultLifetime": "24h",
            "maximumLifetime": "48h",
            "rolloverLead": "1h",
            "rateLimit": {"requestsPerMinute": 7},
            "namespaceSelector": {"matchLabels": {"team": "shop"}},
        }
        read = endpoint(spec, EndpointKind.CLUSTER)
        assert read.ref.kind is EndpointKind.CLUSTER
        assert (read.audience, read.ca_bundle) == (
            "https://api.example", CABundle(hashlib.sha256(b"PEM").digest(), "PEM")
        )  # fmt: skip
        assert read.encoding is RequestEncoding.FORM
        assert read.authentication == "ClientSecretBasic"
        assert read.basic_encoding is BasicEncoding.NONE
        assert read.grant == "JWTBearer"
        assert read.assertion == Assertion(
            "https://login.example/", 300, "ES256", "1", "shop", (("a", "1"), ("b", "2"))
        )
        assert read.token_exchange == TokenExchange("urn:a", "urn:b")
        assert read.parameters == (("level", "2"), ("member", ("b", "a")), ("organization", "1"))
        assert (read.headers, read.headers_from) == ((("X-Tenant", "1"),), (("X-Key", "key"),))
        assert (read.access_token_pointer, read.expires_in_pointer) == ("/data/token", "/data/0")
        assert (read.timeout, read.default_lifetime, read.requests_per_minute) == (2.5, 86400, 7)
        assert read.maximum_lifetime == 2 * 86400
        assert read.rollover_lead == 3600
        assert read.token_type == "JWT"
        assert read.namespace_selector == {"matchLabels": {"team": "shop"}}

    @pytest.mark.parametrize(
        ("spec", "hint"),
        [
            pytest.param({"requestEncoding": "XML"}, "'XML'", id="an unknown encoding"),
            pytest.param({"timeout": "ten"}, "'ten' is not a duration such as 30s", id="an invalid timeout"),
            pytest.param({"defaultLifetime": "1 day"}, "'1 day' is not a duration", id="an invalid lifetime"),
            pytest.param({"rolloverLead": "early"}, "'early' is not a duration", id="an invalid lead"),
            pytest.param({"rateLimit": {"requestsPerMinute": "few"}}, "'few'", id="a limit that isn't a number"),
            pytest.param({"rateLimit": 60}, "int", id="a limit that is only a number"),
            pytest.param({"response": {"tokenType": "DPoP"}}, "response.tokenType 'DPoP'", id="a token with a key"),
            pytest.param({"response": {"tokenType": "mAc"}}, "response.tokenType 'mAc'", id="in whatever case"),
            pytest.param(
                {"response": {"tokenType": "n_a"}}, "response.tokenType 'n_a'", id="a type that isn't an access token"
            ),
            pytest.param({"response": {"tokenType": "a" * 65}}, "response.tokenType", id="an overlong type"),
            pytest.param({"response": {"tokenType": " JWT"}}, "response.tokenType", id="a type with a space before it"),
            pytest.param({"response": "JWT"}, "str", id="a response that is only a type"),
            pytest.param(
                {"response": {"accessTokenPointer": "access_token"}},
                "response.accessTokenPointer 'access_token' is not a JSON Pointer",
                id="a pointer that is only a name",
            ),
            pytest.param(
                {"response": {"expiresInPointer": "/1/2/3/4/5/6/7/8/9"}},
                "response.expiresInPointer",
                id="a pointer of nine steps",
            ),
            pytest.param({"basicEncoding": "Plain"}, "'Plain'", id="an unknown encoding of Basic"),
            pytest.param(
                {"assertion": {"lifetime": "2h"}}, "assertion.lifetime", id="an assertion that lives too long"
            ),
            pytest.param({"parameters": {"client_id": "a"}}, "parameter client_id", id="the client ID as a parameter"),
            pytest.param(
                {"repeatedParameters": {"client_assertion": ["a"]}},
                "client_assertion",
                id="an assertion of the user's own",
            ),
            pytest.param(
                {"grant": "TokenExchange", "parameters": {"subject_token": "a"}},
                "parameter subject_token",
                id="a subject token in addition to the grant's",
            ),
            pytest.param(
                {"grant": "JWTBearer", "parameters": {"assertion": "a"}},
                "parameter assertion",
                id="an assertion in addition to the grant's",
            ),
            pytest.param(
                {"parameters": {"a": "1"}, "repeatedParameters": {"a": ["2"]}},
                "parameter a is in both parameters and repeatedParameters",
                id="a parameter in two places",
            ),
            *(
                pytest.param({"headers": {name: "x"}}, f"header {name}", id=f"the header {name}")
                for name in (
                    "Host",
                    "authorization",
                    "CONTENT-TYPE",
                    "Content-Length",
                    "Transfer-Encoding",
                    "cookie",
                    "Connection",
                    "Proxy-Authorization",
                    "Expect",
                    "accept-encoding",
                )
            ),
            pytest.param({"headersFrom": {"Authorization": "key"}}, "header Authorization", id="a header by a key"),
            pytest.param({"headers": {"X A": "x"}}, "'X A' is not a header name", id="a header with a space"),
            pytest.param({"headers": {"X-A:b\r\nC": "x"}}, "is not a header name", id="a header with a line break"),
            pytest.param(
                {"headers": {"X-A": "1"}, "headersFrom": {"x-a": "key"}}, "header x-a is set twice", id="a header twice"
            ),
            *(
                pytest.param(
                    {"headers": {"X-A": value}}, "header X-A is not printable ASCII", id=f"the value {value[:9]!r}"
                )
                for value in ("", " a", "a ", "a\r\nHost: b", "é", "a\tb", "a" * 2049)
            ),
        ],
    )
    def test_what_cannot_be_used_is_an_invalid_spec_with_a_message(self, spec: Object, hint: str) -> None:
        """The message names the endpoint and the value."""
        with pytest.raises(UserActionRequired) as caught:
            endpoint(spec)
        assert caught.value.reason == "InvalidSpec"
        assert caught.value.message.startswith("spec of TokenEndpoint login: ")
        assert hint in caught.value.message

    def test_an_endpoint_without_a_url_is_invalid(self) -> None:
        """The URL has no default."""
        with pytest.raises(UserActionRequired, match="tokenURL"):
            parse_endpoint(EndpointKind.CLUSTER, {"metadata": {"name": "grafx", "uid": "uid"}, "spec": {}})


class TestDurations:
    """Go durations, as Kubernetes users write them."""

    @pytest.mark.parametrize(
        ("text", "seconds"),
        [("30s", 30), ("15m", 900), ("1h30m", 5400), ("1.5h", 5400), ("250ms", 0.25), ("0s", 0), ("24h0m0s", 86400)],
    )
    def test_a_duration_is_read_in_seconds(self, text: str, seconds: float) -> None:
        """With all its units."""
        assert parse_duration(text) == seconds

    @pytest.mark.parametrize("text", ["", "5", "soon", "5 s", " 5s", "s", "1e9h", "infs", None, 5, {}])
    def test_anything_else_is_refused_with_examples(self, text: Any) -> None:
        """So is a number without a unit."""
        with pytest.raises(ValueError, match="is not a duration such as 30s, 15m or 1h30m"):
            parse_duration(text)


class TestTimes:
    """RFC 3339, in UTC."""

    @pytest.mark.parametrize(
        ("seconds", "text", "precise"),
        [
            (0, "1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000Z"),
            (1_800_000_000, "2027-01-15T08:00:00Z", "2027-01-15T08:00:00.000Z"),
            (1_800_000_000.999, "2027-01-15T08:00:00Z", "2027-01-15T08:00:00.999Z"),
        ],
    )
    def test_a_time_is_written_in_whole_seconds_or_in_milliseconds(
        self, seconds: float, text: str, precise: str
    ) -> None:
        """Rounded down: a token is never reported to live longer than it does."""
        assert (format_time(seconds), format_precise_time(seconds)) == (text, precise)

    @pytest.mark.parametrize(
        "text",
        [
            "2027-01-15T08:00:00Z",
            "2027-01-15T08:00:00.000Z",
            "2027-01-15T08:00:00+00:00",
            "2027-01-15T10:30:00+02:30",
            "2027-01-15T03:00:00-05:00",
        ],
    )
    def test_a_time_is_read_whatever_its_zone(self, text: str) -> None:
        """Any zone gives the same moment."""
        assert parse_time(text) == 1_800_000_000

    @pytest.mark.parametrize(
        "text", ["", "now", "1800000000", "2027-01-15", "2027-01-15T08:00:00", "2027-13-01T00:00:00Z"]
    )
    def test_anything_else_is_refused(self, text: str) -> None:
        """So is a time without a zone: it would mean another moment on another machine."""
        with pytest.raises(ValueError, match=r"Invalid isoformat string|has no time zone|month must be in"):
            parse_time(text)


def expression(key: str, operator: str, *values: str) -> Object:
    """A selector with one expression."""
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


class TestSelectors:
    """Which namespaces may use an endpoint."""

    LABELS = {"team": "shop", "stage": "live"}  # noqa: RUF012  # read only

    @pytest.mark.parametrize(
        ("selector", "selected"),
        [
            pytest.param({}, True, id="an empty selector selects everything"),
            pytest.param({"matchLabels": None, "matchExpressions": None}, True, id="so does one with empty parts"),
            pytest.param({"matchLabels": {"team": "shop"}}, True, id="a label with that value"),
            pytest.param({"matchLabels": {"team": "shop", "stage": "live"}}, True, id="all labels with those values"),
            pytest.param({"matchLabels": {"team": "shop", "stage": "test"}}, False, id="one label with another value"),
            pytest.param({"matchLabels": {"zone": "eu"}}, False, id="a label that is missing"),
            pytest.param(expression("team", "In", "shop", "bank"), True, id="In: a listed value"),
            pytest.param(expression("team", "In", "bank"), False, id="In: an unlisted value"),
            pytest.param(expression("zone", "In", "eu"), False, id="In: a label that is missing"),
            pytest.param(expression("team", "NotIn", "bank"), True, id="NotIn: an unlisted value"),
            pytest.param(expression("team", "NotIn", "shop"), False, id="NotIn: a listed value"),
            pytest.param(expression("zone", "NotIn", "eu"), True, id="NotIn: a label that is missing"),
            pytest.param(expression("team", "Exists"), True, id="Exists: an existing label"),
            pytest.param(expression("zone", "Exists"), False, id="Exists: a label that is missing"),
            pytest.param(expression("zone", "DoesNotExist"), True, id="DoesNotExist: a label that is missing"),
            pytest.param(expression("team", "DoesNotExist"), False, id="DoesNotExist: an existing label"),
            pytest.param(
                {"matchLabels": {"team": "shop"}, **expression("stage", "In", "test")},
                False,
                id="labels and expressions must all match",
            ),
        ],
    )
    def test_a_selector_selects_by_labels_and_expressions(self, selector: Object, selected: bool) -> None:
        """By the same rules as the API server."""
        assert selects(selector, self.LABELS) is selected

    def test_an_unknown_operator_selects_nothing_and_is_reported(self) -> None:
        """Silently, an endpoint would be open to everybody, or closed."""
        with pytest.raises(ValueError, match="namespaceSelector has the unknown operator 'Like'"):
            selects(expression("team", "Like", "s*"), self.LABELS)
