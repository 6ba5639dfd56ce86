"""The target Secret's template: what it makes of a token, and what is refused before one is requested."""

import base64
import json
import time
from dataclasses import replace
from typing import Any

import pytest
from integration_token.api.condition import Reason
from integration_token.api.integration import Template
from integration_token.api.token import GrantIdentity, StoredToken, Token
from integration_token.cluster.collection import Object
from integration_token.cluster.target import build_target
from integration_token.cluster.template import check_template, data_of, encoded, has_placeholder
from integration_token.errors import UserActionRequired

from tests.unit.test_target import integration

TOKEN = Token("t0k3n", issued=1_800_000_000.25, expires=1_800_086_400.75, assumed=False, scope=("read", "write"))
STORED = StoredToken(TOKEN, GrantIdentity("endpoint-uid", "hash", "credentials-uid/7"))
PULL_SECRET = '{"auths": {"registry.example.com": {"auth": "${basic:robot}"}}}'

DEMANDED: dict[str, dict[str, str]] = {
    "kubernetes.io/dockerconfigjson": {".dockerconfigjson": PULL_SECRET},
    "kubernetes.io/dockercfg": {".dockercfg": '{"registry.example.com": {"auth": "${basic:robot}"}}'},
    "kubernetes.io/ssh-auth": {"ssh-privatekey": "${token}"},
    "kubernetes.io/tls": {"tls.crt": "", "tls.key": "${token}"},
}
"""What the API server requires of each type."""


def template(
    data: dict[str, str] | None = None, kind: str = "Opaque", annotations: dict[str, str] | None = None
) -> Template:
    """A template with these texts."""
    return Template({}, annotations or {}, data or {}, kind)


def filled(text: str, token: Token = TOKEN) -> str:
    """The text, filled in."""
    return data_of(template({"key": text}), token)["key"]


def refusal(of: Template, secret: Object | None = None, stored: StoredToken | None = None) -> str:
    """The message for a user who specifies this; the test fails if it is accepted."""
    with pytest.raises(UserActionRequired) as refused:
        check_template(of, secret, stored)
    assert refused.value.reason is Reason.INVALID_SPEC
    assert refused.value.message.startswith("spec.target.template.")
    return refused.value.message


