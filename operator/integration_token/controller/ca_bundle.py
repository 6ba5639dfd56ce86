"""CA bundles in ConfigMaps of the operator's own namespace, which ClusterTokenEndpoints may refer to.

Others write and rotate them, for example trust-manager. One read serves all endpoints that refer to the same one. After
that its version is polled with one small call each, not watched: watching ConfigMaps by name would take a connection
for each, and the operator should not see all ConfigMaps of a namespace.
"""

import asyncio
import base64
import binascii
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from integration_token.api.condition import Reason
from integration_token.api.endpoint import CABundle, ConfigMapKey, Endpoint, EndpointRef
from integration_token.cluster.collection import CONFIG_MAPS, Object
from integration_token.cluster.gateway import Gateway
from integration_token.errors import ClusterError, Denied, Unavailable, UserActionRequired
from integration_token.oauth.trust import MAX_BUNDLE, MAX_KEPT, digest_of, tls_context
from integration_token.state.inventory import Inventory
from integration_token.telemetry.logs import get_logger

log = get_logger(__name__)

_PERIOD = 5.0
"""Seconds between checks for a change of a ConfigMap, or for one that is missing: an endpoint may wait for it."""

_SPACING = 0.1
"""Minimum seconds of that period for each ConfigMap, so that hundreds of them are no burden: ten calls a second."""


@dataclass(slots=True)
class _Source:
    """One key of one ConfigMap, as last read."""

    version: str = ""
    """The ConfigMap's resourceVersion; empty if it could not be read."""
    bundle: CABundle | None = None
    failure: UserActionRequired | None = None
    """Why there is no bundle."""
    looks: int = 0
    """How often the API server has responded for it."""
    reading: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def told(self) -> tuple[bytes, str]:
        """What endpoints depend on: the bundle's digest, or the reason why there is none."""
        digest = b"" if self.bundle is None else self.bundle.digest
        return digest, "" if self.failure is None else self.failure.what


