"""Watches our own kinds by kopf: each event goes to the :class:`EventHandler`.

kopf's means (timers, daemons, indices, finalizers, change handlers) write to every object, hold every body, or copy
Secrets into annotations. Its lists and watches are used alone, and of namespaces its raw events.
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import AsyncExitStack
from typing import Any

import kopf

from integration_token.api.endpoint import EndpointKind
from integration_token.api.names import (
    CLUSTER_TOKEN_ENDPOINTS,
    GROUP,
    INTEGRATION_TOKENS,
    MANAGER,
    TOKEN_ENDPOINTS,
    VERSION,
)
from integration_token.cluster.connection import Access
from integration_token.cluster.page import let_go
from integration_token.handlers.event_handler import EventHandler
from integration_token.handlers.session import Note, session_of
from integration_token.telemetry.logs import get_logger, raised_at

log = get_logger(__name__)

_RELOGIN = 2.0
"""Seconds until kopf logs in again after its login was refused."""


async def watch(
    handler: EventHandler,
    access: Callable[[], Awaitable[Access]],
    namespaces: Collection[str],
    ready: asyncio.Event,
    on_failure: Callable[[], None],
) -> None:
    """Watches until a signal ends kopf, or raises what kopf cannot mend itself.

    :param access: how to reach the API server, asked whenever kopf logs in.
    :param namespaces: those to watch, none for all.
    :param ready: set once kopf watches.
    :param on_failure: called whenever a call of kopf's fails, refused or not answered: it tries again for ever.
    """
    async with AsyncExitStack() as sessions:
        await kopf.operator(
            registry=_registry(handler, access, on_failure, sessions, clusterwide=not namespaces),
            settings=_settings(on_failure),
            clusterwide=not namespaces,
            namespaces=tuple(namespaces),
            standalone=True,
            # Told to nobody; but kopf would look for the name of the user instead, and fail where it has none, as in a
            # pod.
            identity=MANAGER,  # type: ignore[arg-type]  # a string, of a type that kopf doesn't export
            ready_flag=ready,
        )


def _registry(
    handler: EventHandler,
    access: Callable[[], Awaitable[Access]],
    on_failure: Callable[[], None],
    sessions: AsyncExitStack,
    *,
    clusterwide: bool,
) -> kopf.OperatorRegistry:
    """kopf's handlers: one for each kind that is watched, and the login, which kopf repeats when it is answered a 401.

    :param sessions: closes those that kopf leaves open.
    """
    registry = kopf.OperatorRegistry()
    notes = _notes(handler)
    logins = itertools.count()

    @kopf.on.login(registry=registry)
    async def login(**_: Any) -> kopf.AiohttpSession:
        number = next(logins)
        if number:
            on_failure()
            await asyncio.sleep(_RELOGIN)
        info = _connection(await access())
        session = await sessions.enter_async_context(session_of(info, notes))
        # What was refused before kopf takes for no login at all, and ends for good, or hangs while it ends. Until there
        # is another token the same one is to be tried again, so each time it has to look different.
        return kopf.AiohttpSession(server=info.server, aiohttp_session=session, priority=number)

    for plural in notes if clusterwide else notes.keys() - {CLUSTER_TOKEN_ENDPOINTS}:

        @kopf.on.event(GROUP, VERSION, plural, registry=registry)
        async def noted_by_the_session(**_: Any) -> None:
            """kopf watches what has a handler."""

    if clusterwide:

        @kopf.on.event("", "v1", "namespaces", registry=registry)
        async def namespace(event: Any, **_: Any) -> None:
            handler.on_namespace(event["type"], event["object"])
            # kopf's worker for an object holds its last event until it has been idle for a moment.
            let_go(event["object"])

    return registry


def _notes(handler: EventHandler) -> Mapping[str, Note]:
    """By plural, how events are noted."""
    return {
        INTEGRATION_TOKENS: _guarded(handler.on_integration),
        TOKEN_ENDPOINTS: _guarded(lambda kind, body: handler.on_endpoint(kind, EndpointKind.NAMESPACED, body)),
        CLUSTER_TOKEN_ENDPOINTS: _guarded(lambda kind, body: handler.on_endpoint(kind, EndpointKind.CLUSTER, body)),
    }


def _guarded(note: Note) -> Note:
    """Raises nothing: one object must not end the watch of all."""

    def noted(kind: str | None, body: dict[str, Any]) -> None:
        try:
            note(kind, body)
        except Exception as error:  # noqa: BLE001  # whatever it is
            # Its text may hold a part of the object.
            log.error("event not noted", kind=body.get("kind"), error=type(error).__name__, where=raised_at(error))

    return noted


def _connection(access: Access) -> kopf.ConnectionInfo:
    return kopf.ConnectionInfo(
        server=access.server,
        ca_path=access.ca_file,
        insecure=not access.verify,
        scheme=access.scheme,
        token=access.token,
        certificate_path=access.certificate_file,
        private_key_path=access.key_file,
        proxy_url=access.proxy,
    )


def _settings(on_failure: Callable[[], None]) -> kopf.OperatorSettings:
    """kopf's settings: as little memory and as few writes as it can do with."""
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.peering.standalone = True
    settings.scanning.disabled = True
    settings.watching.chunk_size = 50  # each is up to 16 KiB of text: see the session
    # For as long the worker of each object that was listed keeps it: the shorter, the fewer of them at once.
    settings.queueing.idle_timeout = 0.02
    # Else kopf kills the whole process ten minutes after it was ended, also where it is only started again.
    settings.process.ultimate_exiting_timeout = None
    # kopf gives up, and ends, with the last of its backoffs; the API server may be away for any time.
    settings.networking.error_backoffs = _EndlessBackoff(on_failure)
    settings.persistence.diffbase_storage = _NoDiffBase()
    settings.persistence.progress_storage = _NoProgress()
    return settings


class _EndlessBackoff:
    """Seconds between kopf's attempts to reach the API server: asked for after each that failed."""

    def __init__(self, on_failure: Callable[[], None]) -> None:
        self._on_failure = on_failure

    def __iter__(self) -> Any:
        for seconds in itertools.chain((0.5, 1, 2, 4), itertools.repeat(8)):
            self._on_failure()
            yield seconds


class _NoProgress(kopf.ProgressStorage):
    """Keeps no record of handlers in the objects, and looks for none in each event: raw events have none."""

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        return None

    def purge(self, **_: Any) -> None:
        return None

    def touch(self, **_: Any) -> None:
        return None

    def clear(self, *, essence: Any) -> Any:
        return essence


class _NoDiffBase(kopf.DiffBaseStorage):
    """Keeps no copy of what an object looked like: nothing here asks for differences."""

    def build(self, **_: Any) -> Any:
        return {}

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        return None
