"""An upgrade, a rollback, and replicas of two versions that lead in turn, and what all that costs.

The release runs from its wheel with this tree's chart and CRDs, as in an upgrade, which begins with them. It has its
own plane; all counts come from the endpoint's log and the API server's audit log.
"""

import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import integration_token

from tests.apiserver.kube import Document, Kube
from tests.apiserver.ledger import Ledger
from tests.apiserver.operator import Installation, Operator
from tests.apiserver.stage import Login, Stage, Token
from tests.bench.audit import AuditTail
from tests.cluster.plane import ControlPlane
from tests.cluster.poll import poll
from tests.fakes.issuer import Policy
from tests.released.release import Release

TOTAL: Final = 300
"""Resources, including the special ones."""
SHARERS: Final = 30
"""Those with a common grant of a ClusterTokenEndpoint."""
RENEWED: Final = 20
"""Those that this tree renews before the rollback, so that its Secrets and the release's are mixed by then."""

DAY: Final = Policy(lifetime=86400, lead=3600)
"""Lifetime of all tokens: nothing is due while the test runs."""

RELEASE: Final = "upgrade-operator"
ISSUED: Final = 120.0
"""Seconds for the first tokens: it takes 5, but the machine is busy."""
LED: Final = 30.0
"""Seconds until another replica leads and has checked all of them."""

Key = tuple[str, str, str]
"""Kind, namespace and name."""

KINDS: Final = ("IntegrationToken", "TokenEndpoint", "ClusterTokenEndpoint")
CLUSTER: Final = "ClusterTokenEndpoint"
TEMPLATE: Final = {
    "metadata": {"labels": {"team": "shop"}, "annotations": {"note": "for the shop"}},
    "data": {"env": "TOKEN=${token}"},
}


@dataclass
class Leg:
    """What one version did while it led."""

    name: str
    requests: int
    """Token requests, except for refused ones, which are repeated."""
    writes: Counter[str]
    """Writes by verb and resource, without leases and resources without a token.

    What those wait for may be reported by other conditions in another version.
    """
    excused: Counter[str]
    """Status writes that only add a condition type unknown to the version before, or remove it in a rollback.

    Once per resource.
    """

    unready: int
    """Valid tokens that it didn't recognise as valid."""
    reworded: set[str]
    """Conditions of any resource, without a token too, that it wrote in other words although nothing else changed."""

    @property
    def costs(self) -> dict[str, int]:
        """All of that; empty if there was nothing."""
        writes = self.writes - self.excused
        return dict(+Counter({"token requests": self.requests, "not found good": self.unready, **writes}))


@dataclass
class World:
    """A plane with this tree's chart, and a thousand resources."""

    plane: ControlPlane
    kube: Kube
    login: Login
    installation: Installation
    ledger: Ledger
    tokens: list[Token] = field(default_factory=list)
    """Resources with a token."""
    failing: list[Token] = field(default_factory=list)
    """Resources without a token."""
    started: list[Operator] = field(default_factory=list)

    def operator(self, version: Release | None = None) -> Operator:
        """A replica of that version, or of this tree, not started yet."""
        wheel = None if version is None else version.wheel
        return Operator(self.installation, self.ledger, f"--lease-namespace={RELEASE}", wheel=wheel)

    def start(self, replica: Operator) -> None:
        """Starts it; it runs until it is stopped, or the test ends."""
        self.started.append(replica)
        replica.start()

    def documents(self) -> dict[Key, Document]:
        """Every object whose status the operator writes, and every Secret."""
        return {
            (kind, found["metadata"].get("namespace", ""), found["metadata"]["name"]): found
            for kind in (*KINDS, "Secret")
            for found in self.kube.list(kind)
        }

    def tail(self) -> AuditTail:
        """The replicas' requests to the API server from now on; they share one account."""
        return AuditTail(self.plane.directory / "audit.log", self.installation.user)

    def leg(self, name: str, leads: Operator, begin: Callable[[], None]) -> Leg:
        """Lets a replica lead from when `begin` is called until it has nothing more to do."""
        before = self.documents()
        tail = self.tail()
        seen = len(self.login.endpoint.log)
        begin()
        unready = self.until_looked(leads, LED)
        tail.await_quiet(lambda: None)
        refused = {token.client_id for token in self.failing}
        without = {token.name for token in self.failing}
        documents = self.documents()
        excused = Counter(
            f"patch {kind.lower()}s/status"
            for (kind, namespace, name), after in documents.items()
            if _types(after) != _types(before[kind, namespace, name]) and name not in without
        )
        return Leg(
            name,
            requests=sum(record.client_id not in refused for record in self.login.endpoint.log[seen:]),
            writes=Counter(
                f"{write.verb} {'/'.join(filter(None, (write.resource, write.subresource)))}"
                for write in tail.writes
                if write.resource != "leases" and write.name not in without
            ),
            excused=excused,
            unready=unready,
            reworded={
                f"{'/'.join(key)}: {message} -> {after[condition]}"
                for key, document in before.items()
                if (after := _messages(documents.get(key, {})))
                for condition, message in _messages(document).items()
                if after.get(condition, message) != message
            },
        )

    def until_looked(self, leads: Operator, seconds: float) -> int:
        """Waits until the replica leads and recognises every valid token; how many it hasn't by the timeout."""
        missing = len(self.tokens)

        def looked() -> bool:
            nonlocal missing
            assert leads.process.running, leads.process.tail()
            lines = (leads.metrics() if leads.leads else "").splitlines()
            found = [line for line in lines if line.startswith("integration_token_ready_status{")]
            missing = len(self.tokens) - sum(line.endswith(" 1.0") for line in found)
            return not missing

        with suppress(TimeoutError):
            poll(looked, "all resources to be looked at", seconds)
        return missing


