from pathlib import Path

import requests


class MountedToken(requests.auth.AuthBase):
    def __init__(self, file: Path) -> None:
        self.file = file

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        try:
            authorization = self.file.read_text()
        except FileNotFoundError:  # just being exchanged: there again at once
            authorization = self.file.read_text()
        request.headers["Authorization"] = authorization.strip()
        return request
