"""One token request from end to end: credentials read, request built and sent, answer read; nothing of it is kept."""

from collections.abc import Callable
from dataclasses import dataclass, field

from integration_token.api.endpoint import Endpoint
from integration_token.api.integration import Integration
from integration_token.api.token import Token
from integration_token.clock import Clock, Instant
from integration_token.controller.references import References
from integration_token.errors import Failure
from integration_token.oauth.client import Route, TokenClient
from integration_token.oauth.part import TokenRequestSpec
from integration_token.oauth.refusal import Asked
from integration_token.oauth.request import build_request, grant_inputs, header_credential, needs
from integration_token.oauth.response import read_answer
from integration_token.telemetry.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Prepared:
    """A token request that could be sent now, and what it was made of."""

    spec: TokenRequestSpec
    credentials_revision: str
    """The revision of the credentials."""
    ca_bundle: str = field(repr=False)
    """PEM; empty for the system's roots."""


class TokenRequester:
    """Sends token requests for resources."""

    def __init__(self, references: References, client: TokenClient, clock: Clock, metrics: Metrics) -> None:
        self._references = references
        self._client = client
        self._clock = clock
        self._metrics = metrics

    async def prepare(self, integration: Integration, endpoint: Endpoint) -> Prepared:
        """Reads the credentials, and the authorities where they are too long to be kept.

        :raises Failure: where they cannot be used.
        """
        inputs = grant_inputs(endpoint, integration, "")
        keys = {name: integration.credentials_key(name) for name in needs(inputs).credentials}
        keys |= {header_credential(header): key for header, key in inputs.headers_from}
        credentials, metadata = await self._references.read_credentials(integration, endpoint, keys)
        spec = TokenRequestSpec(inputs, credentials)
        return Prepared(spec, metadata.revision, await self._references.ca_bundle(endpoint))

    async def ask(self, prepared: Prepared, endpoint: Endpoint, held: str, *, ended: Callable[[], None]) -> Token:
        """Asks the endpoint once.

        :param held: the token in the target Secret, empty without one: so that no message ever repeats it.
        :param ended: called once nothing of the request is under way any more, which may be after a failure.
        :raises Failure: where no token comes of it.
        """
        route = Route(
            ca_bundle=prepared.ca_bundle,
            timeout=endpoint.timeout,
            private=endpoint.ref.kind.is_trusted,
        )
        began = self._clock.now()
        request = build_request(prepared.spec, began.wall)
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
            )
        except Failure as failure:
            self.count(endpoint, failure.reason)
            raise

    def count(self, endpoint: Endpoint, outcome: str) -> None:
        """A request was sent, and this came of it."""
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
    )
