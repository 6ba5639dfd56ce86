"""The programs, each a class of its own."""

from typing import Final

from tests.consumers.program import Program
from tests.consumers.programs import envoy, kubernetes
from tests.consumers.programs.collector import Collector
from tests.consumers.programs.curl import Curl
from tests.consumers.programs.grpc import GRPC
from tests.consumers.programs.nginx import Nginx
from tests.consumers.programs.proxy import Caddy
from tests.consumers.programs.server import Prometheus, VMAgent
from tests.consumers.programs.snippet import HTTPX, Go, Java, Node, Requests

PROGRAMS: Final[tuple[type[Program], ...]] = (
    Curl,
    HTTPX,
    Requests,
    Node,
    Go,
    Java,
    Prometheus,
    VMAgent,
    Caddy,
    Nginx,
    envoy.Envoy,
    envoy.NamedFile,
    kubernetes.Python,
    kubernetes.TokenFile,
    kubernetes.Exec,
    GRPC,
    Collector,
)
QUICK_ONES: Final[tuple[type[Program], ...]] = (Curl, HTTPX, Node, Prometheus)
"""Those in `make test`: they read the file for each request, and none needs a separate build."""
