"""One token request from end to end: read the credentials, build and send the request, read the response; nothing is
kept."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from integration_token.api.endpoint import Endpoint
from integration_token.api.integration import Integration
from integration_token.api.token import GrantIdentity, Token
from integration_token.clock import Clock, Instant
from integration_token.controller.account import Accounts
from integration_token.controller.credentials import place_of
from integration_token.controller.references import References
from integration_token.errors import Conflict, Failure
from integration_token.oauth.client import Route, TokenClient
from integration_token.oauth.part import TokenRequestSpec
from integration_token.oauth.refusal import Asked
from integration_token.oauth.request import (
    TokenRequest,
    build_request,
    grant_identity,
    grant_inputs,
    header_credential,
    needs,
)
from integration_token.oauth.response import read_answer
from integration_token.telemetry.metrics import Metrics

_RECENT = 1.0
"""Seconds for which the content of a Secret is used without another read: a withdrawn consent or a changed secret takes
effect that late at most."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A token request that could be sent now, and what it was built from."""

    spec: TokenRequestSpec
    identity: GrantIdentity
    """What it requests, according to the current credentials."""
    read: Instant
    """When these were read."""
    ca_bundle: str = field(repr=False)
    """PEM; empty for the system's roots."""


class TokenRequester:
    """Sends token requests for resources."""

    def __init__(
        self, references: References, accounts: Accounts, client: TokenClient, clock: Clock, metrics: Metrics
    ) -> None:
        self._references = references
        self._accounts = accounts
        self._client = client
        self._clock = clock
        self._metrics = metrics

    async def prepare(self, integration: Integration, endpoint: Endpoint) -> Prepared:
        """Reads the credentials, and the authorities if they are too long to be kept.

        :raises Failure: if they cannot be used.
        """
        read = self._clock.now()
        # The account's UID is still to be read; what is needed does not depend on it.
        inputs = grant_inputs(endpoint, integration, integration.service_account)
        keys = {name: integration.credentials_key(name) for name in needs(inputs).credentials}
        keys |= {header_credential(header): key for header, key in inputs.headers_from}
        values, credentials = await self._references.read_credentials(integration, endpoint, keys)
        places = {name: place_of(key, integration) for name, key in keys.items()}
        spec = TokenRequestSpec(replace(inputs, account=credentials.account), values, places=places)
        identity = grant_identity(endpoint, integration, credentials.account, credentials.revision)
        return Prepared(spec, identity, read, await self._references.ca_bundle(endpoint))

    async def confirm(self, prepared: Prepared, integration: Integration, endpoint: Endpoint) -> None:
        """Checks again that the owner of the credentials consents to their use, if the last check was a while ago.

        :raises Failure: if they cannot be used any more.
        :raises Conflict: if they have changed.
        """
        if integration.credentials and self._clock.now().boot - prepared.read.boot > _RECENT:
            again = await self.prepare(integration, endpoint)
            if again.spec != prepared.spec:
                raise Conflict("the credentials were changed while the request waited for its turn")

    async def build(self, prepared: Prepared, integration: Integration, endpoint: Endpoint) -> TokenRequest:
        """Builds the request to be sent at once, with the ServiceAccount's token if it uses one.

        :raises Failure: if it cannot be built from what was prepared, even for another resource of the grant.
        :raises Conflict: if the ServiceAccount was replaced.
        """
        spec, wanted = prepared.spec, needs(prepared.spec.inputs)
        if wanted.account:
            token = await self._accounts.token(integration, endpoint, spec.inputs)
            spec = replace(spec, account_token=token)
        now = self._clock.now().wall
        return await asyncio.to_thread(build_request, spec, now) if wanted.signs else build_request(spec, now)

    async def ask(
        self, prepared: Prepared, request: TokenRequest, endpoint: Endpoint, held: str, *, ended: Callable[[], None]
    ) -> Token:
        """Asks the endpoint once.

        :param request: built by :meth:`build` from what was prepared.
        :param held: the token in the target Secret, empty without one: so that no message ever repeats it.
        :param ended: called once nothing of the request is in flight any more, which may be after a failure.
        :raises Failure: if it returns no token.
        """
        route = Route(
            ca_bundle=prepared.ca_bundle,
            timeout=endpoint.timeout,
            private=endpoint.ref.kind.is_trusted,
        )
        began = self._clock.now()
        try:
            answer = await self._client.send(request, route, ended=ended)
        except Failure as failure:
            if failure.sent:
                self._time(endpoint, began)
                self.count(endpoint, failure.reason)
            raise
        self._time(endpoint, began)
        try:
            return read_answer(
                answer,
                asked=_asked(endpoint),
                scopes=prepared.spec.inputs.scopes,
                default_lifetime=endpoint.default_lifetime,
                maximum_lifetime=endpoint.maximum_lifetime,
                secrets=tuple(secret for secret in (*request.secrets, held) if secret),
                received=self._clock.now().wall,
                access_token_pointer=endpoint.access_token_pointer,
                expires_in_pointer=endpoint.expires_in_pointer,
            )
        except Failure as failure:
            self.count(endpoint, failure.reason)
            raise

    def count(self, endpoint: Endpoint, outcome: str) -> None:
        """Counts a request that was sent, with its result."""
        self._metrics.record_request(endpoint.ref, outcome)

    def _time(self, endpoint: Endpoint, began: Instant) -> None:
        self._metrics.record_duration(endpoint.ref, self._clock.now().boot - began.boot)


def _asked(endpoint: Endpoint) -> Asked:
    return Asked(
        endpoint=endpoint.ref.title,
        url=endpoint.token_url,
        encoding=endpoint.encoding,
        authentication=endpoint.authentication,
        token_type=endpoint.token_type,
        grant=endpoint.grant,
    )
