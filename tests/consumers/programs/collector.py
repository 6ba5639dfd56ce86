"""The OpenTelemetry Collector, built from the parts that a token needs."""

import re
from pathlib import Path

import yaml

from tests.cluster import go_program
from tests.consumers.program import MOUNT, ORIGIN, Program, Site

SOURCE = Path(__file__).parents[1] / "collector"


class Collector(Program):
    """It exports over HTTP."""

    name = "OTel bearertokenauth"
    key = "token"
    # Without the wait its first exports have an empty header.
    setting = f"""\
extensions:
  bearertokenauth:
    filename: {MOUNT}/token
    retry_on_failure: {{enabled: true, interval: 1s}}
    wait_for_token_file: true
exporters:
  otlp_http:
    endpoint: {ORIGIN}
    auth: {{authenticator: bearertokenauth}}
service:
  extensions: [bearertokenauth]
"""

    def version(self) -> str:
        """See Program."""
        found = re.search(r"/bearertokenauthextension v(\S+)", (SOURCE / "go.mod").read_text())
        assert found is not None
        return found[1]

    def command(self, site: Site) -> list[str]:
        """See Program."""
        config = yaml.safe_load(self.set_up(site))
        config["exporters"]["otlp_http"] |= {
            "metrics_endpoint": site.url,
            "sending_queue": {"enabled": False},
            "retry_on_failure": {"enabled": False},
        }
        config |= {"receivers": {"pulse": None}}
        config["service"] |= {
            "pipelines": {"metrics": {"receivers": ["pulse"], "exporters": ["otlp_http"]}},
            "telemetry": {"metrics": {"level": "none"}},
        }
        (site.home / "collector.yml").write_text(yaml.safe_dump(config))
        return [str(go_program.build(SOURCE, "about 2 min on two cores")), "collector.yml"]
