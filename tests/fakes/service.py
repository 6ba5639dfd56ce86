"""The token endpoint without HTTP: from a request's parts and the time to a reply and a record.

Tests in virtual time call it directly; :mod:`tests.fakes.token_endpoint` serves it.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.fakes.assertion import AssertionJudge, KnownKey
from tests.fakes.fault import Context, Fault
from tests.fakes.issuer import Grant, Issued, Issuer
from tests.fakes.record import Log, Outcome, Record
from tests.fakes.reply import Reply, error
from tests.fakes.request import Rejected, TokenRequest, read_request

PATH = "/oauth/token"

Accepts = Callable[[str, str], bool]
"""Whether client ID and client secret belong together."""


@dataclass(slots=True)
class _Armed:
    """A fault that waits for its requests."""

    fault: Fault
    client_id: str | None
    remaining: int | None


class TokenService:
    """Reads, checks, issues, spoils and records."""

    def __init__(
        self,
        issuer: Issuer,
        accepts: Accepts,
        *,
        audiences: tuple[str, ...] | None,
        scopes: tuple[str, ...] | None = None,
        unauthorized: str = "access_denied",
        skew: float = 0.0,
        keys: Mapping[str, KnownKey] | None = None,
        plain_basic: bool = False,
        federated: Accepts | None = None,
    ) -> None:
        """:param audiences: the known ones; None for a server that knows no audiences and accepts any.
        :param scopes: the known ones; None accepts any.
        :param unauthorized: the error code for a wrong client or secret: `access_denied` or `invalid_client`.
        :param skew: seconds that the server's clock is ahead.
        :param keys: of clients that authenticate with assertions, by client ID.
        :param plain_basic: HTTP Basic is taken as it is, without form-decoding.
        :param federated: instead of `keys`: whether client ID and an assertion from another issuer belong together.
        """
        self._federated = federated
        self.url = ""
        """The required audiences of assertions."""
        self._assertions = AssertionJudge({} if keys is None else keys)
        self._plain_basic = plain_basic
        self.issuer = issuer
        self.log: Log[Record] = Log()
        self._accepts = accepts
        self._audiences = audiences
        self._scopes = scopes
        self._unauthorized = unauthorized
        self._skew = skew
        self._armed: list[_Armed] = []
        self._lock = threading.Lock()

    def arm(self, fault: Fault, client_id: str | None, count: int | None) -> None:
        """Makes the next `count` requests, or all, of that client, or of all, meet the fault; the latest one wins."""
        with self._lock:
            self._armed.append(_Armed(fault, client_id, count))

    def disarm(self, client_id: str | None) -> None:
        """Removes the faults of that client, or all."""
        with self._lock:
            self._armed = [armed for armed in self._armed if client_id not in (None, armed.client_id)]

    def answer(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        query: str,
        body: bytes,
        now: float,
        *,
        peer: str = "",
    ) -> Reply:
        """The reply to a request received at `now`, which is recorded; `headers` with lower-case names.

        :param peer: the client's name in its certificate.
        """
        if path != PATH:
            self.log.add(Record(now, Outcome.REJECTED, 404))
            return error(404, "not_found")
        if method != "POST":
            self.log.add(Record(now, Outcome.REJECTED, 405))
            return error(405, "method_not_allowed", headers={"allow": "POST"})
        try:
            request = read_request(headers, query, body, peer=peer, plain_basic=self._plain_basic)
        except Rejected as rejected:
            return self._reject(rejected, now)
        fault = self._fault(request.grant.client_id)
        if fault is not None and fault.issue is None:
            reply = fault.change(Reply(200), Context(request, now + self._skew))
            self._note(now, Outcome.FAILED, reply.status, request.grant, fault)
            return reply
        try:
            self._check(request, peer, now + self._skew)
        except Rejected as rejected:
            return self._reject(rejected, now, request.grant)
        issue = Issuer.answer if fault is None or fault.issue is None else fault.issue
        issued = issue(self.issuer, request.grant, now)
        reply = _success(issued)
        if fault is not None:
            reply = fault.change(reply, Context(request, now + self._skew, issued))
        outcome = Outcome.MINTED if issued.minted else Outcome.REPEATED
        self._note(now, outcome, reply.status, request.grant, fault, issued)
        return reply

    def _fault(self, client_id: str) -> Fault | None:
        with self._lock:
            for armed in reversed(self._armed):
                if armed.client_id not in (None, client_id):
                    continue
                if armed.remaining is not None:
                    armed.remaining -= 1
                    if armed.remaining <= 0:
                        self._armed.remove(armed)
                return armed.fault
        return None

    def _is_client(self, request: TokenRequest, peer: str, now: float) -> bool:
        client_id = request.grant.client_id
        if request.client_assertion and self._federated is not None:
            return self._federated(client_id, request.client_assertion)
        if request.client_assertion:
            fault = self._assertions.fault(client_id, request.client_assertion, self.url, now)
            if fault:
                raise Rejected(401, "invalid_client", fault)
            return True
        if request.client_secret:
            return self._accepts(client_id, request.client_secret)
        return client_id == peer

    def _check(self, request: TokenRequest, peer: str, now: float) -> None:
        grant = request.grant
        if not self._is_client(request, peer, now):
            challenge = {"www-authenticate": 'Basic realm="token"'} if request.basic else {}
            raise Rejected(401, self._unauthorized, "Unauthorized", challenge)
        if self._audiences is not None and grant.audience not in self._audiences:
            raise Rejected(403, "access_denied", "Service not found, or not granted to this client")
        if self._scopes is not None and not set(grant.scopes) <= set(self._scopes):
            raise Rejected(400, "invalid_scope", "A scope is unknown")

    def _reject(self, rejected: Rejected, now: float, grant: Grant | None = None) -> Reply:
        grant = grant or Grant("")
        self.log.add(
            Record(
                now,
                Outcome.REJECTED,
                rejected.status,
                client_id=grant.client_id,
                audience=grant.audience,
                scopes=grant.scopes,
                error=rejected.error,
            )
        )
        return error(rejected.status, rejected.error, rejected.description, rejected.headers)

    def _note(
        self, now: float, outcome: Outcome, status: int, grant: Grant, fault: Fault | None, issued: Issued | None = None
    ) -> None:
        self.log.add(
            Record(
                now,
                outcome,
                status,
                client_id=grant.client_id,
                audience=grant.audience,
                scopes=grant.scopes,
                fault=fault.name if fault else "",
                serial=issued.token.serial if issued else None,
                expires_in=issued.expires_in if issued else None,
                expires=issued.token.expires if issued else None,
            )
        )


def _success(issued: Issued) -> Reply:
    return Reply(
        200,
        {
            "access_token": issued.token.value,
            "scope": " ".join(issued.token.scopes),
            "expires_in": issued.expires_in,
            "token_type": "Bearer",
        },
    )
