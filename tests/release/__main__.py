"""`python -m tests.release build|verify|publish`, for `make release`, `make release-verify` and `make release-publish`.

Messages name the make variables that the options come from.

Exit codes: 2 if the release or the request is wrong, 1 if a build fails.
"""

import argparse
import re
import sys
from pathlib import Path
from typing import Final, NoReturn

from tests.cluster.client import CommandError
from tests.cluster.image import ImageError
from tests.cluster.progress import say
from tests.cluster.toolchain import ToolError
from tests.release import commit, image, verification
from tests.release.build import NO_IMAGE, Order, build
from tests.release.fault import ReleaseError
from tests.release.publish import publish

_IMAGE: Final = re.compile(r"[a-z0-9.-]+(:\d+)?(/[a-z0-9][a-z0-9._-]*)+")


class _Parser(argparse.ArgumentParser):
    """Describes the commands in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message}\n")


def main(arguments: list[str]) -> int:
    """Runs one of the commands."""
    parser = _Parser(prog="python -m tests.release")
    commands = parser.add_subparsers(dest="command", required=True)
    cut, check, push = (commands.add_parser(name) for name in ("build", "verify", "publish"))
    for one in (cut, check, push):
        one.add_argument("--dist", type=Path, default=Path("dist/release"))
    for name in ("commit", "tag", "key", "arch", "base", "image"):
        cut.add_argument(f"--{name}", default="HEAD" if name == "commit" else "")
    check.add_argument("--public-key", default="")
    for name in ("registry", "key"):
        push.add_argument(f"--{name}", default="")
    chosen = parser.parse_args(arguments)
    try:
        report = _COMMANDS[chosen.command](chosen)
    except (ReleaseError, ToolError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except (CommandError, ImageError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for line in report:
        say(line)
    print(chosen.dist)
    return 0


def _build(chosen: argparse.Namespace) -> list[str]:
    architectures = chosen.arch.split()
    if unknown := [name for name in architectures if name not in {*image.MACHINES, NO_IMAGE}]:
        raise ReleaseError(f"ARCH={unknown[0]}: not {', '.join(image.MACHINES)} or {NO_IMAGE}")
    if chosen.image and not _IMAGE.fullmatch(chosen.image):
        raise ReleaseError(f"IMAGE={chosen.image}: not REGISTRY/NAME without a tag")
    if chosen.commit == "HEAD" and commit.dirty():
        say("changes that are not committed are not in the release")
    directory = chosen.dist.absolute()
    order = Order(directory, chosen.commit, chosen.tag, chosen.key, architectures, chosen.base, chosen.image)
    report = build(order)
    return report if chosen.key else [*report, "not signed: KEY= names no key"]


def _verify(chosen: argparse.Namespace) -> list[str]:
    report = verification.verify(chosen.dist, chosen.public_key)
    return report if chosen.public_key else [*report, "the signature is not checked: PUBLIC_KEY= names no key"]


def _publish(chosen: argparse.Namespace) -> list[str]:
    if not _IMAGE.fullmatch(chosen.registry + "/image"):
        raise ReleaseError(f"REGISTRY={chosen.registry}: not HOST or HOST/PATH")
    return publish(chosen.dist, chosen.registry, chosen.key)


_COMMANDS: Final = {"build": _build, "verify": _verify, "publish": _publish}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
