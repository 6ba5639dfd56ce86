"""Helm, Flux and kstatus report the truth to those who install resources and wait for them."""

import base64
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.apiserver.kube import Document
from tests.fakes.fault import slow, status
from tests.gitops.release import Release, Site
from tests.gitops.waiter import EVERY, How, Waiter

BROKEN = "-----BEGIN CERTIFICATE-----\nbm90IG9uZQ==\n-----END CERTIFICATE-----\n"


@pytest.fixture(params=EVERY, name="wait")
def _wait(request: pytest.FixtureRequest) -> How:
    """Each of them."""
    return EVERY[request.param]


@pytest.fixture(name="release")
def _release(site: Site) -> Release:
    """A new release."""
    return site.release()


def test_a_refused_client_fails_the_release_at_once_and_says_why(waiter: Waiter, wait: How, release: Release) -> None:
    """If only a person can help, nobody waits for a timeout."""
    objects = release.objects()
    release.login.clients[release.client_id] = "another secret"
    began = time.monotonic()
    waited = wait(waiter, objects, 60)
    assert waited.error
    assert "the endpoint answered 401" in waited.said, waited.said
    assert time.monotonic() - began < 30


def test_a_slow_endpoint_is_waited_for(waiter: Waiter, wait: How, release: Release) -> None:
    """It succeeds only when the Secret exists."""
    release.login.endpoint.fault(slow(2), client_id=release.client_id, count=1)
    assert wait(waiter, release.objects(), 60).error == ""
    assert release.target() is not None


def test_credentials_may_come_later(waiter: Waiter, wait: How, release: Release) -> None:
    """As External Secrets and Vault provide them, seconds after the release."""
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(wait, waiter, release.objects(credentials=False), 60)
        release.until_reason("CredentialsNotFound")
        release.kube.create(release.secret())
        assert waiting.result().error == ""
    assert release.target() is not None


def test_an_endpoint_that_cannot_be_used_fails_the_release_with_its_message(
    waiter: Waiter, wait: How, release: Release
) -> None:
    """Helm alone waits for the other objects before it says so."""
    waited = wait(waiter, release.objects(endpoint={"caBundle": BROKEN}), 5)
    assert waited.error
    assert "spec.caBundle" in waited.said
    assert wait is Waiter.helm or "timeout" not in waited.error


def test_an_upgrade_is_waited_for(waiter: Waiter, wait: How, release: Release) -> None:
    """A resource that was Ready before its spec changed isn't considered done."""
    assert wait(waiter, release.objects(), 60).error == ""
    release.login.endpoint.fault(slow(1), client_id=release.client_id, count=1)
    assert wait(waiter, release.objects(spec={"scopes": ["read"]}), 60).error == ""
    metadata = (release.target() or {})["metadata"]
    assert metadata["annotations"]["integrationtoken.dev/scope"] == "read"


def test_a_failing_refresh_of_a_good_token_is_no_failed_release(waiter: Waiter, wait: How, release: Release) -> None:
    """Pods whose token has hours left run well."""
    assert wait(waiter, release.objects(), 60).error == ""
    release.login.endpoint.fault(status(401, "invalid_client"), client_id=release.client_id)
    release.kube.patch(
        "IntegrationToken",
        release.namespace,
        "shop",
        {"metadata": {"annotations": {"integrationtoken.dev/renew-requested-at": "now"}}},
    )
    release.until_refresh_fails()
    objects = release.objects()
    objects[1]["metadata"]["annotations"] = {"integrationtoken.dev/renew-requested-at": "now"}
    assert wait(waiter, objects, 20).error == ""


def unlabelled(objects: list[Document]) -> None:
    """Its owner has not released the credentials."""
    del objects[0]["metadata"]["labels"]


def unreachable(objects: list[Document]) -> None:
    """Nothing listens on the port."""
    objects[2]["spec"]["tokenURL"] = "http://127.0.0.1:1/token"


def failing(objects: list[Document]) -> None:
    """Its method isn't one that the endpoint supports."""
    objects[2]["spec"]["tokenURL"] += "/nowhere"


def taken(objects: list[Document]) -> None:
    """Somebody else has a Secret with the target's name."""
    metadata = {"name": "shop", "namespace": objects[0]["metadata"]["namespace"]}
    objects.insert(0, {"apiVersion": "v1", "kind": "Secret", "metadata": metadata})


@pytest.mark.parametrize(
    ("spoil", "reason", "judged"),
    [
        (unlabelled, "CredentialsNotLabelled", "InProgress"),
        (unreachable, "EndpointUnreachable", "InProgress"),
        (failing, "RequestRejected", "Failed"),
        (taken, "SecretNotOwned", "Failed"),
    ],
    ids=["unlabelled", "unreachable", "failing", "taken"],
)
def test_what_may_pass_is_in_progress_and_what_a_person_must_fix_has_failed(
    waiter: Waiter, release: Release, spoil: Callable[[list[Document]], None], reason: str, judged: str
) -> None:
    """In kstatus, as in the page's table."""
    objects = release.objects()
    spoil(objects)
    waiter.create(objects)
    release.until_reason(reason)
    waited = waiter.kstatus(objects, 1)
    assert waited.judged["IntegrationToken"].partition(":")[0] == judged
    assert waited.error


def test_a_resource_that_is_suspended_from_the_start_is_in_progress(waiter: Waiter, release: Release) -> None:
    """Nothing has failed, but nothing exists."""
    waited = waiter.kstatus(release.objects(spec={"suspend": True}), 3)
    assert "timeout" in waited.error
    assert waited.judged["IntegrationToken"].startswith("InProgress: ")
    assert release.target() is None


def test_the_target_is_what_the_endpoint_issued(waiter: Waiter, wait: How, release: Release) -> None:
    """The wait is for the token, not for a status."""
    assert wait(waiter, release.objects(), 60).error == ""
    data = (release.target() or {})["data"]
    assert base64.b64decode(data["token"]).decode() in release.login.endpoint.tokens(release.client_id)
