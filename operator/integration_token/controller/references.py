"""The objects that a resource refers to, its endpoint and its credentials: found, checked and read."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from integration_token.api.condition import Reason
from integration_token.api.endpoint import Endpoint, EndpointRef, parse_endpoint
from integration_token.api.integration import Integration
from integration_token.api.names import ALLOWED_HOSTS_ANNOTATION
from integration_token.api.selector import selects
from integration_token.api.token import revision_of
from integration_token.clock import Clock
from integration_token.cluster.collection import ENDPOINTS, NAMESPACES, SECRETS
from integration_token.cluster.gateway import Gateway
from integration_token.cluster.page import MAX_ALLOWED_HOSTS
from integration_token.cluster.secret import TOO_LONG, SecretMetadata, SecretWatch, secret_metadata
from integration_token.controller.account import Accounts, account_text
from integration_token.controller.ca_bundle import CABundles
from integration_token.controller.consent import SECRET, released
from integration_token.controller.credentials import read_values
from integration_token.controller.source import check_sources
from integration_token.errors import Conflict, EndpointUnusable, UserActionRequired
from integration_token.oauth.address import Policy, listed_hosts
from integration_token.oauth.request import authentication_method, grant_type
from integration_token.oauth.token_url import check_url, listed_as
from integration_token.oauth.trust import check_judged, is_judged, tls_context
from integration_token.state.inventory import Inventory

_FRESH = 60.0
"""Seconds for which an object from a watch is trusted without a read: kopf does not report deletions in a gap of its
watch."""


_UNVERSIONED = "0"
"""Used instead of the resourceVersion of an account: none of its changes affects what is sent."""


async def check_endpoint(endpoint: Endpoint, policy: Policy) -> None:
    """Checks an endpoint, with its authorities, as far as possible before anything is sent there.

    :raises UserActionRequired: if it cannot be used.
    """
    check_url(endpoint.token_url, policy)
    authentication_method(endpoint.authentication)
    grant_type(endpoint.grant)
    bundle = endpoint.ca_bundle
    if bundle is not None and is_judged(bundle.digest):
        check_judged(bundle.digest)
    elif bundle is not None and bundle.text is not None:
        await tls_context(bundle.text)
    try:
        selects(endpoint.namespace_selector, {})
    except (KeyError, ValueError) as error:
        raise UserActionRequired(Reason.INVALID_SPEC, f"spec.namespaceSelector: {error}; fix it") from None


def can_be_checked(endpoint: Endpoint) -> bool:
    """Whether :func:`check_endpoint` has everything it needs; otherwise the endpoint must be read again."""
    bundle = endpoint.ca_bundle
    return bundle is None or bundle.text is not None or is_judged(bundle.digest)


async def read_endpoint(gateway: Gateway, inventory: Inventory, ref: EndpointRef) -> Endpoint | None:
    """The complete endpoint from the API server, since the inventory keeps only small ones; None if there is none.

    :raises EndpointUnusable: if it cannot be parsed.
    """
    body = await gateway.get(ENDPOINTS[ref.kind], ref.namespace, ref.name)
    if body is None:
        inventory.forget_endpoint(ref)
        return None
    try:
        endpoint = parse_endpoint(ref.kind, body)
    except UserActionRequired as failure:
        raise EndpointUnusable(failure.reason, failure.what) from None
    inventory.keep_endpoint(endpoint)
    return endpoint


@dataclass(frozen=True, slots=True)
class Credentials:
    """The credentials that a resource's requests use, without secrets."""

    revision: str
    """Of the Secret, or without one of the account."""
    account: str
    """The ServiceAccount as in :class:`GrantInputs`; empty without one."""


