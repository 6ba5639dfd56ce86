"""Error responses: deserved or not, polite or not."""

import base64
from collections.abc import Callable
from email.utils import formatdate
from typing import Final
from urllib.parse import quote

from tests.fakes.fault.kind import Context, Fault, says
from tests.fakes.reply import Reply, error


def status(code: int, error_code: str = "", headers: dict[str, str] | None = None) -> Fault:
    """That status, with a JSON error or, without a code, a page of HTML."""
    if error_code:
        return says(f"{code} {error_code}", lambda _: error(code, error_code, headers=headers))
    return Fault(
        str(code),
        lambda _, __: Reply(
            code, headers=headers or {}, body=b"<h1>Something went wrong</h1>", content_type="text/html"
        ),
        issue=None,
    )


def busy(seconds: int) -> Fault:
    """503 with Retry-After."""
    return says(
        "503 Retry-After", lambda _: error(503, "temporarily_unavailable", headers={"retry-after": str(seconds)})
    )


def redirect(code: int, url: str) -> Fault:
    """Redirects the client elsewhere, with the secret if it follows a 307."""
    return says(f"redirect {code}", lambda _: Reply(code, headers={"location": url}, body=b""))


def _limited(name: str, headers: Callable[[Context], dict[str, str]]) -> Fault:
    return says(name, lambda context: error(429, "too_many_requests", "Global limit", headers(context)))


def retry_after(seconds: int) -> Fault:
    """429 with Retry-After in seconds."""
    return _limited("429 Retry-After seconds", lambda _: {"retry-after": str(seconds)})


def retry_after_date(seconds: int) -> Fault:
    """429 with Retry-After as an HTTP date this many seconds ahead, by the server's clock."""
    return _limited(
        "429 Retry-After date", lambda context: {"retry-after": formatdate(context.now + seconds, usegmt=True)}
    )


def rate_limit_reset(seconds: int) -> Fault:
    """429 in Auth0's way: `x-ratelimit-reset`, in UNIX time by the server's clock."""
    return _limited(
        "429 x-ratelimit-reset",
        lambda context: {
            "x-ratelimit-limit": "10",
            "x-ratelimit-remaining": "0",
            "x-ratelimit-reset": str(int(context.now + seconds)),
        },
    )


RETRY_AFTER_GARBAGE: Final = _limited("429 Retry-After garbage", lambda _: {"retry-after": "later, maybe"})
RETRY_AFTER_NEGATIVE: Final = _limited("429 Retry-After negative", lambda _: {"retry-after": "-5"})


def _echo(form: str, encode: Callable[[str], str]) -> Fault:
    """401 with the client secret in its description."""
    return says(
        f"401 echo {form}",
        lambda context: error(
            401, "invalid_client", f"no client has {encode(context.request.client_secret)} as secret"
        ),
    )


def _pieces(secret: str) -> str:
    third = max(1, len(secret) // 3)
    return " ".join(secret[start : start + third] for start in range(0, len(secret), third))


ECHOES: Final = (
    _echo("plain", str),
    _echo("base64", lambda secret: base64.b64encode(secret.encode()).decode()),
    _echo("Basic header", lambda secret: base64.b64encode(f"client:{secret}".encode()).decode()),
    _echo("URL-encoded", lambda secret: quote(secret, safe="")),
    _echo("hex", lambda secret: secret.encode().hex()),
    _echo("pieces", _pieces),
    says("401 echo error code", lambda context: error(401, context.request.client_secret)),
    says(
        "401 echo HTML",
        lambda context: Reply(401, body=f"<p>{context.request.client_secret}</p>".encode(), content_type="text/html"),
    ),
    says(
        "401 echo header",
        lambda context: error(
            401, "invalid_client", headers={"www-authenticate": f'Basic realm="{quote(context.request.client_secret)}"'}
        ),
    ),
)