@dataclass(frozen=True)
class Costs:
    """What it cost although there was nothing to do."""

    legs: dict[str, dict[str, int]]
    """Names of the legs."""
    changed: set[tuple[Key, str]]
    """Objects that came or went, and Secrets that changed, after the renewals."""
    managers: set[str]
    """The field managers of target Secrets."""
    reworded: set[str]
    """Conditions that this tree wrote in its own words although the release had said the same."""


@contextmanager
def _world() -> Iterator[World]:
    """Nothing has seen its resources yet."""
    ledger, login = Ledger(), Login()
    with ControlPlane() as plane, login.endpoint:
        kube = Kube(plane)
        installation = Installation(plane, RELEASE, "endpoints.insecure=true", "replicas=2", "logging.level=info")
        world = World(plane, kube, login, installation, ledger)
        _populate(world)
        try:
            yield world
        finally:
            for replica in world.started:
                replica.stop()
            kube.close()


def play(release: Release) -> Costs:
    """Tokens from the release, some renewed by this tree, while the versions lead in turn and in parallel."""
    with _world() as world:
        old, new = world.operator(release), world.operator()
        world.start(old)
        assert not world.until_looked(old, ISSUED)
        _settle(world)
        assert _code(old) == release.wheel / "integration_token"
        legs = [world.leg("an upgrade", new, lambda: _hand_over(world, old, new))]
        assert _code(new) == Path(str(integration_token.__file__)).parent
        _renew(world, world.tokens[:: len(world.tokens) // RENEWED])
        before = world.documents()
        legs += [
            world.leg("a rollback", old, lambda: _hand_over(world, new, old)),
            world.leg("this tree after the release beside it", new, lambda: _take_turns(world, old, new)),
            world.leg("the release after this tree beside it", old, lambda: _take_turns(world, new, old)),
        ]
        after = world.documents()
        return Costs(
            {leg.name: leg.costs for leg in legs},
            changed=_seen(before) ^ _seen(after),
            managers=_managers(world),
            reworded=legs[0].reworded | legs[2].reworded,
        )


def _populate(world: World) -> None:
    """Creates everything that the release issues tokens for."""
    stages = [Stage(world.kube, world.ledger, world.login, f"upgrade-{name}") for name in "abc"]
    first, second, third = stages
    first.endpoint("shared", CLUSTER)
    first.endpoint("other", requestEncoding="Form", clientAuthenticationMethod="ClientSecretBasic", rolloverLead="1h",
                   parameters={"resource": "https://api.example"})  # fmt: skip
    secret = first.client("shared", policy=DAY)
    make = world.tokens.append
    for number in range(SHARERS):
        stage = stages[number % 3]
        make(stage.token(f"sharer-{number}", client_id="shared", secret=secret, kind=CLUSTER, endpoint="shared"))
    make(first.token("retained", policy=DAY, target={"name": "kept", "deletionPolicy": "Retain"}))
    make(first.token("labelled", policy=DAY, target={"template": TEMPLATE}))
    make(first.token("scoped", policy=DAY, scopes=["read"], audience="https://other.example", renewBefore="30m"))
    make(first.token("other", policy=DAY, endpoint="other", mountRefresh="Never"))
    make(second.token("suspended", policy=DAY))
    third.credentials("refused-credentials", "upgrade-c.refused", world.ledger.odd_secret())
    world.failing.append(third.token("refused", policy=DAY, credentials=False))
    world.failing.append(third.token("unlabelled", policy=DAY, credentials=False))
    third.secret("unlabelled-credentials", {"client_id": "a", "client_secret": "b"})
    world.failing.append(third.token("missing", policy=DAY, credentials=False))
    world.failing.append(third.token("never-begun", policy=DAY, suspend=True))
    for number in range(TOTAL - len(world.tokens) - len(world.failing)):
        make(stages[number % 3].token(f"plain-{number}", policy=DAY))


def _settle(world: World) -> None:
    """Waits until the release has reported everything, and suspends what already had its token."""
    (suspended,) = (token for token in world.tokens if token.name == "suspended")
    suspended.patch(suspend=True)
    suspended.until_condition("Refreshed", "False", "Suspended")
    reasons = ("AccessDenied", "CredentialsNotLabelled", "CredentialsNotFound", "Suspended")
    for token, reason in zip(world.failing, reasons, strict=True):
        token.until_failing(reason)
    world.tail().await_quiet(lambda: None)  # events follow at their own pace


def _renew(world: World, tokens: list[Token]) -> None:
    """Has the leading version renew them."""
    wanted = [token for token in tokens if not token.document()["spec"].get("suspend")]
    held = {token.name: token.held for token in wanted}
    for client_id in {token.client_id for token in wanted}:
        world.login.endpoint.roll_over(client_id)
    for token in wanted:
        token.request_poll()
    for token in wanted:
        token.until(partial(_holds_another, token, held[token.name]), "another token")
    world.tail().await_quiet(lambda: None)  # its events don't count for what comes next


def _holds_another(token: Token, than: str) -> bool:
    return token.held != than


def _hand_over(world: World, before: Operator, after: Operator) -> None:
    before.stop()
    world.start(after)


def _take_turns(world: World, before: Operator, after: Operator) -> None:
    """The next leader stands by first."""
    world.start(after)
    after.await_ready()
    assert before.leads
    assert not after.leads
    before.stop()


def _code(operator: Operator) -> Path:
    """The package that the process runs, from its own environment: otherwise one version might be tested twice."""
    process = Path("/proc") / str(operator.pid)
    environment = dict(entry.split("=", 1) for entry in (process / "environ").read_text().split("\0") if entry)
    (python, *_) = (process / "cmdline").read_text().split("\0")
    code = "import integration_token; print(integration_token.__file__)"
    told = subprocess.run(
        [python, "-c", code],
        env=environment,
        cwd=(process / "cwd").readlink(),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return Path(told.stdout.strip()).parent


def _seen(documents: dict[Key, Document]) -> set[tuple[Key, str]]:
    """What exists, and the versions of Secrets: statuses may be rewritten."""
    return {
        (key, found["metadata"]["resourceVersion"] if key[0] == "Secret" else "") for key, found in documents.items()
    }


def _types(document: Document) -> set[str]:
    return {condition["type"] for condition in document.get("status", {}).get("conditions", ())}


def _messages(document: Document) -> dict[tuple[str, str, str], str]:
    """The messages of a status by type, status and reason of their conditions."""
    return {
        (condition["type"], condition["status"], condition["reason"]): condition["message"]
        for condition in document.get("status", {}).get("conditions", ())
    }


def _managers(world: World) -> set[str]:
    """The field managers of target Secrets."""
    secrets = [secret for token in world.tokens if (secret := token.secret()) is not None]
    assert len(secrets) == len(world.tokens)
    return {entry["manager"] for secret in secrets for entry in secret["metadata"]["managedFields"]}
