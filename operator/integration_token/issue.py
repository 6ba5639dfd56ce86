"""One token request from end to end: credentials read, request built and sent, answer read; nothing of it is kept."""

from dataclasses import dataclass

from integration_token.api.condition import Reason
from integration_token.api.endpoint import Endpoint, EndpointKind
from integration_token.api.integration import Integration
from integration_token.api.token import Identity, StoredToken, Token
from integration_token.clock import Clock
from integration_token.cluster.secret import SecretMetadata
from integration_token.errors import Failure, Passing
from integration_token.metrics import Metrics
from integration_token.oauth.client import Route, TokenClient
from integration_token.oauth.request import Grant, basic_authorization, build_request
from integration_token.oauth.response import read_answer
from integration_token.renewal.verdict import Verdict, judge
from integration_token.source import Sources


@dataclass(frozen=True, slots=True)
class Issued:
    """A token as answered, and the credentials Secret that it was answered for."""

    token: Token
    credentials: SecretMetadata

    def judged(self, stored: StoredToken | None, identity: Identity, now: float) -> tuple[Verdict, Token]:
        """The verdict on the token beside the one that is held; `now` is wall time in seconds.

        :raises Passing: where the token has expired already and isn't the one that is held.
        """
        verdict = judge(stored, self.token, identity, now)
        if verdict is Verdict.EXPIRED:
            raise Passing(Reason.INVALID_RESPONSE, "the endpoint answered with a token that has expired already")
        return verdict, self.token


class Issuer:
    """Sends token requests for resources."""

    def __init__(self, sources: Sources, client: TokenClient, clock: Clock, metrics: Metrics) -> None:
        self._sources = sources
        self._client = client
        self._clock = clock
        self._metrics = metrics

    async def ask(self, integration: Integration, endpoint: Endpoint, held: str) -> Issued:
        """Asks the endpoint once.

        :param held: the token in the target Secret, empty without one: so that no message ever repeats it.
        :raises Failure: where no token comes of it.
        """
        credentials = await self._sources.read_credentials(integration, endpoint)
        grant = Grant(
            token_url=endpoint.token_url,
            audience=integration.audience or endpoint.audience,
            scopes=integration.scopes,
            parameters=endpoint.parameters,
            encoding=endpoint.encoding,
            authentication=endpoint.authentication,
            client_id=credentials.client_id,
            client_secret=credentials.client_secret,
        )
        route = Route(
            ca_bundle=endpoint.ca_bundle,
            timeout=endpoint.timeout,
            private=endpoint.ref.kind is EndpointKind.CLUSTER,
        )
        try:
            answer = await self._client.send(build_request(grant), route)
            token = read_answer(
                answer,
                scopes=grant.scopes,
                default_lifetime=endpoint.default_lifetime,
                secrets=_secrets(grant, held),
                received=self._clock.now().wall,
            )
        except Failure as failure:
            self._metrics.requested(endpoint.ref, failure.reason)
            raise
        return Issued(token, credentials.metadata)


def _secrets(grant: Grant, held: str) -> tuple[str, ...]:
    """What the endpoint knows, or was sent, and must not bring into a message."""
    known = (grant.client_secret, held, basic_authorization(grant.client_id, grant.client_secret))
    return tuple(secret for secret in known if secret)
