"""A story's token endpoint: the fake one, with its faults over time."""

from collections.abc import Mapping
from typing import Final

from tests.fakes import fault
from tests.fakes.fault import Fault
from tests.fakes.issuer import Grant, Issuer, Minted
from tests.fakes.record import Log, Outcome, Record
from tests.fakes.reply import Reply
from tests.fakes.request import read_request
from tests.fakes.service import PATH, TokenService
from tests.simulation.chronicle import Asked, Chronicle, Pause
from tests.simulation.story import MAX_PAUSE, PAUSING, Kind, Story, Trouble
from tests.unit.virtual import EPOCH

SECRET: Final = "s3cr3t-of-the-shop-integration"


class _Last(Log[Record]):
    """Keeps only the latest entry: a year has many."""

    def add(self, entry: Record) -> None:
        """Records an entry."""
        self.last = entry


class Endpoint:
    """Answers requests, and records them."""

    def __init__(self, host: str, story: Story, chronicle: Chronicle) -> None:
        """`host` distinguishes it from others in the same story."""
        self.host = host
        self.issuer = Issuer(story.policy)
        self._story = story
        self._chronicle = chronicle
        self._service = TokenService(self.issuer, lambda _, secret: secret == SECRET, audiences=None)
        self._service.log = self._log = _Last()
        if story.dialect is not None:
            self._service.arm(story.dialect, None, None)
        if story.warmed is not None:
            for member in story.members:
                grant = Grant(member.client, member.audience, member.scopes)
                self.issuer.answer(grant, EPOCH - story.warmed)

    def trouble(self, now: float, client: str = "") -> Trouble | None:
        """What is wrong at that time, for that client."""
        for each in self._story.troubles:
            if each.start <= now < each.end and each.host in {"", self.host} and each.client in {"", client}:
                return each
        return None

    def ask(self, headers: Mapping[str, str], body: bytes, now: float, process: int) -> Reply | None:
        """The response to a request; None if there is none. `process` is recorded with it."""
        grant = read_request(headers, "", body).grant
        trouble = self.trouble(now, grant.client_id)
        if trouble is not None:
            self._chronicle.asked.append(Asked(now, self.host, grant, 0, trouble.kind, process=process))
            armed = _fault(trouble)
            if armed is None:
                return None
            self._service.arm(armed, None, 1)
            if trouble.kind in PAUSING:
                self._chronicle.pauses.append(
                    Pause(now, now + min(trouble.pause, MAX_PAUSE), process, self.host, grant)
                )
            reply = self._service.answer("POST", PATH, headers, "", body, EPOCH + now)
            if (serial := self._log.last.serial) is not None:
                self._chronicle.seen[self.host, serial] = now
            return reply
        reply = self._service.answer("POST", PATH, headers, "", body, EPOCH + now)
        last = self._log.last
        if last.serial is not None:
            self._chronicle.seen.setdefault((self.host, last.serial), now)
        rejected = last.outcome is Outcome.REJECTED
        self._chronicle.asked.append(Asked(now, self.host, grant, last.serial or 0, rejected=rejected, process=process))
        return reply

    def find(self, value: str) -> Minted | None:
        """The token with that value, if it was minted here."""
        return self.issuer.find(value)


def _fault(trouble: Trouble) -> Fault | None:
    match trouble.kind:
        case Kind.ERROR:
            return fault.status(500)
        case Kind.GARBAGE:
            return fault.HTML
        case Kind.SHORT:
            return fault.SHORTER_LIVED
        case Kind.REFUSED:
            return fault.status(401, "access_denied")
        case Kind.LIMITED:
            return fault.retry_after(trouble.pause)
        case Kind.LIMITED_DATE:
            return fault.retry_after_date(trouble.pause)
        case Kind.LIMITED_RESET:
            return fault.rate_limit_reset(trouble.pause)
        case _:
            return None
