"""The errors that the operator itself raises.

    OperatorError
    ├── SettingsError          a flag, an environment variable or a file of the command line is not valid
    ├── Failure                why a resource's token cannot be issued or renewed: becomes its condition
    │   ├── UserActionRequired        only a change by a person helps
    │   │   └── EndpointUnusable      a change of the endpoint that the resource references
    │   └── Transient            asking again later may help
    │       └── TargetLost            and the Secret to be replaced no longer exists
    └── ClusterError           the Kubernetes API did not do what was asked
        ├── Conflict           409: the object was changed by someone else; observe again
        ├── Denied             4xx: RBAC, admission, quota, validation
        └── Unavailable        no response, 429 or 5xx
            ├── Fenced         not tried: another process may lead by now
            └── Unauthorized   401: the operator's own token has expired, or is wrong

Messages are written for users and appear in conditions, events and logs. None contains a token or a client secret: text
from outside goes through :mod:`integration_token.telemetry.redaction` first, and exceptions of libraries are never
chained, since their text and attributes contain headers and bodies.
"""

from typing import Self


class OperatorError(Exception):
    """The root; never raised itself."""


class SettingsError(OperatorError):
    """A setting is not valid; the message is the one line that the command prints before it exits with 2."""


class Failure(OperatorError):
    """Why a resource's token cannot be issued or renewed, for its conditions."""

    def __init__(self, reason: str, message: str) -> None:
        """`reason` is one of :class:`~integration_token.api.condition.Reason`; `message` says what to do."""
        super().__init__(message)
        self.reason = reason
        self.what = message
        """What failed, and what to do."""
        self.next_attempt = ""
        """When the next attempt is, once that is known."""
        self.sent = False
        """Whether a token request may have reached the endpoint."""

    @property
    def message(self) -> str:
        """The complete message."""
        return f"{self.what}; {self.next_attempt}" if self.next_attempt else self.what

    def without_traceback(self) -> Self:
        """Itself, for keeping: without the frames that it passed through, which hold what was being processed,
        including secrets."""
        self.__traceback__ = self.__context__ = self.__cause__ = None
        return self

    def same_kind(self, other: "Failure | None") -> bool:
        """Whether both resolve by themselves, or neither does: consecutive failures of one kind are counted."""
        return other is not None and isinstance(self, Transient) == isinstance(other, Transient)


class UserActionRequired(Failure):
    """Asking again gives the same result until the spec, a Secret or the client at the endpoint is changed."""


class EndpointUnusable(UserActionRequired):
    """The spec of the endpoint that a resource references is invalid: only a change there helps."""


class Transient(Failure):
    """A failure that may be over at the next attempt."""

    def __init__(self, reason: str, message: str, *, pause: float | None = None) -> None:
        """`pause` is how many seconds the endpoint asked everyone to stay away, if it did."""
        super().__init__(reason, message)
        self.pause = pause


class TargetLost(Transient):
    """A target Secret was deleted to be replaced, but the new one could not be created."""


class ClusterError(OperatorError):
    """The Kubernetes API did not do what was asked."""


class Conflict(ClusterError):
    """Someone else has changed, created or deleted the object since it was read."""


class Denied(ClusterError):
    """The API server refused the request, and would refuse it again."""

    def __init__(self, message: str, *, status: int) -> None:
        """`status` is the HTTP status, 400 to 499."""
        super().__init__(message)
        self.status = status


class Unavailable(ClusterError):
    """The API server could not be reached, or could not respond now."""


class Fenced(Unavailable):
    """Not tried, since another process may lead by now."""


class Unauthorized(Unavailable):
    """The operator's own token is refused; calls work again once its file contains a valid one."""
