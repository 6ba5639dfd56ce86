"""Runs one command, from its flags to its exit code."""

import argparse
import asyncio
import os
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from integration_token.clock import Clock
from integration_token.command import bundle, diagnosis, inspection, renewal, status
from integration_token.command.caller import Caller, Missing, advice, caller
from integration_token.command.output import ExitCode, document, harmless
from integration_token.errors import ClusterError, SettingsError


def main(chosen: argparse.Namespace, clock: Clock, complain: Callable[[str], None]) -> int:
    """Returns the exit code; output goes to standard output.

    :param complain: prints one line to standard error that says why there is no output.
    """
    try:
        try:
            said, code = asyncio.run(_run(chosen, clock))
        finally:
            _end_progress()
    except SettingsError as error:
        complain(str(error))
        return ExitCode.WRONG_USE
    except Missing as error:
        complain(str(error))
        return ExitCode.NOT_GOOD
    except ClusterError as error:
        complain(advice(error))
        return ExitCode.NO_CLUSTER
    # A character that the terminal does not support must not suppress the output.
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
    try:
        sys.stdout.write(f"{said}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has read enough, and nothing is left for Python to write when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code


async def _run(chosen: argparse.Namespace, clock: Clock) -> tuple[str, ExitCode]:
    namespace = "" if getattr(chosen, "all_namespaces", False) else chosen.namespace
    async with caller(chosen.kubeconfig, chosen.context, namespace) as connected:
        as_json = chosen.output == "json"
        match chosen.command:
            case "status":
                return await status.run(connected, clock.now().wall, as_json=as_json)
            case "renew":
                seconds = 0.0 if chosen.no_wait else chosen.timeout
                names = chosen.name
                return await renewal.run(connected, names, clock, seconds=seconds, as_json=as_json, progress=_progress)
            case "inspect":
                return await inspection.run(connected, chosen.name, as_json=as_json)
            case _:
                return await _diagnose(connected, chosen, as_json=as_json)


async def _diagnose(connected: Caller, chosen: argparse.Namespace, *, as_json: bool) -> tuple[str, ExitCode]:
    found, steps = diagnosis.Found(), []
    async for step in diagnosis.steps(connected, chosen.name, found):
        _progress(step.name)
        steps.append(step)
    documents = diagnosis.documents(steps)
    if chosen.bundle is not None:
        try:
            bundle.write(Path(chosen.bundle), bundle.contents(found, documents, version("integration-token-operator")))
        except OSError as error:
            raise SettingsError(f"--bundle {chosen.bundle}: {error.strerror}") from None
    return document(documents) if as_json else diagnosis.rendered(steps), diagnosis.code(steps)


def _progress(text: str) -> None:
    """Shows the current step on a terminal: a single line that is erased again."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{harmless(text, 78)}")
        sys.stderr.flush()


def _end_progress() -> None:
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")
