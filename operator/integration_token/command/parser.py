"""The flags of the commands for people, and what each command is called with."""

import argparse
import re
from typing import Any, Final

from integration_token.api.value import is_name

COMMANDS: Final = ("status", "renew", "inspect", "diagnose")

_LONGEST = 253
"""Characters of a name."""

_DURATION = re.compile(r"(\d{1,6})(s|m|h)")
_SECONDS = {"s": 1, "m": 60, "h": 3600}


def add_commands(commands: "argparse._SubParsersAction[Any]") -> None:
    """Adds them beside `run`."""
    status = commands.add_parser("status", help="list all tokens, those that need somebody first")
    _where(status)
    status.add_argument("-A", "--all-namespaces", action="store_true", help="of all namespaces")
    renew = commands.add_parser(
        "renew",
        help="have the operator ask the endpoint now, once",
        description="An endpoint that caches answers the same token until it rolls over.",
    )
    renew.add_argument("name", nargs="+", type=_name, help="an IntegrationToken")
    _where(renew)
    renew.add_argument("--timeout", type=_duration, default="30s", help="how long to wait for each; default: 30s")
    renew.add_argument("--no-wait", action="store_true", help="do not wait for what comes of it")
    inspect = commands.add_parser(
        "inspect", help="show what a target Secret holds, without the token: iss, aud, exp, iat, scope"
    )
    inspect.add_argument("name", type=_name, help="an IntegrationToken")
    _where(inspect)
    diagnose = commands.add_parser(
        "diagnose",
        help="look at everything that a token needs, step by step",
        description="Sends no token request and reads no Secret's data.",
    )
    diagnose.add_argument("name", type=_name, help="an IntegrationToken")
    _where(diagnose)
    diagnose.add_argument("--bundle", metavar="FILE", help="write a support bundle too, a new tar.gz")


def _where(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--kubeconfig", metavar="FILE", help="default: as kubectl's")
    parser.add_argument("--context", metavar="NAME", help="of the kubeconfig; default: its current one")
    parser.add_argument("-n", "--namespace", type=_name, metavar="NAME", help="default: the context's")
    parser.add_argument("-o", "--output", choices=("table", "json"), default="table", help="default: table")


def _name(text: str) -> str:
    """A name as Kubernetes has them: it becomes a part of a path."""
    if len(text) > _LONGEST or not is_name(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not the name of an object")
    return text


def _duration(text: str) -> float:
    found = _DURATION.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a duration such as 30s or 2m")
    return float(int(found[1]) * _SECONDS[found[2]])
