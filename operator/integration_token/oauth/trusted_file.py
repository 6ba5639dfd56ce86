"""Authorities that all endpoints trust besides the system's roots, from a file that may be replaced while we run.

A ConfigMap mounted into a pod is such a file: the kubelet replaces it while the process runs. New content takes effect
only if TLS can use it: a broken file must not break endpoints that worked a moment ago.
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
"""Seconds between two checks of the file: the kubelet itself takes a minute or more to replace it."""


class TrustedFile:
    """The last usable content of the file."""

    def __init__(self, path: Path | None) -> None:
        """`path` is None if only the system's roots are trusted."""
        self._path = path
        self._seen: tuple[int, ...] = ()
        self.bundle = CABundle(digest_of(""), "")
        """PEM text and its digest; empty without a file."""
        self.problem = ""
        """Why the file's current content is not in use; empty if it is."""

    @property
    def is_set(self) -> bool:
        """Whether a file is configured."""
        return self._path is not None

    async def open(self) -> None:
        """Reads the file for the first time.

        :raises SettingsError: if it cannot be used.
        """
        await self.look()
        if self.problem:
            raise SettingsError(f"--trusted-ca-file {self.problem}")

    async def run(self) -> None:
        """Checks forever whether the file was replaced."""
        while True:
            before, problem = self.bundle.digest, self.problem
            await self.look()
            if self.problem and self.problem != problem:
                log.warning("trusted CA file cannot be used, keeping its previous content", error=self.problem)
            elif self.bundle.digest != before or (problem and not self.problem):
                log.info("trusted CA file read")
            await asyncio.sleep(_PERIOD)

    async def look(self) -> None:
        """Loads the file's content if it has changed and can be used; otherwise records the problem."""
        if self._path is None:
            return
        try:
            found = self._path.stat()
            seen = (found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size)
            if seen == self._seen:
                return
            if not stat.S_ISREG(found.st_mode):
                self._seen, self.problem = seen, f"{self._path}: not a regular file"  # reading a pipe would block
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
        """What is wrong with the content; empty if it is trusted from now on."""
        # Bundles contain names in comments, in any encoding.
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
        return f"{self._path}: contains no PEM certificate, or one that cannot be parsed"