class CABundles:
    """Reads the ConfigMaps that `caBundleRef` names, and reports changes to the endpoints that refer to them.

    While the API server does not respond, the last read content stays in use. Content that no longer exists or is
    invalid does not: to keep trusting authorities that someone removed would be the worse surprise.
    """

    def __init__(
        self,
        gateway: Gateway,
        inventory: Inventory,
        namespace: str | None,
        changed: Callable[[EndpointRef], None],
    ) -> None:
        """`namespace`: the operator's own; None if it has none. `changed` is called with each endpoint whose bundle has
        changed."""
        self._gateway = gateway
        self._inventory = inventory
        self._namespace = namespace
        self._changed = changed
        self._named: dict[EndpointRef, ConfigMapKey] = {}
        self._sources: OrderedDict[ConfigMapKey, _Source] = OrderedDict()
        """The most recently used one is last."""
        self._needed = asyncio.Event()
        """Set while there are any."""

    async def resolve(self, endpoint: Endpoint) -> Endpoint:
        """The endpoint with the CA bundle that it refers to; unchanged if it refers to none.

        :raises UserActionRequired: if there is no such bundle.
        :raises ClusterError: if it was never read, and cannot be now.
        """
        place = endpoint.ca_bundle_ref
        if place is None:
            self._named.pop(endpoint.ref, None)
            return endpoint
        self._named[endpoint.ref] = place
        self._needed.set()
        source = self._sources.setdefault(place, _Source())
        self._sources.move_to_end(place)
        bundle = source.bundle
        # A text that is not kept is read for each use.
        if not source.looks or _is_textless(bundle):
            bundle = await self._look(place, source, by_version=False)
        if source.failure is not None:
            # Each caller gets an exception of its own: the time of its next attempt is added to it later.
            raise UserActionRequired(source.failure.reason, source.failure.what)
        if _is_textless(bundle):
            raise Unavailable(f"{place.title} could not be read again")
        return replace(endpoint, ca_bundle=bundle)

    async def run(self) -> None:
        """Checks forever whether the ConfigMaps were changed."""
        while True:
            await self._needed.wait()
            await asyncio.sleep(max(_PERIOD, _SPACING * len(self._sources)))
            await self.look()

    async def look(self) -> None:
        """Checks all ConfigMaps in use, and forgets those that no endpoint refers to any more."""
        for ref in [ref for ref in self._named if self._inventory.endpoint_version(ref) is None]:
            del self._named[ref]
        wanted = set(self._named.values())
        if not wanted:
            self._needed.clear()
        for place, source in list(self._sources.items()):
            if place not in wanted:
                del self._sources[place]
            elif source.looks:
                await self._look(place, source, by_version=True)

    async def _look(self, place: ConfigMapKey, source: _Source, *, by_version: bool) -> CABundle | None:
        """Reads the ConfigMap again, or keeps what is known if the API server does not respond: returns the bundle,
        with its text if that was just read, even if it has been dropped for others since.

        :param by_version: only if its version has changed.
        :raises ClusterError: if nothing is known, and the API server does not respond.
        """
        looks = source.looks
        async with source.reading:
            if source.looks != looks and not _is_textless(source.bundle):
                return source.bundle  # another task has read it meanwhile
            before = source.told
            try:
                version, bundle, failure = await self._read(place, source, by_version=by_version)
            except ClusterError as error:
                if not looks:
                    raise
                log.debug("cannot check the CA bundle", config_map=place.name, error=str(error))
                version, bundle, failure = source.version, source.bundle, source.failure
            source.version, source.bundle, source.failure = version, bundle, failure
            source.looks += 1
        self._let_go(place)
        if looks and source.told != before:
            log.info("CA bundle changed", config_map=place.name, key=place.key)
            for ref in [ref for ref, named in self._named.items() if named == place]:
                self._changed(ref)
        return bundle

    async def _read(
        self, place: ConfigMapKey, source: _Source, *, by_version: bool
    ) -> tuple[str, CABundle | None, UserActionRequired | None]:
        """Version, bundle, and why there is none."""
        if self._namespace is None:
            why = "the operator runs outside a pod and does not know its own namespace; set --lease-namespace"
            return "", None, UserActionRequired(Reason.CA_BUNDLE_NOT_FOUND, f"{place.title}: {why}")
        where = f"ConfigMap {place.name} in the operator's namespace {self._namespace}"
        try:
            if by_version and source.version:
                head = await self._gateway.get_metadata(CONFIG_MAPS, self._namespace, place.name)
                if head is not None and _version(head) == source.version:
                    return source.version, source.bundle, source.failure
            found = await self._gateway.get(CONFIG_MAPS, self._namespace, place.name)
        except Denied as error:
            if error.status != 403:
                raise
            what = f"the operator is not allowed to read {where}; add its name to the chart's value"
            what += " endpoints.caBundleConfigMaps"
            return "", None, UserActionRequired(Reason.CA_BUNDLE_NOT_FOUND, what)
        if found is None:
            what = f"{where} does not exist; create it or fix spec.caBundleRef"
            return "", None, UserActionRequired(Reason.CA_BUNDLE_NOT_FOUND, what)
        try:
            text = _text(found, place, where)
            await tls_context(text, where=f"key {place.key} of {where}")
            return _version(found), CABundle(digest_of(text), text), None
        except UserActionRequired as failure:
            return _version(found), None, failure.without_traceback()

    def _let_go(self, used: ConfigMapKey) -> None:
        """Keeps as much text as there are cached TLS contexts for, and only the digests of the rest."""
        kept = 0
        for place in (used, *(place for place in reversed(self._sources) if place != used)):
            source = self._sources.get(place)
            if source is None or source.bundle is None or source.bundle.text is None:
                continue
            kept += len(source.bundle.text)
            if kept > MAX_KEPT and place != used:
                source.bundle = replace(source.bundle, text=None)


def _is_textless(bundle: CABundle | None) -> bool:
    """Whether its text was dropped."""
    return bundle is not None and bundle.text is None


def _version(config_map: Object) -> str:
    metadata = config_map["metadata"]
    return f"{metadata['uid']}/{metadata['resourceVersion']}"


def _text(config_map: Object, place: ConfigMapKey, where: str) -> str:
    text: str | None = (config_map.get("data") or {}).get(place.key)
    binary = (config_map.get("binaryData") or {}).get(place.key)
    if text is None and binary is not None:
        try:
            # Names in comments may use another encoding than UTF-8.
            text = base64.b64decode(binary).decode("latin-1")
        except binascii.Error:
            text = None
    if text is None or not text.strip():
        what = "has no" if text is None else "has an empty"
        raise UserActionRequired(
            Reason.CA_BUNDLE_NOT_FOUND,
            f"{where} {what} key {place.key}; add the CA bundle there or fix spec.caBundleRef",
        )
    if len(text) > MAX_BUNDLE:
        raise UserActionRequired(
            Reason.INVALID_CA_BUNDLE,
            f"key {place.key} of {where} is larger than {MAX_BUNDLE // 1024} KiB; remove the authorities that the"
            " endpoint does not need",
        )
    return text
