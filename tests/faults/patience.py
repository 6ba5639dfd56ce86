"""The administrator's calls while faults break the API server: each is retried until it succeeds."""

import json
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final

import httpx

from tests.apiserver.kube import Document, Kube, NotFound, checked
from tests.cluster.poll import poll

PATIENCE: Final = 120.0
"""Seconds for which a call is retried: longer than any outage."""
_ANSWER: Final = 10.0
"""Seconds after which a call to an API server without etcd is given up."""


class PatientKube(Kube):
    """Like :class:`Kube`; a lost call may have been carried out.

    So creating what exists is no error, and neither is deleting what is gone.
    """

    def create(self, document: Document) -> Document:
        """Creates an object, or returns the one that an earlier attempt has created."""
        try:
            return super().create(document)
        except AssertionError as error:
            if "already exists" not in str(error):
                raise
            metadata = document["metadata"]
            return self.get(document["kind"], metadata.get("namespace", ""), metadata["name"])

    def delete(self, kind: str, namespace: str, name: str) -> None:
        """Deletes an object; an earlier attempt may have done so."""
        with suppress(NotFound):
            super().delete(kind, namespace, name)

    def _call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, kind: str = "application/json"
    ) -> Document:
        content = None if body is None else json.dumps(body).encode()

        def call() -> Document | None:
            try:
                answer = self._http.request(
                    method, path, content=content, headers={"content-type": kind}, timeout=_ANSWER
                )
            except httpx.TransportError:
                return None
            busy = answer.status_code == HTTPStatus.TOO_MANY_REQUESTS or answer.is_server_error
            # An API server that is just starting refuses what it grants a moment later.
            return None if busy or answer.status_code == HTTPStatus.FORBIDDEN else checked(answer)

        answer = poll(call, f"{method} {path} to be served", PATIENCE)
        assert answer is not None  # poll has seen to it
        return answer