class TestPlaceholders:
    """What is filled in, and in which encoding."""

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("${token|base64}", base64.b64encode(b"t0k3n").decode()),
            ("${authorization|base64}", base64.b64encode(b"Bearer t0k3n").decode()),
            ("${token|json}", '"t0k3n"'),
            ("${scope|json}", '"read write"'),
            ("${expires_at}", "2027-01-16T08:00:00Z"),
            ("${expires_at|unix}", "1800086400"),
            ("${expires_at|json}", '"2027-01-16T08:00:00Z"'),
            ("${basic:robot}", base64.b64encode(b"robot:t0k3n").decode()),
            ("${basic:robot$shop+ci}", base64.b64encode(b"robot$shop+ci:t0k3n").decode()),
            ("${basic:}", base64.b64encode(b":t0k3n").decode()),
            ("${basic:größe}", base64.b64encode("größe:t0k3n".encode()).decode()),
            ("Basic ${basic:a}, Bearer ${token}", f"Basic {base64.b64encode(b'a:t0k3n').decode()}, Bearer t0k3n"),
        ],
    )
    def test_values_are_written_as_their_place_needs_them(self, text: str, expected: str) -> None:
        """Base64, a JSON string with its quotes, seconds since the epoch, credentials for Basic."""
        assert filled(text) == expected
        check_template(template({"key": text}), None, None)

    def test_a_json_string_is_one_whatever_the_token_has(self) -> None:
        """Tokens may contain quotes and backslashes, which would otherwise break the string."""
        odd = replace(TOKEN, access_token='a"b\\c</d>')
        assert json.loads(filled('{"password": ${token|json}}', odd)) == {"password": 'a"b\\c</d>'}

    def test_what_an_encoding_makes_is_never_filled_in_again(self) -> None:
        """A token that looks like a placeholder is still a token."""
        assert filled("${token|json}", replace(TOKEN, access_token="${scope}")) == '"${scope}"'

    @pytest.mark.parametrize(
        "text",
        [
            "${HOME}",
            "$HOME $token {token} ${",
            "${ token }",
            "${env:HOME}",
            "${spring.application.name}",
            "${name:-default}",
            "${1}",
            "%{token}",
            "{{ .token }}",
        ],
    )
    def test_what_is_of_another_language_stays_as_it_is(self, text: str) -> None:
        """None of it could be a misspelt placeholder of ours."""
        assert filled(text) == text
        check_template(template({"key": text}), None, None)

    @pytest.mark.parametrize(
        "placeholder",
        [
            "${tokn}",
            "${access_token}",
            "${token|base32}",
            "${token|}",
            "${token | base64}",
            "${token }",
            "${basic :robot}",
            "${token|base64|json}",
            "${token|unix}",
            "${basic}",
            "${basic|base64}",
            "${basic:a:b}",
            "${basic:a\nb}",
            "${token:robot}",
            "${host}",
        ],
    )
    def test_an_unknown_name_or_encoding_is_refused_with_those_that_there_are(self, placeholder: str) -> None:
        """Before a token is requested; the message quotes the text in question."""
        message = refusal(template({"fine": "${token}", "file": f"a {placeholder} b"}))
        quoted = ascii(placeholder)[1:-1]
        assert message.startswith(f"spec.target.template.data[file] contains the unknown placeholder {quoted};")
        for known in ("${token}", "${token_type}", "${authorization}", "${expires_at}", "${scope}", "${basic:USER}"):
            assert known in message
        assert "|base64 or |json" in message
        assert "${expires_at|unix}" in message

    def test_a_long_misspelling_is_quoted_in_part(self) -> None:
        """A template may have 64 KiB in place of one."""
        assert len(refusal(template({"file": f"${{token|{'x' * 60_000}}}"}))) < 400

    def test_what_an_earlier_version_has_written_goes_on_being_written(self) -> None:
        """An upgrade doesn't stop renewals for a text that was no placeholder then; in another key it is refused."""
        of = template({"file": "${host} ${token}"})
        secret = {"data": {"file": encoded("${host} t0k3n")}}
        check_template(of, secret, STORED)
        check_template(template({"file": "${host} ${token}", "new": "${scope}"}), secret, STORED)
        assert "data[new] contains the unknown placeholder ${host};" in refusal(
            template({"file": of.data["file"], "new": "${host}"}), secret, STORED
        )
        assert "data[file] contains the unknown placeholder ${host};" in refusal(
            template({"file": "${host} ${scope}"}), secret, STORED
        )
        assert "data[file] contains the unknown placeholder ${host};" in refusal(of, secret)

    def test_many_of_them_take_no_longer_than_one(self) -> None:
        """All resources wait meanwhile."""
        of = template({f"k{each}": "${host} " * 8000 for each in range(4)})
        secret = {"data": {key: encoded(text) for key, text in of.data.items()}}
        begin = time.process_time()
        check_template(of, secret, STORED)
        assert time.process_time() - begin < 1

    def test_encodings_are_counted_before_they_are_made(self) -> None:
        """20,000 user names with a token of 64 KiB would take a gigabyte."""
        large = replace(TOKEN, access_token="t" * 65_536)
        for text in ("${token|json}" * 9, "".join(f"${{basic:{user}}}" for user in range(15_000))):
            with pytest.raises(UserActionRequired, match="is larger than 512 KiB with this token; shorten it"):
                data_of(template({"key": text}), large)

    def test_a_mebibyte_of_template_is_refused_before_a_token_is_asked_for(self) -> None:
        """Such as one stored under an older schema."""
        assert "is larger than 512 KiB" in refusal(template({f"k{each}": "x" * 65_536 for each in range(16)}))

    @pytest.mark.parametrize("text", ["${a|" * 20_000, "${token|" + "x" * 65_536, "$" * 65_536, "${a" * 20_000])
    def test_no_text_takes_long(self, text: str) -> None:
        """All resources wait while one is read."""
        assert filled(text) == text
        assert not has_placeholder(template({"key": text}))

    @pytest.mark.parametrize(
        ("text", "expected"),
        [("", False), ("plain", False), ("${HOME}", False), ("${host}", False), ("$${token}", True),
         ("${scope}", True), ("${expires_at|unix}", True), ("${basic:a}", True)],
    )  # fmt: skip
    def test_whether_there_is_anything_to_fill_in(self, text: str, expected: bool) -> None:
        """Any placeholder in any of the texts."""
        assert has_placeholder(template({"plain": "x", "key": text})) is expected


