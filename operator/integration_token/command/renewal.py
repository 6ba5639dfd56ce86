"""`renew`: makes the operator ask the endpoint once, and reports the result."""

import asyncio
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from integration_token.api.condition import ConditionType, condition_of
from integration_token.api.integration import shortened
from integration_token.api.names import RENEW_ANNOTATION
from integration_token.clock import Clock
from integration_token.command.caller import Caller, Missing, advice
from integration_token.command.output import ExitCode, document, harmless
from integration_token.command.resource import told
from integration_token.errors import ClusterError, Unavailable

_INTERVAL = 0.5
"""Seconds between two checks."""


async def run(
    caller: Caller,
    names: list[str],
    clock: Clock,
    *,
    seconds: float,
    as_json: bool,
    progress: Callable[[str], None],
) -> tuple[str, ExitCode]:
    """The output, and whether each was renewed or is as new as it can be.

    :param seconds: to wait for each; 0 to not wait.
    :param progress: called with what is being waited for.
    """
    results = [await _tried(caller, name, clock, seconds, progress) for name in names]
    code = ExitCode.GOOD if all(result["ok"] for result in results) else ExitCode.NOT_GOOD
    if any(result["result"] == "failed" for result in results):
        code = ExitCode.NO_CLUSTER
    if as_json:
        return document(results), code
    return "\n".join(f"{result['name']}: {result['message']}" for result in results), code


async def _tried(
    caller: Caller, name: str, clock: Clock, seconds: float, progress: Callable[[str], None]
) -> dict[str, Any]:
    """The result of one, also if it failed, so that the others are still reported."""
    try:
        return await _renew(caller, name, clock, seconds, progress)
    except Missing as error:
        return _result(name, "missing", str(error))
    except ClusterError as error:
        return _result(name, "failed", advice(error))


async def _renew(
    caller: Caller, name: str, clock: Clock, seconds: float, progress: Callable[[str], None]
) -> dict[str, Any]:
    before = await caller.token(name)
    if (before.get("spec") or {}).get("suspend") is True:
        return _result(name, "suspended", "it is suspended, so no token is requested; set spec.suspend to false first")
    value = f"{int(clock.now().wall)}-{secrets.token_hex(4)}"
    await caller.ask_for_renewal(name, value)
    if not seconds:
        return _result(name, "requested", "renewal requested", ok=True)
    progress(f"waiting for the operator to ask the endpoint for {name}, at most {seconds:.0f} s")
    end = clock.now().boot + seconds
    why = ""
    while clock.now().boot < end:
        try:
            after = await caller.token(name)
        except Unavailable as error:
            why = str(error)  # the request is stored, and may be answered when the API server is back
        else:
            status = after.get("status") or {}
            # Another request may have replaced ours since, and is handled instead.
            asked = shortened(str((after["metadata"].get("annotations") or {}).get(RENEW_ANNOTATION, value)))
            if status.get("lastHandledRenewRequest") in {value, asked}:
                return _outcome(name, before.get("status") or {}, status, clock.now().wall)
            refreshed = condition_of(status, ConditionType.REFRESHED)
            why = harmless(refreshed.get("message", "")) if refreshed.get("status") == "False" else ""
        await asyncio.sleep(_INTERVAL)
    return _result(
        name, "timeout", f"no answer within {seconds:.0f} s; {why or 'check that an operator is running here'}"
    )


def _outcome(name: str, before: Mapping[str, Any], after: Mapping[str, Any], now: float) -> dict[str, Any]:
    refreshed = condition_of(after, ConditionType.REFRESHED)
    expires = told(after.get("expirationTime"), now)
    if refreshed.get("status") == "False":
        return _result(name, harmless(refreshed.get("reason", "")), harmless(refreshed.get("message", "")))
    if after.get("issueTime") != before.get("issueTime"):
        return _result(name, "renewed", f"received a new token, which expires {expires}", ok=True)
    expected = told(after.get("renewalTime"), now)
    message = f"the endpoint still returns the same token, which expires {expires}; a new one is expected {expected}"
    return _result(name, "unchanged", message, ok=True)


def _result(name: str, result: str, message: str, *, ok: bool = False) -> dict[str, Any]:
    return {"name": name, "ok": ok, "result": result, "message": message}
