"""What caches in front of a token endpoint do to the token."""

from collections.abc import Callable
from dataclasses import replace
from email.utils import formatdate
from typing import Any, Final

from tests.fakes.fault.kind import Context, Fault, Issue
from tests.fakes.issuer import Grant, Issued, Issuer, Policy
from tests.fakes.reply import Reply


def _with(**changes: Any) -> Issue:
    """The usual cache with another policy."""
    return lambda issuer, grant, now: issuer.answer(grant, now, replace(issuer.policy(grant), **changes))


def _aside(spoil: Callable[[Policy], Policy]) -> Issue:
    """An uncached token: once the fault is over, the cached one is returned again."""

    def issue(issuer: Issuer, grant: Grant, now: float) -> Issued:
        token = issuer.mint(grant, now, spoil(issuer.policy(grant)))
        return Issued(token, int(token.expires - now), minted=True)

    return issue


def _fewer(issuer: Issuer, grant: Grant, now: float) -> Issued:
    """The cache rolls over, once, to a token that has lost all scopes but the first."""
    policy = issuer.policy(grant)
    policy = replace(policy, granted=(grant.scopes or policy.default_scopes)[:1])
    issued = issuer.answer(grant, now, policy)
    if issued.token.scopes != policy.granted:
        issued = issuer.answer(grant, now, replace(policy, cached=False))
    return issued


def _expired_jwt(issuer: Issuer, grant: Grant, now: float) -> Issued:
    """A JWT whose `exp` has passed, with an `expires_in` that says otherwise."""
    policy = issuer.policy(grant)
    token = issuer.mint(grant, now, replace(policy, jwt=True, lifetime=-60.0))
    return Issued(token, int(policy.lifetime), minted=True)


def _replay(reply: Reply, context: Context) -> Reply:
    """The first response again, with its age."""
    age = 0 if context.issued is None else int(context.now - context.issued.token.issued)
    headers = {"date": formatdate(context.now - age, usegmt=True), "age": str(age)}
    return replace(reply, headers={**reply.headers, **headers})


def dated(skew: float) -> Fault:
    """A Date this many seconds ahead."""
    return Fault(
        f"Date {skew:+.0f} s",
        lambda reply, context: replace(
            reply, headers={**reply.headers, "date": formatdate(context.now + skew, usegmt=True)}
        ),
    )


REPLAYED: Final = Fault("replayed", _replay, issue=_with(frozen=True))
"""An HTTP cache that returns a stored response: unchanged Date and `expires_in`, with Age."""
FROZEN: Final = Fault("frozen", issue=_with(frozen=True))
ALTERNATING: Final = Fault("alternating", issue=_with(alternating=True))
UNCACHED: Final = Fault("uncached", issue=_with(cached=False))
EXPIRED: Final = Fault("expired on arrival", issue=_aside(lambda policy: replace(policy, lifetime=-60.0)))
EXPIRED_JWT: Final = Fault("expired JWT", issue=_expired_jwt)
SHORTER_LIVED: Final = Fault(
    "shorter-lived", issue=_aside(lambda policy: replace(policy, lifetime=policy.lifetime / 10))
)
FEWER_SCOPES: Final = Fault("fewer scopes", issue=_fewer)
