"""Watches our own kinds with kopf: each event goes to the :class:`EventHandler`.

kopf's other features (timers, daemons, indices, finalizers, change handlers) write to every object, keep every body, or
copy Secrets into annotations. Only its lists and watches are used, and its raw events for namespaces.
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
    """Watches until a signal ends kopf, or raises what kopf cannot recover from.

    :param access: how to connect to the API server, called whenever kopf logs in.
    :param namespaces: to watch; empty for all.
    :param ready: set once kopf watches.
    :param on_failure: called whenever a call of kopf fails, refused or not answered: kopf retries forever.
    """
    async with AsyncExitStack() as sessions:
        await kopf.operator(
            registry=_registry(handler, access, on_failure, sessions, clusterwide=not namespaces),
            settings=_settings(on_failure),
            clusterwide=not namespaces,
            namespaces=tuple(namespaces),
            standalone=True,
            # Not used anywhere; but otherwise kopf would look for the user's name, and fail if there is none, as in a
            # pod.
            identity=MANAGER,  # type: ignore[arg-type]  # a string, of a type that kopf does not export
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
    """kopf's handlers: one for each watched kind, and the login, which kopf repeats after a 401.

    :param sessions: closes the sessions that kopf leaves open.
    """
    registry = kopf.OperatorRegistry()
    notes = _notes(handler)

    def on_list(plural: str, namespace: str) -> None:
        if plural == INTEGRATION_TOKENS:
            handler.on_list(namespace)

    logins = itertools.count()

    @kopf.on.login(registry=registry)
    async def login(**_: Any) -> kopf.AiohttpSession:
        number = next(logins)
        if number:
            on_failure()
            await asyncio.sleep(_RELOGIN)
        info = _connection(await access())
        session = await sessions.enter_async_context(session_of(info, notes, on_list))
        # kopf does not accept a login that was refused before: it then stops for good, or hangs while stopping. Until
        # there is another token, the same one must be retried, so it has to look different each time.
        return kopf.AiohttpSession(server=info.server, aiohttp_session=session, priority=number)

    for plural in notes if clusterwide else notes.keys() - {CLUSTER_TOKEN_ENDPOINTS}:

        @kopf.on.event(GROUP, VERSION, plural, registry=registry)
        async def noted_by_the_session(**_: Any) -> None:
            """kopf watches kinds that have a handler."""

    if clusterwide:

        @kopf.on.event("", "v1", "namespaces", registry=registry)
        async def namespace(event: Any, **_: Any) -> None:
            handler.on_namespace(event["type"], event["object"])
            # kopf's worker for an object keeps its last event until it has been idle for a moment.
            let_go(event["object"])

    return registry


def _notes(handler: EventHandler) -> Mapping[str, Note]:
    """By plural, how events are recorded."""
    return {
        INTEGRATION_TOKENS: _guarded(handler.on_integration),
        TOKEN_ENDPOINTS: _guarded(lambda kind, body: handler.on_endpoint(kind, EndpointKind.NAMESPACED, body)),
        CLUSTER_TOKEN_ENDPOINTS: _guarded(lambda kind, body: handler.on_endpoint(kind, EndpointKind.CLUSTER, body)),
    }


def _guarded(note: Note) -> Note:
    """Never raises: one object must not end the watch of all."""

    def noted(kind: str | None, body: dict[str, Any]) -> None:
        try:
            note(kind, body)
        except Exception as error:  # noqa: BLE001  # whatever it is
            # The exception's text may contain part of the object.
            log.error("event not recorded", kind=body.get("kind"), error=type(error).__name__, where=raised_at(error))

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
    """kopf's settings: as little memory and as few writes as possible."""
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.peering.standalone = True
    settings.scanning.disabled = True
    settings.watching.chunk_size = 50  # each is up to 16 KiB of text: see the session
    # How long the worker of each listed object keeps it: the shorter, the fewer are kept at once.
    settings.queueing.idle_timeout = 0.02
    # Otherwise kopf kills the whole process ten minutes after it was ended, even if it is only being restarted.
    settings.process.ultimate_exiting_timeout = None
    # kopf gives up and ends after its last backoff, but the API server may be away for any length of time.
    settings.networking.error_backoffs = _EndlessBackoff(on_failure)
    settings.persistence.diffbase_storage = _NoDiffBase()
    settings.persistence.progress_storage = _NoProgress()
    return settings


class _EndlessBackoff:
    """Seconds between kopf's attempts to reach the API server: read after each one that failed."""

    def __init__(self, on_failure: Callable[[], None]) -> None:
        self._on_failure = on_failure

    def __iter__(self) -> Any:
        for seconds in itertools.chain((0.5, 1, 2, 4), itertools.repeat(8)):
            self._on_failure()
            yield seconds


class _NoProgress(kopf.ProgressStorage):
    """Stores no record of handlers in objects, and looks for none in each event: raw events have none."""

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
    """Stores no copy of what an object looked like: nothing here needs differences."""

    def build(self, **_: Any) -> Any:
        return {}

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        return None
