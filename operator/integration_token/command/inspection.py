"""`inspect`: the contents of a target Secret, without the token."""

from typing import Any

from integration_token.api import names
from integration_token.command.caller import Caller, Missing
from integration_token.command.output import ExitCode, document, harmless
from integration_token.command.token import held

_TOLD = (
    names.ISSUE_TIME_ANNOTATION,
    names.LIFETIME_ANNOTATION,
    names.SCOPE_ANNOTATION,
    names.SCOPE_INCOMPLETE_ANNOTATION,
    names.ASSUMED_ANNOTATION,
)


async def run(caller: Caller, name: str, *, as_json: bool) -> tuple[str, ExitCode]:
    """The output, and whether there is a token."""
    body = await caller.token(name)
    spec, status = body.get("spec") or {}, body.get("status") or {}
    target = str(status.get("targetName") or (spec.get("target") or {}).get("name") or name)
    secret = await caller.target(target)
    metadata = secret["metadata"]
    if (metadata.get("labels") or {}).get(names.TARGET_LABEL) != name:
        # This command must not show any other Secret.
        raise Missing(f"Secret {caller.namespace}/{target} is not the target of IntegrationToken {name}")
    kind, found, expires = held(secret.get("data") or {})
    annotations = metadata.get("annotations") or {}
    answer: dict[str, Any] = {
        "secret": target,
        "token": kind,
        "expiresAt": expires,
        "claims": found,
        "annotations": {key: harmless(annotations[key]) for key in _TOLD if key in annotations},
    }
    code = ExitCode.NOT_GOOD if kind == "none" else ExitCode.GOOD
    if as_json:
        return document(answer), code
    lines = [f"Secret:      {caller.namespace}/{target}", f"Token:       {_KINDS[kind]}", f"Expires at:  {expires}"]
    lines += [f"  {claim + ':':<10} {_text(value)}" for claim, value in (found or {}).items()]
    lines += [f"{key.partition('/')[2] + ':':<18} {value}" for key, value in answer["annotations"].items()]
    return "\n".join(lines), code


_KINDS = {
    "none": "none",
    "opaque": "opaque: only the endpoint and the API can interpret it",
    "JWT": "a JWT, its claims not verified",
}


def _text(value: object) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)
