"""`python -m tests.endpoints [NAME...]`: the operator against these servers, with the seconds that each case took.

Exit codes: 0 if every case succeeded, 1 if one didn't.
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from tests.apiserver.kube import Kube
from tests.apiserver.operator import usual
from tests.cluster import markdown
from tests.cluster.plane import ControlPlane
from tests.cluster.progress import say
from tests.endpoints import case, federation
from tests.endpoints.authlib import Authlib
from tests.endpoints.case import Result
from tests.endpoints.django_oauth_toolkit import DjangoOAuthToolkit
from tests.endpoints.hydra import Hydra
from tests.endpoints.keycloak import Keycloak, OlderKeycloak
from tests.endpoints.node_oauth import NodeOAuth
from tests.endpoints.oidc_provider import OIDCProvider
from tests.endpoints.server import TokenServer
from tests.endpoints.site import Site
from tests.endpoints.spring_authorization_server import SpringAuthorizationServer

SERVERS: tuple[type[TokenServer], ...] = (
    Keycloak,
    OlderKeycloak,
    SpringAuthorizationServer,
    OIDCProvider,
    NodeOAuth,
    DjangoOAuthToolkit,
    Authlib,
    Hydra,
)


def main(names: list[str]) -> int:
    """Runs the cases of one server after another; failures are printed below the table."""
    if unknown := set(names) - {kind.name for kind in SERVERS}:
        sys.exit(
            f"no such server: {', '.join(sorted(unknown))}; known servers: {', '.join(kind.name for kind in SERVERS)}"
        )
    kinds = [kind for kind in SERVERS if not names or kind.name in names]
    rows: dict[str, dict[str, Result]] = {}
    with ExitStack() as stack:
        plane = stack.enter_context(ControlPlane(audit=False, issuer=True))
        stack.enter_context(usual(plane, *federation.values(plane, *SERVERS)))
        kube = Kube(plane)
        stack.callback(kube.close)
        for kind in kinds:
            say(kind.name)
            with federation.running(kind, plane) as server, ThreadPoolExecutor(max_workers=32) as pool:
                futures = case.begin(pool, Site(kube, server))
                rows[kind.name] = {name: future.result() for name, future in futures.items()}
    sys.stdout.write(table(rows))
    failures = [
        f"{server}, {name}: {result.failure}"
        for server, row in rows.items()
        for name, result in row.items()
        if result.failure is not None
    ]
    sys.stdout.write("".join(f"{text}\n" for text in failures))
    return 1 if failures else 0


def table(rows: dict[str, dict[str, Result]]) -> str:
    """As Markdown: a row for each case, a column for each server; seconds, or what a server lacks."""
    names = list(dict.fromkeys(name for row in rows.values() for name in row))
    return markdown.table(["case", *rows], ([name, *(_cell(row.get(name)) for row in rows.values())] for name in names))


def _cell(result: Result | None) -> str:
    if result is None:
        return "–"
    return f"{result.seconds:.1f} s" if result.failure is None else "FAILED"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
