"""What renewals and polls cost the API server, with tokens that live for seconds."""

import time
from typing import Final

from tests.bench.audit import AuditTail
from tests.bench.count import Counts, count
from tests.bench.manifest import credentials, names, token
from tests.bench.row import BenchError
from tests.bench.stage import Operator, Stage
from tests.cluster.progress import say
from tests.fakes.process import Configuration, EndpointProcess
from tests.fakes.record import Record

RESOURCES: Final = 20

LIFETIME: Final = 20.0
LEAD: Final = 7.0
"""Seconds. The window, half of the lifetime, opens before the rollover.

One poll returns the current token, and the next one, halfway to expiry, a new one.
"""

RENEWALS: Final = 2
"""Lifetimes per resource, enough to show what is kept from one to the next."""
LONGEST: Final = 2 * (RENEWALS + 1) * LIFETIME


def run(stage: Stage, operator: Operator) -> EndpointProcess:
    """Keeps some short-lived tokens until each was polled without success and renewed."""
    say(f"{RENEWALS} renewals each of {RESOURCES} tokens that live {LIFETIME:.0f} s: about 35 s")
    endpoint = stage.endpoint("renewal", Configuration(lifetime=LIFETIME, lead=LEAD))
    wanted = names("renewal", RESOURCES)
    stage.api.create_all(credentials(name) for name in wanted)
    stage.api.create_all(token(name, "renewal", renewBefore=f"{LIFETIME / 2:.0f}s") for name in wanted)
    deadline = time.monotonic() + LONGEST
    while not enough(endpoint.log):
        if time.monotonic() > deadline:
            raise BenchError(f"not enough polls and renewals; the operator's log:\n{operator.tail()}")
        operator.check()
        time.sleep(1)
    return endpoint


def enough(records: tuple[Record, ...]) -> bool:
    """Whether every resource has been polled without success and renewed."""
    for name in names("renewal", RESOURCES):
        own = [record for record in records if record.client_id == name]
        minted = sum(record.minted for record in own)
        if minted <= RENEWALS or len(own) == minted:
            return False
    return True


def counts(endpoint: EndpointProcess, tail: AuditTail) -> Counts:
    """The counts, once the operator has ended and no more writes can follow."""
    tail.read()
    return count(endpoint.log, tail.writes)