class TestTypes:
    """A Secret of a type has what the type requires, and never gives anybody an identity."""

    @pytest.mark.parametrize("kind", DEMANDED)
    def test_a_type_with_its_keys_is_accepted(self, kind: str) -> None:
        """The Secret has that type."""
        check_template(template(DEMANDED[kind], kind), None, None)
        write = build_target(None, integration(template={"type": kind, "data": DEMANDED[kind]}), STORED)
        assert write is not None
        assert write.body["type"] == kind

    @pytest.mark.parametrize(("kind", "key"), [(kind, key) for kind, data in DEMANDED.items() for key in data])
    def test_a_missing_key_is_reported(self, kind: str, key: str) -> None:
        """By name, with what to do."""
        data = {name: text for name, text in DEMANDED[kind].items() if name != key}
        assert refusal(template(data, kind)) == (
            f"spec.target.template.data lacks {key}, which type {kind} requires; add it"
        )

    def test_basic_auth_demands_one_of_two_keys(self) -> None:
        """As in the API server."""
        kind = "kubernetes.io/basic-auth"
        check_template(template({"username": "git"}, kind), None, None)
        check_template(template({"password": "${token}"}, kind), None, None)
        assert "data contains neither username nor password" in refusal(template({"user": "git"}, kind))

    def test_a_key_of_ssh_is_not_empty(self) -> None:
        """The API server refuses an empty one."""
        assert "data[ssh-privatekey] is empty" in refusal(template({"ssh-privatekey": ""}, "kubernetes.io/ssh-auth"))

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "x",
            "[]",
            "null",
            "{}",
            '{"auths": []}',
            '{"auth": {}}',
            '{"auths": {"a": {"auth": ${token}}}}',
            '{"auths": {"a": {"auth": "${token|json}"}}}',
            '{"auths": {"a": NaN}}',
            '{"auths": {}} x',
            '{"auths": ' + "[" * 60_000,
        ],
    )
    def test_a_pull_secret_is_a_json_object_with_registries(self, text: str) -> None:
        """The message shows an example, since the kubelet never says what is wrong."""
        message = refusal(template({".dockerconfigjson": text}, "kubernetes.io/dockerconfigjson"))
        assert message == (
            "spec.target.template.data[.dockerconfigjson] is not a JSON object of registries; write it as"
            f" {PULL_SECRET.replace('robot', 'USER')}"
        )

    def test_the_older_pull_secret_is_one_without_auths(self) -> None:
        """The registries are at the top level."""
        assert refusal(template({".dockercfg": "[]"}, "kubernetes.io/dockercfg")).endswith(
            'write it as {"registry.example.com": {"auth": "${basic:USER}"}}'
        )

    def test_a_token_that_spoils_the_json_is_never_written(self) -> None:
        """Such as when the template puts quotes around it."""
        stored = replace(STORED, token=replace(TOKEN, access_token='a"b'))
        data = {".dockerconfigjson": '{"auths": {"a": {"password": "${token}"}}}'}
        of = integration(template={"type": "kubernetes.io/dockerconfigjson", "data": data})
        check_template(of.template, None, None)
        with pytest.raises(UserActionRequired, match="is not a JSON object"):
            build_target(None, of, stored)

    @pytest.mark.parametrize(
        "kind",
        ["kubernetes.io/service-account-token", "bootstrap.kubernetes.io/token", "helm.sh/release.v1", "helm.sh/x"],
    )
    def test_a_type_by_which_a_secret_is_an_identity_is_refused(self, kind: str) -> None:
        """Whatever the schema accepted: no token is requested, and no such Secret is ever created."""
        assert f"type {kind} is not allowed" in refusal(template({"a": "${token}"}, kind))
        with pytest.raises(UserActionRequired, match="is not allowed"):
            build_target(None, integration(template={"type": kind}), STORED)

    @pytest.mark.parametrize("name", ["name", "uid", "x"])
    def test_an_annotation_that_names_a_service_account_is_refused(self, name: str) -> None:
        """On any type."""
        key = f"kubernetes.io/service-account.{name}"
        assert f"metadata.annotations contains {key}" in refusal(template(annotations={key: "admin"}))
        with pytest.raises(UserActionRequired, match=r"service-account\."):
            build_target(None, integration(template={"metadata": {"annotations": {key: "admin"}}}), STORED)

    def test_a_label_by_which_helm_finds_its_releases_is_refused(self) -> None:
        """On any type; another owner doesn't matter."""
        with pytest.raises(UserActionRequired, match="contains owner: helm"):
            build_target(None, integration(template={"metadata": {"labels": {"owner": "helm"}}}), STORED)
        assert build_target(None, integration(template={"metadata": {"labels": {"owner": "shop"}}}), STORED) is not None

    def test_a_name_by_which_helm_reads_a_release_is_refused(self) -> None:
        """Helm reads a revision without checking labels, and a template could write all of a release's content."""
        with pytest.raises(UserActionRequired, match=r"name sh\.helm\.release\.v1\.shop\.v3 begins with"):
            build_target(None, replace(integration(), target="sh.helm.release.v1.shop.v3"), STORED)
        assert build_target(None, replace(integration(), target="sh.helm"), STORED) is not None

    @pytest.mark.parametrize("kind", ["Opaque", "example.com/credentials", "kubernetes.io/something-new"])
    def test_other_types_demand_nothing(self, kind: str) -> None:
        """A custom controller may know them."""
        check_template(template(kind=kind), None, None)

    @pytest.mark.parametrize("given", [{}, {"type": ""}, {"type": None}, {"type": "Opaque"}])
    def test_the_type_is_opaque_as_a_rule(self, given: dict[str, Any]) -> None:
        """As before the field existed."""
        write = build_target(None, integration(template=given), STORED)
        assert write is not None
        assert write.body["type"] == "Opaque"
