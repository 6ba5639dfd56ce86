"""The token endpoint in a separate process, for a bench that must not share its interpreter with what it measures.

Parent and child exchange lines of JSON: the first line is the configuration, and the response to it has the URL; then
each line is a request. The child ends with its input, even if the parent was killed.
"""

import hashlib
import json
import subprocess
import sys
from dataclasses import asdict, dataclass, replace
from functools import partial
from math import inf
from types import TracebackType
from typing import IO, Any, Self

from tests.fakes import fault
from tests.fakes.issuer import Grant, Policy
from tests.fakes.record import Outcome, Record
from tests.fakes.token_endpoint import AUDIENCE, TokenEndpoint


@dataclass(frozen=True, slots=True)
class Configuration:
    """The child's configuration. Its clients are those whose ID begins with the prefix."""

    prefix: str = "bench-"
    lifetime: float = 86400.0
    lead: float = 3600.0
    jwt: bool = False
    delay: float = 0.0
    """Seconds that each response takes."""
    first_expiry: float = 0.0
    """Wall time from which on the clients' first tokens expire, in their own order, whenever they were issued.

    Each client's next request returns another token. 0: these tokens, too, live as long as all.
    """
    spread: float = 0.0
    """Seconds over which those first tokens' expiries are spread."""


def derived_secret(client_id: str) -> str:
    """The secret that the child accepts from that client: no list of 10,000 has to be passed."""
    return hashlib.sha256(f"a secret for {client_id}".encode()).hexdigest()


class EndpointProcess:
    """A context manager: inside, the endpoint serves at `url`."""

    audience = AUDIENCE
    url: str
    pid: int

    def __init__(self, configuration: Configuration | None = None) -> None:
        """Starts nothing yet."""
        self._configuration = configuration or Configuration()

    def __enter__(self) -> Self:
        """Starts the child."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.fakes"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.pid = self._process.pid
        try:
            self.url = self._ask(asdict(self._configuration))["url"]
        except BaseException:
            self._process.communicate()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Ends the child."""
        self._process.communicate()

    @property
    def log(self) -> tuple[Record, ...]:
        """Every request so far, fetched now."""
        return tuple(
            Record(**{**fields, "outcome": Outcome(fields["outcome"]), "scopes": tuple(fields["scopes"])})
            for fields in self._ask({"ask": "log"})["log"]
        )

    def count(self) -> int:
        """The number of requests so far: cheaper than the log."""
        return int(self._ask({"ask": "count"})["count"])

    def roll_over(self) -> None:
        """Makes the next request of each client mint a new token, whatever the time."""
        self._ask({"ask": "roll_over"})

    def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the token endpoint's process has ended")
        answer: dict[str, Any] = json.loads(line)
        return answer


def _expiring_together(configuration: Configuration, usual: Policy, grant: Grant) -> Policy:
    """The usual policy, except for the expiry of the client's first token, which depends on a hash of its name."""
    share = int.from_bytes(hashlib.sha256(grant.client_id.encode()).digest()[:4]) / 2**32
    expiry = configuration.first_expiry + share * configuration.spread
    return replace(
        usual,
        # Whole seconds, as in responses.
        lifetimes=lambda number, issued: float(int(expiry - issued)) if number == 1 else usual.lifetime,
        leads=lambda number: inf if number == 1 else usual.lead,
    )


def serve(questions: IO[str], answers: IO[str]) -> None:
    """The child's side."""
    configuration = Configuration(**json.loads(questions.readline()))
    usual = Policy(configuration.lifetime, configuration.lead, jwt=configuration.jwt)
    policy = partial(_expiring_together, configuration, usual) if configuration.first_expiry else usual

    def accepts(client_id: str, secret: str) -> bool:
        return client_id.startswith(configuration.prefix) and secret == derived_secret(client_id)

    with TokenEndpoint(policy=policy, accepts=accepts) as endpoint:
        if configuration.delay:
            endpoint.fault(fault.slow(configuration.delay))
        answer: dict[str, Any] = {"url": endpoint.url}
        while True:
            print(json.dumps(answer), file=answers, flush=True)
            line = questions.readline()
            if not line:
                return
            match json.loads(line)["ask"]:
                case "log":
                    answer = {"log": [asdict(record) for record in endpoint.log]}
                case "count":
                    answer = {"count": len(endpoint.log)}
                case "roll_over":
                    endpoint.roll_over()
                    answer = {}
                case other:
                    answer = {"error": f"unknown question {other!r}"}
