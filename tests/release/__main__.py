"""`python -m tests.release build|sign|verify|publish|notes`, for `make release`, `make release-sign` and so on.

Options that aren't given come from the environment: TAG for --tag. That is how make passes its variables on, and
messages name these. `notes` prints the release's notes for GitHub.

Exit codes: 2 if the release or the request is wrong, 1 if a build fails.
"""

import argparse
import os
import re
import sys
from pathlib import Path
from typing import Final, NoReturn

from tests.cluster.client import CommandError
from tests.cluster.image import ImageError
from tests.cluster.progress import say
from tests.cluster.toolchain import ToolError
from tests.release import changelog, commit, image, project, secret, tag, verification
from tests.release.build import NO_IMAGE, Order, build, sign
from tests.release.fault import ReleaseError
from tests.release.publish import publish

_IMAGE: Final = re.compile(r"[a-z0-9.-]+(:\d+)?(/[a-z0-9][a-z0-9._-]*)+")
_OPTIONS: Final = {
    "build": ("dist", "commit", "tag", "key", "arch", "base", "image"),
    "sign": ("dist", "tag", "key"),
    "verify": ("dist", "public-key"),
    "publish": ("dist", "tag", "registry", "key"),
    "notes": ("tag",),
}
_TRIAL: Final = "a trial: it is signed, but TAG= names no tag"


class _Parser(argparse.ArgumentParser):
    """Describes the commands in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message}\n")


def main(arguments: list[str]) -> int:
    """Runs one of the commands."""
    parser = _Parser(prog="python -m tests.release")
    commands = parser.add_subparsers(dest="command", required=True)
    for command, options in _OPTIONS.items():
        one = commands.add_parser(command)
        for name in options:
            one.add_argument(f"--{name}", default=os.environ.get(name.upper().replace("-", "_"), ""))
    chosen = parser.parse_args(arguments)
    try:
        with secret.withheld(getattr(chosen, "key", "")):
            out = _run(chosen)
    except (ReleaseError, ToolError) as error:
        print(f"error: {' '.join(str(error).splitlines())}", file=sys.stderr)
        return 2
    except (CommandError, ImageError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(out)
    return 0


def _run(chosen: argparse.Namespace) -> str:
    """What the command prints on stdout."""
    if chosen.command == "notes":
        return _notes(chosen)
    chosen.dist = Path(chosen.dist or "dist/release")
    for line in _COMMANDS[chosen.command](chosen):
        say(line)
    return str(chosen.dist)


def _build(chosen: argparse.Namespace) -> list[str]:
    architectures = chosen.arch.split()
    if unknown := [name for name in architectures if name not in {*image.MACHINES, NO_IMAGE}]:
        raise ReleaseError(f"ARCH={unknown[0]}: not {', '.join(image.MACHINES)} or {NO_IMAGE}")
    if chosen.image and not _IMAGE.fullmatch(chosen.image):
        raise ReleaseError(f"IMAGE={chosen.image}: not REGISTRY/NAME without a tag")
    source = chosen.commit or "HEAD"
    if source == "HEAD" and commit.dirty():
        say("changes that are not committed are not in the release")
    directory = chosen.dist.absolute()
    report = build(Order(directory, source, chosen.tag, chosen.key, architectures, chosen.base, chosen.image))
    if not chosen.key:
        return [*report, "not signed: KEY= names no key"]
    return report if chosen.tag else [*report, _TRIAL]


def _sign(chosen: argparse.Namespace) -> list[str]:
    report = sign(chosen.dist, chosen.key, chosen.tag)
    return report if chosen.tag else [*report, _TRIAL]


def _verify(chosen: argparse.Namespace) -> list[str]:
    report = verification.verify(chosen.dist, chosen.public_key)
    return report if chosen.public_key else [*report, "the signature is not checked: PUBLIC_KEY= names no key"]


def _publish(chosen: argparse.Namespace) -> list[str]:
    if not _IMAGE.fullmatch(chosen.registry + "/image"):
        raise ReleaseError(f"REGISTRY={chosen.registry}: not HOST or HOST/PATH")
    return publish(chosen.dist, chosen.registry, chosen.key, chosen.tag)


def _notes(chosen: argparse.Namespace) -> str:
    found = project.read()
    if chosen.tag:
        tag.check_form(chosen.tag)
        tag.check_tree(project.ROOT, found, chosen.tag)
    pages = f"{found.address}/blob/{chosen.tag or 'HEAD'}"
    return changelog.notes(changelog.newest(project.ROOT), pages).rstrip()


_COMMANDS: Final = {"build": _build, "sign": _sign, "verify": _verify, "publish": _publish}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