class References:
    """Finds the objects that resources refer to, in the caches where possible and otherwise from the API server."""

    def __init__(
        self,
        gateway: Gateway,
        secrets: SecretWatch,
        inventory: Inventory,
        bundles: CABundles,
        accounts: Accounts,
        policy: Policy,
        clock: Clock,
        *,
        clusterwide: bool,
    ) -> None:
        self._clock = clock
        self._bundles = bundles
        self._accounts = accounts
        self._gateway = gateway
        self._secrets = secrets
        self._inventory = inventory
        self._policy = policy
        self._clusterwide = clusterwide

    async def endpoint(self, integration: Integration) -> Endpoint:
        """The resource's endpoint, usable from its namespace.

        :raises EndpointUnusable: if its spec is invalid.
        :raises UserActionRequired: if it does not exist, or the resource may not use it.
        """
        ref = integration.endpoint
        if ref.kind.is_cluster_scoped and not self._clusterwide:
            raise UserActionRequired(
                Reason.ENDPOINT_NOT_FOUND,
                "this installation serves single namespaces and no ClusterTokenEndpoint; refer to a TokenEndpoint",
            )
        endpoint = self._inventory.endpoints.get(ref)
        now = self._clock.now().boot
        fresh = now - self._inventory.confirmed.get(ref, -math.inf) <= _FRESH
        if endpoint is None or not fresh or not can_be_checked(endpoint):
            endpoint = await read_endpoint(self._gateway, self._inventory, ref)
            if endpoint is None:
                raise missing(ref)
        try:
            endpoint = await self._bundles.resolve(endpoint)
            await check_endpoint(endpoint, self._policy)
        except UserActionRequired as failure:
            raise EndpointUnusable(failure.reason, failure.what) from None
        if ref.kind.selects_namespaces and not await self._selected(endpoint, integration.namespace):
            raise UserActionRequired(
                Reason.NOT_ALLOWED,
                f"{ref.title} does not select namespace {integration.namespace};"
                " ask the cluster's administrator to widen spec.namespaceSelector",
            )
        return endpoint

    async def ca_bundle(self, endpoint: Endpoint) -> str:
        """The authorities for the endpoint's certificate, as PEM text; empty for the system's.

        :raises UserActionRequired: if the endpoint is gone.
        """
        bundle = endpoint.ca_bundle
        if bundle is None or bundle.text is not None:
            return bundle.text or "" if bundle is not None else ""
        ref = endpoint.ref
        read = await read_endpoint(self._gateway, self._inventory, ref)
        if read is None:
            raise missing(ref)
        if read.ca_bundle is None or read.ca_bundle.text is None or read.ca_bundle.digest != bundle.digest:
            raise Conflict(f"{ref.title} was changed in the meantime")  # never the system's roots instead
        return read.ca_bundle.text

    async def credentials(self, integration: Integration, endpoint: Endpoint) -> Credentials:
        """The versions of the resource's credentials Secret and ServiceAccount.

        :raises UserActionRequired: if one is missing or its owner has not consented to this use.
        """
        check_sources(integration, endpoint)
        secret = await self._secret(integration, endpoint) if integration.credentials else None
        return await self._with_account(integration, endpoint, secret)

    async def read_credentials(
        self, integration: Integration, endpoint: Endpoint, keys: Mapping[str, str]
    ) -> tuple[Mapping[str, str], Credentials]:
        """The credentials themselves, from the API server, and their versions.

        :param keys: of the Secret, by the names of the returned values.
        :raises UserActionRequired: if they cannot be used.
        """
        check_sources(integration, endpoint)
        if not integration.credentials:
            return {}, await self._with_account(integration, endpoint, None)
        place = integration.namespace, integration.credentials
        secret = released(await self._gateway.get(SECRETS, *place), SECRET, *place)
        metadata = secret_metadata(secret)
        check_host(metadata, endpoint, integration, self._policy)
        values = read_values(secret.get("data") or {}, keys, integration)
        return values, await self._with_account(integration, endpoint, metadata)

    async def _with_account(
        self, integration: Integration, endpoint: Endpoint, secret: SecretMetadata | None
    ) -> Credentials:
        if not integration.service_account:
            return Credentials("" if secret is None else secret.revision, "")
        account = await self._accounts.find(integration, endpoint)
        revision = revision_of(account.uid, _UNVERSIONED) if secret is None else secret.revision
        return Credentials(revision, account_text(integration, account))

    async def _secret(self, integration: Integration, endpoint: Endpoint) -> SecretMetadata:
        place = integration.namespace, integration.credentials
        metadata = self._secrets.credentials(*place)
        if metadata is None:
            # Not among the labelled ones: missing, unlabelled, or too new for the watch. If a Secret is not labelled,
            # only its metadata is read.
            secret = await self._gateway.get_metadata(SECRETS, *place)
            metadata = secret_metadata(released(secret, SECRET, *place))
        check_host(metadata, endpoint, integration, self._policy)
        return metadata

    async def _selected(self, endpoint: Endpoint, namespace: str) -> bool:
        selector = endpoint.namespace_selector
        if not selector:
            return True
        labels = self._inventory.namespace_labels.get(namespace)
        now = self._clock.now().boot
        if labels is None or now - self._inventory.labels_confirmed.get(namespace, -math.inf) > _FRESH:
            body = await self._gateway.get(NAMESPACES, "", namespace)
            labels = dict(((body or {}).get("metadata") or {}).get("labels") or {})
            self._inventory.keep_labels(namespace, labels)
        return selects(selector, labels)


def missing(ref: EndpointRef) -> UserActionRequired:
    """The failure if there is no such endpoint."""
    what = f"{ref.title} does not exist; create it or fix spec.endpointRef"
    return UserActionRequired(Reason.ENDPOINT_NOT_FOUND, what)


def check_host(metadata: SecretMetadata, endpoint: Endpoint, integration: Integration, policy: Policy) -> None:
    """Checks that the owner of the credentials Secret allows sending it to the endpoint's host.

    :raises UserActionRequired: if not.
    """
    host = listed_as(check_url(endpoint.token_url, policy))
    if metadata.allowed_hosts == TOO_LONG:
        raise UserActionRequired(
            Reason.HOST_NOT_ALLOWED,
            f"Secret {integration.credentials} may not be sent to any host: its annotation {ALLOWED_HOSTS_ANNOTATION}"
            f" has more than {MAX_ALLOWED_HOSTS} characters; shorten it",
        )
    if metadata.allowed_hosts and host not in listed_hosts(metadata.allowed_hosts):
        raise UserActionRequired(
            Reason.HOST_NOT_ALLOWED,
            f"Secret {integration.credentials} may not be sent to {host}; add it to the Secret's annotation"
            " integrationtoken.dev/allowed-hosts or refer to another endpoint",
        )
