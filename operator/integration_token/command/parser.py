"""The commands for people, and their flags."""

import argparse
import re
from typing import Any, Final

from integration_token.api.value import is_name

COMMANDS: Final = ("status", "renew", "inspect", "diagnose")

_LONGEST = 253
"""Maximum characters of a name."""

_DURATION = re.compile(r"(\d{1,6})(s|m|h)")
_SECONDS = {"s": 1, "m": 60, "h": 3600}


def add_commands(commands: "argparse._SubParsersAction[Any]") -> None:
    """Adds the commands besides `run`."""
    status = commands.add_parser("status", help="list all tokens, those that need attention first")
    _where(status)
    status.add_argument("-A", "--all-namespaces", action="store_true", help="list tokens in all namespaces")
    renew = commands.add_parser(
        "renew",
        help="make the operator ask the endpoint now, once",
        description="An endpoint that caches returns the same token until it rolls over.",
    )
    renew.add_argument("name", nargs="+", type=_name, help="name of an IntegrationToken")
    _where(renew)
    renew.add_argument("--timeout", type=_duration, default="30s", help="how long to wait for each; default: 30s")
    renew.add_argument("--no-wait", action="store_true", help="do not wait for the result")
    inspect = commands.add_parser(
        "inspect", help="show what a target Secret contains, without the token: iss, aud, exp, iat, scope"
    )
    inspect.add_argument("name", type=_name, help="name of an IntegrationToken")
    _where(inspect)
    diagnose = commands.add_parser(
        "diagnose",
        help="check everything that a token needs, step by step",
        description="Sends no token request and reads no Secret's data.",
    )
    diagnose.add_argument("name", type=_name, help="name of an IntegrationToken")
    _where(diagnose)
    diagnose.add_argument("--bundle", metavar="FILE", help="also write a support bundle to a new tar.gz file")


def _where(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--kubeconfig", metavar="FILE", help="kubeconfig to use; default: the same as kubectl's")
    parser.add_argument("--context", metavar="NAME", help="context of the kubeconfig; default: the current one")
    parser.add_argument(
        "-n", "--namespace", type=_name, metavar="NAME", help="namespace to use; default: the context's"
    )
    parser.add_argument(
        "-o", "--output", choices=("table", "json"), default="table", help="output format; default: table"
    )


def _name(text: str) -> str:
    """A valid Kubernetes name: it becomes part of a path."""
    if len(text) > _LONGEST or not is_name(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a valid object name")
    return text


def _duration(text: str) -> float:
    found = _DURATION.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a duration such as 30s or 2m")
    return float(int(found[1]) * _SECONDS[found[2]])
