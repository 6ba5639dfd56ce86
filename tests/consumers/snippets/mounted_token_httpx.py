from collections.abc import Generator
from pathlib import Path

import httpx


class MountedToken(httpx.Auth):
    def __init__(self, file: Path) -> None:
        self.file = file

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        try:
            authorization = self.file.read_text()
        except FileNotFoundError:  # just being exchanged: there again at once
            authorization = self.file.read_text()
        request.headers["Authorization"] = authorization.strip()
        yield request
