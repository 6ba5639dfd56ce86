"""A restart while all stored tokens are valid requests and writes nothing."""

from tests.bench.audit import AuditTail
from tests.bench.row import Row
from tests.bench.stage import Operator
from tests.cluster.progress import say
from tests.fakes.process import EndpointProcess


def measure(operator: Operator, tail: AuditTail, endpoint: EndpointProcess, requests: int) -> list[Row]:
    """:param operator: has just been restarted.
    :param tail: since before its start.
    :param requests: the number of the endpoint's requests until then.
    """
    say("a restart with good tokens, watched until the operator has nothing more to do: about 10 s")
    operator.await_ready()
    tail.await_quiet(operator.check)
    writes = sum(write.counted for write in tail.writes)
    return [
        Row("API writes for a restart with good tokens", (writes,), 0),
        Row("token requests for a restart with good tokens", (endpoint.count() - requests,), 0),
    ]
