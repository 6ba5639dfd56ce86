"""Builds everything that works on resources: a single wiring for the process, for tests in virtual time and for
simulations."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from integration_token.api.endpoint import EndpointRef
from integration_token.clock import Clock
from integration_token.cluster.collection import SECRETS
from integration_token.cluster.event import EventRecorder
from integration_token.cluster.gateway import Gateway
from integration_token.cluster.secret import SecretWatch
from integration_token.controller.account import Accounts
from integration_token.controller.audit import AuditLog
from integration_token.controller.ca_bundle import CABundles
from integration_token.controller.endpoint import EndpointReconciler
from integration_token.controller.judgement import Judge
from integration_token.controller.observer import Observer
from integration_token.controller.pod_refresh import PodRefresher
from integration_token.controller.reconciler import Reconciler
from integration_token.controller.references import References
from integration_token.controller.refresh import Refresher
from integration_token.controller.reporter import Reporter
from integration_token.controller.request import TokenRequester
from integration_token.controller.status_write import StatusWriter
from integration_token.controller.target import TargetWriter
from integration_token.controller.target_update import TargetUpdater
from integration_token.controller.token_copy import TokenCopier
from integration_token.handlers.event_handler import EventHandler
from integration_token.oauth.address import Policy
from integration_token.oauth.client import TokenClient
from integration_token.oauth.token_url import host_of
from integration_token.state.grants import Grants
from integration_token.state.inventory import Inventory
from integration_token.telemetry.metrics import Metrics
from integration_token.workqueue.endpoint_queues import EndpointQueues
from integration_token.workqueue.key import endpoint_key
from integration_token.workqueue.scheduler import Scheduler


@dataclass(frozen=True, slots=True)
class Worker:
    """The parts that callers start, stop or notify."""

    inventory: Inventory
    scheduler: Scheduler
    secrets: SecretWatch
    events: EventRecorder
    handler: EventHandler
    reconciler: Reconciler
    bundles: CABundles
    queues: EndpointQueues


def build_worker(
    gateway: Gateway,
    client: TokenClient,
    clock: Clock,
    metrics: Metrics,
    policy: Policy,
    *,
    namespaces: Collection[str],
    own_namespace: str | None,
    instance: str,
    audit_token_ids: bool,
    jitter: Callable[[], float],
) -> Worker:
    """Everything that works, not yet started.

    :param namespaces: to serve; empty for all.
    :param own_namespace: the operator's; None if it has none.
    :param instance: identifies this process in events.
    :param audit_token_ids: whether the audit log includes the `jti` of tokens.
    :param jitter: returns numbers uniform in [0, 1).
    """

    def secret_changed(namespace: str, name: str) -> None:
        for key in inventory.of_secret(namespace, name):
            scheduler.wake(key)

    def recovered() -> None:
        # Retry at once what failed while the API server was away: tokens may have expired.
        for key, state in inventory.resources.items():
            if state.remembered.failing.api_failures:
                scheduler.wake(key)

    def bundle_changed(endpoint: EndpointRef) -> None:
        scheduler.wake(endpoint_key(endpoint))
        for key in inventory.of_endpoint(endpoint):
            # A resource with a good token needs the authorities only for its next request.
            remembered = inventory.resources[key].remembered
            if remembered.failing.failure is not None or remembered.last_reconciled is None:
                scheduler.wake(key)

    inventory = Inventory(clock, metrics.drop_endpoint, metrics.drop_namespace)
    # The reconciler does not exist yet.
    scheduler = Scheduler(clock, lambda key: reconciler.work(key), lambda key: reconciler.tell(key))  # noqa: PLW0108
    secrets = SecretWatch(
        gateway, namespaces, secret_changed, recovered, lambda: metrics.record_watch_restart(SECRETS.plural)
    )
    events = EventRecorder(gateway, clock, instance)
    queues = EndpointQueues(clock, scheduler, lambda endpoint: host_of(endpoint.token_url, policy))
    grants = Grants(scheduler)
    writer = TargetWriter(gateway, secrets, scheduler, clock)
    statuses = StatusWriter(gateway, inventory, events, scheduler)
    reporter = Reporter(statuses, inventory, events, clock)
    bundles = CABundles(gateway, inventory, own_namespace, bundle_changed)
    accounts = Accounts(gateway, policy, clock)
    references = References(gateway, secrets, inventory, bundles, accounts, policy, clock, clusterwide=not namespaces)
    requester = TokenRequester(references, accounts, client, clock, metrics)
    refresher = Refresher(
        requester=requester,
        queues=queues,
        scheduler=scheduler,
        grants=grants,
        copier=TokenCopier(grants, writer, metrics),
        writer=writer,
        judge=Judge(requester, grants, clock, AuditLog(token_ids=audit_token_ids)),
        clock=clock,
        jitter=jitter,
    )
    reconciler = Reconciler(
        gateway=gateway,
        secrets=secrets,
        inventory=inventory,
        observer=Observer(references, writer, grants),
        refresher=refresher,
        updater=TargetUpdater(writer, grants, metrics, clock),
        queues=queues,
        grants=grants,
        pods=PodRefresher(gateway, reporter, clock),
        endpoints=EndpointReconciler(gateway, inventory, bundles, policy, clock),
        reporter=reporter,
        statuses=statuses,
        clock=clock,
        jitter=jitter,
    )
    handler = EventHandler(inventory, scheduler, queues)
    return Worker(inventory, scheduler, secrets, events, handler, reconciler, bundles, queues)
