"""What a fault is: a way to spoil the good answer, or to give none."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.fakes.issuer import Grant, Issued, Issuer
from tests.fakes.reply import Reply
from tests.fakes.request import TokenRequest


@dataclass(frozen=True, slots=True)
class Context:
    """The request that a fault spoils the answer of."""

    request: TokenRequest
    now: float
    """The server's own clock, which may be skewed."""
    issued: Issued | None = None
    """What it is answered with, where a token was looked up."""


Change = Callable[[Reply, Context], Reply]
Issue = Callable[[Issuer, Grant, float], Issued]


@dataclass(frozen=True, slots=True)
class Fault:
    """A way to spoil the answers of the endpoint."""

    name: str
    change: Change = lambda reply, _: reply
    """From the good answer to the bad one."""
    issue: Issue | None = Issuer.answer
    """Which token is looked up for it; None where the answer has none and credentials don't matter."""


def says(name: str, answer: Callable[[Context], Reply]) -> Fault:
    """Answers without asking the issuer."""
    return Fault(name, lambda _, context: answer(context), issue=None)
