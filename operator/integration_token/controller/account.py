"""ServiceAccounts instead of client secrets: found, checked, and asked for a token right before it is sent."""

from collections import OrderedDict

from integration_token.api.condition import Reason
from integration_token.api.endpoint import Endpoint
from integration_token.api.integration import Integration
from integration_token.api.names import ALLOWED_AUDIENCES_ANNOTATION, ALLOWED_HOSTS_ANNOTATION
from integration_token.clock import Clock
from integration_token.cluster.collection import SERVICE_ACCOUNTS
from integration_token.cluster.gateway import Gateway
from integration_token.cluster.page import MAX_ALLOWED_HOSTS
from integration_token.cluster.service_account import (
    AccountMetadata,
    OwnIdentity,
    account_metadata,
    is_for_its_issuer,
    own_identity,
    unlike_asked,
)
from integration_token.controller.consent import ACCOUNT, released
from integration_token.errors import Conflict, Denied, Fenced, Transient, Unauthorized, Unavailable, UserActionRequired
from integration_token.oauth.address import Policy, listed_hosts
from integration_token.oauth.part import GrantInputs
from integration_token.oauth.request import grant_inputs
from integration_token.oauth.token_url import check_url, listed_as

_FRESH = 60.0
"""Seconds for which the metadata of an account is cached: no watch reports changes, since that would need permission to
watch all accounts of a namespace. It is read again before any token of the account is sent."""

_KEPT = 1024
"""Accounts that are remembered: each has two lists of at most 2,048 characters."""

_SHORTEST = 600
"""Seconds: no API server issues a token for less."""

_SHOWN = 200
"""Characters of an audience that messages show."""


class Accounts:
    """Requests tokens of ServiceAccounts whose owners consent, each for one token request."""

    def __init__(self, gateway: Gateway, policy: Policy, clock: Clock) -> None:
        self._gateway = gateway
        self._policy = policy
        self._clock = clock
        self._known: OrderedDict[tuple[str, str], tuple[float, AccountMetadata]] = OrderedDict()
        """With the time of the read by CLOCK_BOOTTIME; the most recently read one is last."""

    async def find(self, integration: Integration, endpoint: Endpoint) -> AccountMetadata:
        """The resource's account, at most a minute old.

        :raises UserActionRequired: if it does not exist, or its owner has not consented to this use.
        """
        place = (integration.namespace, integration.service_account)
        read, known = self._known.get(place, (0.0, None))
        if known is not None and self._clock.now().boot - read <= _FRESH:
            await self._judge(known, integration, endpoint)
            return known
        return await self._read(integration, endpoint)

    async def token(self, integration: Integration, endpoint: Endpoint, inputs: GrantInputs) -> str:
        """A token of the account, to be sent at once and not kept.

        :param inputs: of the request that uses it.
        :raises UserActionRequired: if there is none, or its owner no longer consents.
        :raises Conflict: if the account was replaced.
        """
        account = await self._read(integration, endpoint)
        if inputs.account != account_text(integration, account):
            raise Conflict(f"ServiceAccount {integration.service_account} was recreated in the meantime")
        namespace, name, audience = integration.namespace, integration.service_account, inputs.assertion_audience
        seconds = max(_SHORTEST, round(inputs.assertion.lifetime))
        try:
            answer = await self._gateway.create_token(namespace, name, audience, seconds)
        except Denied as error:
            raise _refused(error, integration, endpoint, "get a token of") from None
        except (Fenced, Unauthorized):
            raise
        except Unavailable as error:
            # Reported, since this call alone may fail, for example because of a webhook: a Conflict would only be
            # retried.
            raise Transient(
                Reason.SERVICE_ACCOUNT_TOKEN_REFUSED,
                f"the API server cannot issue a token of ServiceAccount {name} at the moment ({error}); retrying",
            ) from None
        if answer is None:
            raise Conflict(f"ServiceAccount {name} was deleted in the meantime")
        token = str((answer.get("status") or {}).get("token", ""))
        if fault := unlike_asked(token, namespace, name, account.uid, audience):
            raise UserActionRequired(
                Reason.SERVICE_ACCOUNT_TOKEN_REFUSED,
                f"the API server answered the TokenRequest for ServiceAccount {name} with {fault}, which is never sent"
                " to an endpoint; check which webhook or policy changes TokenRequests in this cluster",
            )
        if is_for_its_issuer(token):
            raise _for_api_server(audience, integration, endpoint)
        return token

    async def _read(self, integration: Integration, endpoint: Endpoint) -> AccountMetadata:
        namespace, name = integration.namespace, integration.service_account
        self._known.pop((namespace, name), None)
        try:
            # If an account is not labelled, only its metadata is ever read.
            body = await self._gateway.get_metadata(SERVICE_ACCOUNTS, namespace, name)
        except Denied as error:
            raise _refused(error, integration, endpoint, "read") from None
        account = account_metadata(released(body, ACCOUNT, namespace, name))
        await self._judge(account, integration, endpoint)
        self._known[namespace, name] = self._clock.now().boot, account
        if len(self._known) > _KEPT:
            self._known.popitem(last=False)
        return account

    async def _judge(self, account: AccountMetadata, integration: Integration, endpoint: Endpoint) -> None:
        try:
            check_account(account, integration, endpoint, own_identity(await self._gateway.access()), self._policy)
        except UserActionRequired:
            # It is checked again soon, and may have been changed by then.
            self._known.pop((integration.namespace, integration.service_account), None)
            raise


