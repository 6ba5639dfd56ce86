"""The command line: flags and environment to settings, settings to a running operator."""

import argparse
import gc
import os
import sys
import threading
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn

from integration_token.api.names import MANAGER
from integration_token.command.parser import COMMANDS, add_commands
from integration_token.errors import SettingsError
from integration_token.runtime.settings import LOG_FORMATS, LOG_LEVELS, read_settings, variable

PLUGIN = "kubectl-integration_token"
"""The name of a link to the program that lets kubectl find it as `kubectl integration-token`."""

_ENDING = 2.0
"""Seconds for the event loop to finish after the operator has stopped."""

_GARBAGE = 10_000
"""Allocations after which the youngest objects are collected, instead of 700: a request makes that many, and hardly any
of them is part of a cycle."""


class _Parser(argparse.ArgumentParser):
    """Reports errors in one line, without the whole usage text."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, _line(f"{self.prog}: {message} (see {self.prog} --help)"))


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns the exit status: 0, or 2 if a setting is not valid. Commands for people have more:
    see `command/output.py`."""
    chosen = _parser().parse_args(arguments)
    if chosen.command in COMMANDS:
        return _command(chosen)
    flags = vars(chosen)
    flags.pop("command")
    try:
        settings = read_settings(flags, os.environ)
        # Hardly anything that imports create is garbage: collecting it takes a tenth of their time.
        gc.disable()
        # Imported late: the libraries take a second to import, and --help and a wrong flag need none of them.
        import uvloop  # noqa: PLC0415

        from integration_token.clock import SystemClock  # noqa: PLC0415
        from integration_token.runtime.process import run  # noqa: PLC0415
        from integration_token.telemetry.logs import configure_logs  # noqa: PLC0415

        configure_logs(settings.log_level, settings.log_format)

        # The objects that imports created stay: exclude them from all collections.
        gc.freeze()
        gc.enable()
        gc.set_threshold(_GARBAGE, *gc.get_threshold()[1:])

        # If a signal arrives while kopf starts, kopf may leave tasks behind: do not wait for them forever.
        last_resort = threading.Timer(_ENDING, lambda: os._exit(status))
        last_resort.daemon = True
        status = 1

        async def run_to_the_end() -> None:
            nonlocal status
            try:
                await run(settings, SystemClock())
                status = 0
            finally:
                last_resort.start()

        try:
            uvloop.run(run_to_the_end())
        finally:
            last_resort.cancel()
    except SettingsError as error:
        sys.stderr.write(_line(f"{MANAGER} run: {error}"))
        return 2
    except Exception as error:  # noqa: BLE001  # a traceback may contain data being processed
        sys.stderr.write(f"{MANAGER} run: failed unexpectedly: {type(error).__name__}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _command(chosen: argparse.Namespace) -> int:
    """Runs a command for people."""

    def complain(text: str) -> None:
        sys.stderr.write(_line(f"{_name()} {chosen.command}: {text}"))

    try:
        from integration_token.clock import SystemClock  # noqa: PLC0415
        from integration_token.command.entry import main as run_command  # noqa: PLC0415

        return run_command(chosen, SystemClock(), complain)
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # noqa: BLE001  # a traceback may contain data that was read
        complain(f"failed unexpectedly: {type(error).__name__}")
        return 1


def _name() -> str:
    """The name that the program was called with: kubectl finds a plugin by its file name."""
    return "kubectl integration-token" if Path(sys.argv[0]).name == PLUGIN else MANAGER


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog=_name(), description="Keeps OAuth 2.0 access tokens current inside Kubernetes Secrets.")
    parser.add_argument("--version", action="version", version=f"{MANAGER} {version('integration-token-operator')}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)
    add_commands(commands)
    run = commands.add_parser(
        "run",
        help="run the operator",
        description="Runs the operator. Each flag can also be set by an environment variable, with commas between"
        " several values.",
    )
    run.add_argument(
        "--kubeconfig", metavar="FILE", help=_help("kubeconfig to use; default: the pod's ServiceAccount", "kubeconfig")
    )
    run.add_argument(
        "--namespace",
        dest="namespaces",
        action="append",
        default=[],
        help=_help("namespace to serve, repeatable; default: all", "namespaces"),
    )
    run.add_argument(
        "--insecure-endpoints",
        action="store_true",
        default=None,
        help=_help("allow http and loopback token URLs, for trials", "insecure_endpoints"),
    )
    run.add_argument(
        "--allowed-host",
        dest="allowed_hosts",
        metavar="HOST",
        action="append",
        default=[],
        help=_help("host that credentials may be sent to, repeatable; default: every public one", "allowed_hosts"),
    )
    run.add_argument(
        "--private-host",
        dest="private_hosts",
        metavar="HOST",
        action="append",
        default=[],
        help=_help("host with private addresses that a TokenEndpoint may use, repeatable", "private_hosts"),
    )
    run.add_argument(
        "--proxy-url", metavar="URL", help=_help("proxy for token requests; requires --allowed-host", "proxy_url")
    )
    run.add_argument(
        "--no-proxy",
        metavar="HOST",
        action="append",
        default=[],
        help=_help("host that is reached without the proxy, repeatable", "no_proxy"),
    )
    run.add_argument(
        "--trusted-ca-file",
        metavar="FILE",
        help=_help(
            "PEM file of authorities to trust besides the system's; read again when it changes", "trusted_ca_file"
        ),
    )
    run.add_argument(
        "--leader-elect",
        action="store_true",
        default=None,
        help=_help("stay on standby while another process with the same Lease works", "leader_elect"),
    )
    run.add_argument("--lease-name", metavar="NAME", help=_help(f"name of the Lease; default: {MANAGER}", "lease_name"))
    run.add_argument(
        "--lease-namespace",
        metavar="NAMESPACE",
        help=_help("namespace of the Lease; default: the pod's own", "lease_namespace"),
    )
    run.add_argument(
        "--metrics-address",
        metavar="ADDRESS",
        help=_help("address that serves /healthz, /readyz and /metrics; default: :8080", "metrics_address"),
    )
    run.add_argument("--log-level", metavar="LEVEL", help=_help(f"{', '.join(LOG_LEVELS)}; default: info", "log_level"))
    run.add_argument(
        "--log-format", metavar="FORMAT", help=_help(f"{' or '.join(LOG_FORMATS)}; default: text", "log_format")
    )
    run.add_argument(
        "--audit-token-ids",
        action="store_true",
        default=None,
        help=_help("include the jti of tokens in the audit log; at some servers it is a secret", "audit_token_ids"),
    )
    return parser


def _line(text: str) -> str:
    """A single line, even if an argument contains line breaks."""
    return " ".join(text.splitlines()) + "\n"


def _help(text: str, field: str) -> str:
    return f"{text} [{variable(field)}]"


if __name__ == "__main__":
    sys.exit(main())
