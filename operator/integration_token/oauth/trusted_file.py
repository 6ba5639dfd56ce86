"""Authorities that are trusted for all endpoints, beside the system's roots: from a file that somebody renews.

A ConfigMap mounted into a pod is such a file, and the kubelet exchanges it while the process runs. What is read counts
only once TLS can use it: a file that turns bad must not take away the endpoints that worked a moment ago.
"""

import asyncio
import stat
from pathlib import Path

from integration_token.api.endpoint import CABundle
from integration_token.errors import SettingsError, UserActionRequired
from integration_token.oauth.trust import MAX_BUNDLE, digest_of, tls_context
from integration_token.telemetry.logs import get_logger

log = get_logger(__name__)

_PERIOD = 10.0
"""Seconds between two looks at the file: the kubelet itself takes a minute or more to exchange it."""


class TrustedFile:
    """What the file held last that could be used."""

    def __init__(self, path: Path | None) -> None:
        """`path`: None where nothing but the system's roots is trusted."""
        self._path = path
        self._seen: tuple[int, ...] = ()
        self.bundle = CABundle(digest_of(""), "")
        """PEM text and its digest; empty without a file."""
        self.problem = ""
        """Why the file, as it is now, isn't what is trusted; empty where it is."""

    @property
    def is_set(self) -> bool:
        """Whether there is a file at all."""
        return self._path is not None

    async def open(self) -> None:
        """Reads the file for the first time.

        :raises SettingsError: where it can't be used.
        """
        await self.look()
        if self.problem:
            raise SettingsError(f"--trusted-ca-file {self.problem}")

    async def run(self) -> None:
        """Looks for ever whether the file was exchanged."""
        while True:
            before, problem = self.bundle.digest, self.problem
            await self.look()
            if self.problem and self.problem != problem:
                log.warning("trusted CA file cannot be used, what it held before stays trusted", error=self.problem)
            elif self.bundle.digest != before or (problem and not self.problem):
                log.info("trusted CA file read")
            await asyncio.sleep(_PERIOD)

    async def look(self) -> None:
        """Takes what the file holds now, if that is something else and can be used; else notes the problem."""
        if self._path is None:
            return
        try:
            found = self._path.stat()
            seen = (found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size)
            if seen == self._seen:
                return
            if not stat.S_ISREG(found.st_mode):
                self._seen, self.problem = seen, f"{self._path}: no regular file"  # a pipe would be waited for
                return
            with self._path.open("rb") as file:
                content = file.read(MAX_BUNDLE + 1)
        except OSError as error:
            self._seen = ()
            self.problem = f"{self._path}: {error.strerror or type(error).__name__}"
            return
        self._seen = seen
        self.problem = await self._take(content)

    async def _take(self, content: bytes) -> str:
        """What is wrong with it; empty where it is trusted from now on."""
        # Bundles have names in comments, in whatever encoding.
        text = content.decode("latin-1")
        if len(content) > MAX_BUNDLE:
            return f"{self._path}: larger than {MAX_BUNDLE // 1024} KiB"
        try:
            if text.strip():
                await tls_context("", added=text)
                self.bundle = CABundle(digest_of(text), text)
                return ""
        except UserActionRequired:
            pass
        return f"{self._path}: no PEM certificate in it, or one that cannot be read"