def account_text(integration: Integration, account: AccountMetadata) -> str:
    """An account as it appears in a grant's inputs."""
    return f"{integration.namespace}/{integration.service_account}/{account.uid}"


def check_account(
    account: AccountMetadata, integration: Integration, endpoint: Endpoint, own: OwnIdentity, policy: Policy
) -> None:
    """Checks that a token of the account may be sent to the endpoint: by its owner's lists, and by what it would be
    valid for in the cluster.

    :raises UserActionRequired: if it may not.
    """
    name = integration.service_account
    if own.is_account(integration.namespace, name):
        raise UserActionRequired(
            Reason.INVALID_SPEC,
            f"spec.serviceAccountRef: {name} is the operator's own ServiceAccount, whose tokens are never sent to an"
            " endpoint; set another ServiceAccount",
        )
    host = listed_as(check_url(endpoint.token_url, policy))
    if host not in listed_hosts(account.allowed_hosts):
        raise UserActionRequired(
            Reason.HOST_NOT_ALLOWED,
            f"tokens of ServiceAccount {name} may not be sent to {host}; add this host to the ServiceAccount's"
            f" annotation {ALLOWED_HOSTS_ANNOTATION} (at most {MAX_ALLOWED_HOSTS} characters), or refer to another"
            " endpoint",
        )
    audience = grant_inputs(endpoint, integration, "").assertion_audience
    if own.means_api_server(audience):
        raise _for_api_server(audience, integration, endpoint)
    if audience != endpoint.token_url and audience not in _listed(account.allowed_audiences):
        raise UserActionRequired(
            Reason.AUDIENCE_NOT_ALLOWED,
            f"ServiceAccount {name} does not allow tokens for the audience {_shown(audience)}, which"
            f" {endpoint.ref.title} requires; add this audience to the ServiceAccount's annotation"
            f" {ALLOWED_AUDIENCES_ANNOTATION} (at most {MAX_ALLOWED_HOSTS} characters)",
        )


def _for_api_server(audience: str, integration: Integration, endpoint: Endpoint) -> UserActionRequired:
    return UserActionRequired(
        Reason.AUDIENCE_NOT_ALLOWED,
        f"a token of ServiceAccount {integration.service_account} for {_shown(audience)} would be an identity in this"
        f" cluster and is never sent to an endpoint; set spec.assertion.audience of {endpoint.ref.title} to the"
        " audience of the endpoint itself",
    )


def _shown(audience: str) -> str:
    return repr(audience[:_SHOWN])


def _listed(audiences: str) -> frozenset[str]:
    return frozenset(audience.strip() for audience in audiences.split(","))


def _refused(error: Denied, integration: Integration, endpoint: Endpoint, what: str) -> UserActionRequired:
    """`what`: the call that was refused."""
    namespace, name = integration.namespace, integration.service_account
    told = f"the operator is not allowed to {what} ServiceAccount {name}"
    if error.status == 403:
        told += f"; add {{namespace: {namespace}, name: {name}}} to the chart's value serviceAccounts"
    else:
        told += f"; check spec.assertion of {endpoint.ref.title}, and this cluster's admission of TokenRequests"
    return UserActionRequired(Reason.SERVICE_ACCOUNT_TOKEN_REFUSED, f"{told} ({error})")
