"""`diagnose`: checks what a token needs step by step, as far as the caller may see it.

Sends no token request and reads no Secret's data: the last step is a TLS handshake.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass

from integration_token.api.condition import Reason
from integration_token.api.endpoint import Endpoint, parse_endpoint
from integration_token.api.integration import Integration, parse_integration
from integration_token.api.selector import selects
from integration_token.cluster.collection import ENDPOINTS, NAMESPACES, SERVICE_ACCOUNTS, Object
from integration_token.cluster.secret import secret_metadata
from integration_token.cluster.service_account import account_metadata
from integration_token.command.caller import Caller, advice
from integration_token.command.output import ExitCode, harmless
from integration_token.controller.account import check_account
from integration_token.controller.consent import ACCOUNT, SECRET, released
from integration_token.controller.references import check_host, missing
from integration_token.controller.source import check_sources
from integration_token.errors import ClusterError, UserActionRequired
from integration_token.oauth.address import IPAddress, Policy, forbidden_address
from integration_token.oauth.lookup import look_up
from integration_token.oauth.token_url import check_url, listed_as, port_of
from integration_token.oauth.trust import tls_context
from integration_token.tls import failure_of

OK, FAILED, SKIPPED = "ok", "failed", "skipped"
UNSURE = "unsure"
"""It fails with a default installation; settings that the caller cannot see may allow it."""

_SECONDS = 10.0
"""Seconds for a look-up, and for a connection with its handshake."""

_EVENTS = 5
"""How many of the newest events are shown."""

_POLICY = Policy(insecure=False, allowed_hosts=frozenset(), private_hosts=frozenset())
"""The chart's defaults: the caller cannot see the settings of the installation."""


@dataclass(frozen=True, slots=True)
class Step:
    """What was checked, and the result."""

    name: str
    result: str
    detail: str


@dataclass(slots=True)
class Found:
    """Objects found by the steps, for a support bundle."""

    token: Object | None = None
    endpoint: Object | None = None
    events: tuple[Object, ...] = ()


async def steps(caller: Caller, name: str, found: Found) -> AsyncIterator[Step]:
    """All steps, as far as one leads to the next; fills `found`."""
    body = found.token = await caller.token(name)
    metadata, status = body["metadata"], body.get("status") or {}
    generation, seen = metadata.get("generation"), status.get("observedGeneration")
    yield Step("resource", OK, f"IntegrationToken {caller.namespace}/{name}, generation {generation}")
    if seen == generation:
        yield Step("operator", OK, "the operator has seen the current generation")
    else:
        yield Step(
            "operator",
            FAILED,
            f"the operator has not seen generation {generation} yet (last: {seen}); check that it is running",
        )
    try:
        integration = parse_integration(body)
        yield Step("spec", OK, "valid")
    except UserActionRequired as failure:
        yield Step("spec", FAILED, failure.message)
        return
    step, endpoint = await _endpoint(caller, integration, found)
    yield step
    if endpoint is not None and endpoint.namespace_selector:
        yield await _guarded("namespace selector", _selected(caller, integration, endpoint))
    async for step in _sources(caller, integration, endpoint):
        yield step
    if endpoint is not None:
        async for step in _reach(endpoint):
            yield step
    said = ""
    for condition in status.get("conditions") or ():
        good = condition.get("status") == ("False" if condition.get("type") in _BAD_IF_TRUE else "True")
        unknown = condition.get("status") == "Unknown"
        message = condition.get("message") or ""
        text = f"{condition.get('status')} {condition.get('reason')}"
        text += f": {message}" if message and message != said else ""
        said = message or said
        yield Step(f"condition {condition.get('type')}", OK if good or unknown else FAILED, text)
    try:
        found.events = tuple((await caller.events(str(metadata["uid"])))[-_EVENTS:])
    except ClusterError as error:
        yield Step("events", SKIPPED, advice(error))
        return
    for event in found.events:
        result = FAILED if event.get("type") == "Warning" else OK
        yield Step(f"event {event.get('reason')}", result, str(event.get("message", "")))


_BAD_IF_TRUE = frozenset({"Stalled", "RolloverTooLate"})


async def _endpoint(caller: Caller, integration: Integration, found: Found) -> tuple[Step, Endpoint | None]:
    """Also returns the endpoint, if it can be checked further."""
    ref = integration.endpoint
    try:
        body = await caller.find(ENDPOINTS[ref.kind], ref.namespace, ref.name)
    except ClusterError as error:
        return Step("endpoint", SKIPPED, advice(error)), None
    if body is None:
        return Step("endpoint", FAILED, missing(ref).message), None
    found.endpoint = body
    try:
        endpoint = parse_endpoint(ref.kind, body)
        host = listed_as(check_url(endpoint.token_url, _POLICY))
    except UserActionRequired as failure:
        if failure.reason == Reason.INSECURE_URL:
            return Step("endpoint", UNSURE, f"{failure.message}, unless the installation allows it"), None
        return Step("endpoint", FAILED, failure.message), None
    return Step("endpoint", OK, f"{ref.title}, {host}"), endpoint


async def _selected(caller: Caller, integration: Integration, endpoint: Endpoint) -> Step:
    body = await caller.find(NAMESPACES, "", integration.namespace) or {}
    labels = (body.get("metadata") or {}).get("labels") or {}
    if selects(endpoint.namespace_selector, labels):
        return Step("namespace selector", OK, f"selects {integration.namespace}")
    detail = f"does not select {integration.namespace}; ask the cluster's administrator to extend it"
    return Step("namespace selector", FAILED, detail)


