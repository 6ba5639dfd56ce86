"""What takes a minute, and was begun by other tests before."""

from tests.apiserver.ledger import Ledger
from tests.apiserver.operator import Operator
from tests.apiserver.stage import Token
from tests.apiserver.test_budget import most_in_a_minute
from tests.fakes.record import Record

MINUTE = 70.0


def test_who_waited_for_the_rate_limit_gets_a_token(crowd: list[Token]) -> None:
    """After a minute the others come, and never more than 5 requests in any 60 s were sent."""
    for token in crowd:
        token.until_ready(MINUTE)

    assert len(crowd) == 8
    assert [len(token.requests()) for token in crowd] == [1] * 8
    assert most_in_a_minute(record for token in crowd for record in token.requests()) == 5
    assert all(token.events() == ["Issued"] for token in crowd), "waiting is no event"


def test_grant_is_asked_for_12_times_a_minute_at_most(restless: Token, operator: Operator) -> None:
    """A token of 4 s would need 15 requests a minute and more: the limit wins, and an event says so."""

    def since_start() -> list[Record]:
        return [record for record in restless.requests() if record.received > operator.started]

    restless.until(lambda: len(since_start()) >= 13, "more requests than a minute has room for", MINUTE)
    assert most_in_a_minute(since_start()) == 12
    assert restless.until_event("TooManyRequests")


def test_no_grant_of_this_session_was_asked_for_more_often(ledger: Ledger, restless: Token) -> None:
    """In no test was a client's endpoint asked for its token more than 12 times in any 60 s, errors included."""
    counts = {}
    for endpoint in ledger.endpoints:
        # The restless one forgot its count at each restart.
        for client_id in {record.client_id for record in endpoint.log} - {restless.client_id}:
            counts[client_id] = most_in_a_minute(r for r in endpoint.log if r.client_id == client_id)

    assert {client_id: count for client_id, count in counts.items() if count > 12} == {}
