"""gRPC for Go, with its credentials for JWTs in files."""

from tests.cluster import go_program
from tests.cluster.module import KUBERNETES
from tests.consumers.pace import SIGNED
from tests.consumers.program import MOUNT, Program, Site


class GRPC(Program):
    """It reads the file once its token has 90 s left."""

    name = "grpc-go jwt"
    key = "token"
    pace = SIGNED
    setting = f"""\
token, err := jwt.NewTokenFileCallCredentials("{MOUNT}/token")
"""

    def version(self) -> str:
        """See Program."""
        return KUBERNETES.version("google.golang.org/grpc").removeprefix("v")

    def command(self, site: Site) -> list[str]:
        """See Program."""
        return [str(go_program.build(KUBERNETES.directory / "grpcjwt")), str(site.mount / self.key)]
