"""Gives a resource the token that another resource of its grant has got, after the same checks as an answer."""

from dataclasses import replace

from integration_token.api.token import StoredToken
from integration_token.delivery import Deliverer
from integration_token.grant import Grants
from integration_token.look import Look
from integration_token.metrics import Metrics
from integration_token.report import Reporter
from integration_token.scheduler import Key


class Sharer:
    """Copies tokens from target Secret to target Secret."""

    def __init__(self, grants: Grants, deliverer: Deliverer, reporter: Reporter, metrics: Metrics) -> None:
        self._grants = grants
        self._deliverer = deliverer
        self._reporter = reporter
        self._metrics = metrics

    def keep(self, key: Key, look: Look) -> bool:
        """Keeps the token where only what is no part of the request has changed, such as a label of the credentials
        Secret, and says whether it did."""
        stored, grant = look.stored, look.entry.grant
        if stored is None or look.entry.expires <= look.wall:
            return False
        if key not in grant.holders or not self._grants.is_newest(grant, stored.token):
            return False
        self._adopt(look, stored)
        return True

    async def copy(self, key: Key, look: Look) -> bool:
        """Takes the token of another resource of the grant where that is better, and says whether it was."""
        grant, endpoint, identity = look.entry.grant, look.endpoint, look.identity
        assert endpoint is not None and identity is not None  # noqa: S101, PT018  # the grant was made of them
        while (offer := grant.offer(key)) is not None and offer.expires + look.set_back > look.wall + look.left:
            holder = next(other for other in grant.holders if other != key)
            held = await self._deliverer.held(holder.namespace, grant.holders[holder])
            token = self._grants.recognised(grant, held)
            if token is None:
                grant.holders.pop(holder, None)
                continue
            stored = look.stored
            if stored is None or stored.token.access_token != held:
                look.copied, look.entry.failed_inputs = True, None
                look.take(StoredToken(token, identity))
            elif token.assumed:
                # An answer has shown that it still lives.
                self._adopt(look, replace(stored, token=token))
            elif stored.identity != identity:
                if stored.identity.credentials != identity.credentials:
                    self._reporter.tell_unverified(look)
                self._adopt(look, stored)
            else:
                return False  # the one that is held, whose expiry never grows
            self._metrics.saved(endpoint.ref)
            return True
        return False

    def _adopt(self, look: Look, stored: StoredToken) -> None:
        """The token that is held is the grant's as it is now."""
        assert look.identity is not None  # noqa: S101  # as above
        look.copied, look.entry.failed_inputs = True, None
        look.stored = replace(stored, identity=look.identity)
        look.plan()
