"""The errors that the operator itself raises.

    OperatorError
    ├── SettingsError          a flag, an environment variable or a file of the command line
    ├── Failure                why a resource's token is not to be had or not renewed: becomes its condition
    │   ├── UserActionRequired        only a change by a person helps
    │   │   └── EndpointUnusable      a change of the endpoint that the resource refers to
    │   └── Transient            asking again later may help
    │       └── TargetLost            and the Secret that was to be replaced is gone
    └── ClusterError           the Kubernetes API did not do what was asked
        ├── Conflict           409: somebody else was first; observe again
        ├── Denied             4xx: RBAC, admission, quota, validation
        └── Unavailable        no answer, 429 or 5xx
            ├── Fenced         not tried: another process may lead by now
            └── Unauthorized   401: the operator's own token has expired, or is wrong

Messages are written for users and stand in conditions, events and logs. None holds a token or a client secret:
what comes from outside goes through :mod:`integration_token.telemetry.redaction` first, and the exceptions of the
libraries below are never chained, since their text and attributes hold headers and bodies.
"""

from typing import Self


class OperatorError(Exception):
    """The root; never raised itself."""


class SettingsError(OperatorError):
    """A setting cannot be used; the message is the one line that the command prints before it exits with 2."""


class Failure(OperatorError):
    """Why a resource's token is not to be had or not renewed, in the terms of its conditions."""

    def __init__(self, reason: str, message: str) -> None:
        """`reason` is one of :class:`~integration_token.api.condition.Reason`; `message` says what to do."""
        super().__init__(message)
        self.reason = reason
        self.what = message
        """What failed, and what to do."""
        self.next_attempt = ""
        """When it is tried again, once that is known."""
        self.sent = False
        """A token request may have reached the endpoint."""

    @property
    def message(self) -> str:
        """All that is told of it."""
        return f"{self.what}; {self.next_attempt}" if self.next_attempt else self.what

    def without_traceback(self) -> Self:
        """Itself, to be kept: without the frames that it came through, which hold what was worked on, secrets among
        it."""
        self.__traceback__ = self.__context__ = self.__cause__ = None
        return self

    def same_kind(self, other: "Failure | None") -> bool:
        """Whether both pass by themselves, or neither does: such failures in a row are counted."""
        return other is not None and isinstance(self, Transient) == isinstance(other, Transient)


class UserActionRequired(Failure):
    """Asking again answers the same until the spec, a Secret or the integration is changed."""


class EndpointUnusable(UserActionRequired):
    """The spec of the endpoint that a resource refers to is at fault: only a change there helps."""


class Transient(Failure):
    """A fault that may be over when asked again."""

    def __init__(self, reason: str, message: str, *, pause: float | None = None) -> None:
        """`pause` is how many seconds the endpoint asked everybody to stay away, if it did."""
        super().__init__(reason, message)
        self.pause = pause


class TargetLost(Transient):
    """A target Secret was deleted to be replaced, and the new one could not be created."""


class ClusterError(OperatorError):
    """The Kubernetes API did not do what was asked."""


class Conflict(ClusterError):
    """The object was changed, created or deleted by somebody else since it was read."""


class Denied(ClusterError):
    """The API server refused the request, and would again."""

    def __init__(self, message: str, *, status: int) -> None:
        """`status` is the HTTP status, 400 to 499."""
        super().__init__(message)
        self.status = status


class Unavailable(ClusterError):
    """The API server could not be reached, or could not answer now."""


class Fenced(Unavailable):
    """Not even tried, since another process may lead by now."""


class Unauthorized(Unavailable):
    """The operator's own token is refused; it works again as soon as there is a good one in its file."""