async def _credentials(caller: Caller, integration: Integration, endpoint: Endpoint | None) -> Step:
    name = integration.credentials
    secret = await caller.metadata(integration.namespace, name)
    try:
        metadata = secret_metadata(released(secret, SECRET, integration.namespace, name))
        if endpoint is not None:
            check_host(metadata, endpoint, integration, _POLICY)
    except UserActionRequired as failure:
        return Step("credentials", FAILED, failure.message)
    return Step("credentials", OK, f"Secret {name} exists and is labelled for use; its data was not read")


async def _sources(caller: Caller, integration: Integration, endpoint: Endpoint | None) -> AsyncIterator[Step]:
    """Checks what the request requires."""
    if endpoint is not None and (misfit := _misfit(integration, endpoint)):
        yield Step("references", FAILED, misfit)
    if integration.credentials:
        yield await _guarded("credentials", _credentials(caller, integration, endpoint))
    if integration.service_account:
        yield await _guarded("service account", _account(caller, integration, endpoint))


def _misfit(integration: Integration, endpoint: Endpoint) -> str:
    """How the resource's references differ from what the endpoint requires; empty if they do not."""
    try:
        check_sources(integration, endpoint)
    except UserActionRequired as failure:
        return failure.message
    return ""


async def _account(caller: Caller, integration: Integration, endpoint: Endpoint | None) -> Step:
    name = integration.service_account
    body = await caller.metadata(integration.namespace, name, SERVICE_ACCOUNTS)
    try:
        account = account_metadata(released(body, ACCOUNT, integration.namespace, name))
        if endpoint is not None:
            check_account(account, integration, endpoint, await caller.cluster_identity(), _POLICY)
    except UserActionRequired as failure:
        return Step("service account", FAILED, failure.message)
    return Step(
        "service account", OK, f"ServiceAccount {name} exists and is labelled for use; no token was requested for it"
    )


async def _reach(endpoint: Endpoint) -> AsyncIterator[Step]:
    """From the caller's network: the operator's pod may resolve and connect differently."""
    url = check_url(endpoint.token_url, _POLICY)
    host, port = url.host, port_of(url)
    try:
        addresses = await asyncio.wait_for(look_up(host, port, lambda: None), _SECONDS)
    except TimeoutError:
        addresses = f"no answer within {_SECONDS:.0f} s"
    if isinstance(addresses, str):
        yield Step("name", FAILED, f"cannot resolve {host} from here: {addresses}; check the name and your DNS")
        return
    yield Step("name", OK, f"{host} resolves to {', '.join(map(str, addresses))} from here")
    private = endpoint.ref.kind.is_trusted
    forbidden = forbidden_address(addresses, private=private, insecure=False)
    if forbidden is not None:
        advice_ = "credentials are never sent there, unless the operator runs with --private-host for it"
        yield Step("addresses", UNSURE, f"{forbidden}: {advice_}")
        return
    yield Step("addresses", OK, "allowed")
    if endpoint.ca_bundle_ref is not None:
        yield Step(
            "TLS", SKIPPED, "its CA bundle is in a ConfigMap of the operator's namespace, which is not known here"
        )
        return
    # As the operator does: one after the other, until one connects.
    for address in addresses:
        step = await _handshake(endpoint, address, host, port)
        if step.result != FAILED:
            break
    yield step


async def _handshake(endpoint: Endpoint, address: IPAddress, host: str, port: int) -> Step:
    bundle = endpoint.ca_bundle
    try:
        context = await tls_context("" if bundle is None or bundle.text is None else bundle.text)
        opening = asyncio.open_connection(str(address), port, ssl=context, server_hostname=host)
        _, writer = await asyncio.wait_for(opening, _SECONDS)
    except UserActionRequired as failure:
        return Step("TLS", FAILED, failure.message)
    except (OSError, TimeoutError) as error:
        detail = failure_of(error) or (f"no answer within {_SECONDS:.0f} s" if isinstance(error, TimeoutError) else "")
        return Step("TLS", FAILED, f"{address} port {port}: {detail or 'could not connect'}")
    writer.close()
    return Step("TLS", OK, f"{address} port {port} has a valid certificate for {host}; no request was sent")


async def _guarded(name: str, looking: Awaitable[Step]) -> Step:
    """The step, or that the caller may not see what it needs."""
    try:
        return await looking
    except ClusterError as error:
        return Step(name, SKIPPED, advice(error))


def rendered(found: list[Step]) -> str:
    """For people: one line per step."""
    width = max(len(step.name) for step in found)
    lines = [f"{step.result:<8} {harmless(step.name):<{width}}  {harmless(step.detail)}".rstrip() for step in found]
    return "\n".join([*lines, "", NOTE])


NOTE = (
    "Checked from here with your permissions: the operator's pod may resolve and reach the endpoint differently, and"
    " its own settings (allowed hosts, proxy, trusted authorities) are not known here. No token request was sent."
)


def code(found: list[Step]) -> ExitCode:
    """Whether a step failed."""
    return ExitCode.NOT_GOOD if any(step.result == FAILED for step in found) else ExitCode.GOOD


def documents(found: list[Step]) -> list[dict[str, str]]:
    """For programs."""
    return [{"name": harmless(step.name), "result": step.result, "detail": harmless(step.detail)} for step in found]
