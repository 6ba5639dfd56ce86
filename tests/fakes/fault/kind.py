"""What a fault is: a way to spoil the good response, or to send none."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.fakes.issuer import Grant, Issued, Issuer
from tests.fakes.reply import Reply
from tests.fakes.request import TokenRequest


@dataclass(frozen=True, slots=True)
class Context:
    """The request whose response a fault spoils."""

    request: TokenRequest
    now: float
    """The server's own clock, which may be skewed."""
    issued: Issued | None = None
    """The good response, if a token was looked up."""


Change = Callable[[Reply, Context], Reply]
Issue = Callable[[Issuer, Grant, float], Issued]


@dataclass(frozen=True, slots=True)
class Fault:
    """A way to spoil the endpoint's responses."""

    name: str
    change: Change = lambda reply, _: reply
    """From the good response to the bad one."""
    issue: Issue | None = Issuer.answer
    """Which token is looked up for it; None if the response has none and credentials don't matter."""


def says(name: str, answer: Callable[[Context], Reply]) -> Fault:
    """Responds without asking the issuer."""
    return Fault(name, lambda _, context: answer(context), issue=None)
