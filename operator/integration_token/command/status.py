"""`status`: all tokens, those that need attention first."""

from integration_token.command.caller import Caller
from integration_token.command.output import ExitCode, document, table
from integration_token.command.resource import HEAD, cells, is_good, summary, urgency


async def run(caller: Caller, now: float, *, as_json: bool) -> tuple[str, ExitCode]:
    """The output, and whether all are as they should be; `now` in seconds since the epoch."""
    found = sorted([summary(body, now) async for body in caller.tokens()], key=urgency)
    code = ExitCode.GOOD if all(map(is_good, found)) else ExitCode.NOT_GOOD
    if as_json:
        return document(found), code
    if not found:
        return f"No IntegrationTokens in {caller.namespace or 'any namespace'}.", code
    return table(HEAD, (cells(each, now) for each in found)), code
