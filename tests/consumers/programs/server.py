"""Servers that scrape an API, with a file named in their configuration."""

from urllib.parse import urlsplit

import yaml

from tests.cluster import tool
from tests.cluster.module import PROMETHEUS, VMAGENT
from tests.cluster.port import free_port
from tests.consumers.program import MOUNT, Program, Site


class Prometheus(Program):
    """It scrapes the API."""

    name = "Prometheus"
    key = "token"
    setting = f"""\
scrape_configs:
  - job_name: shop
    authorization:
      credentials_file: {MOUNT}/token
    static_configs:
      - targets: [api.example]
"""

    def version(self) -> str:
        """See Program."""
        # The module's version: v0.316.0 is 3.16.0.
        _, minor, patch = PROMETHEUS.version("github.com/prometheus/prometheus").split(".")
        return f"{minor[0]}.{int(minor[1:])}.{patch}"

    def command(self, site: Site) -> list[str]:
        """See Program."""
        self._configure(site)
        listen = f"--web.listen-address=127.0.0.1:{free_port()}"
        return [str(tool.find("prometheus")), "--config.file=prometheus.yml", "--storage.tsdb.path=data", listen]

    def _configure(self, site: Site) -> None:
        config, url = yaml.safe_load(self.set_up(site)), urlsplit(site.url)
        config["scrape_configs"][0] |= {
            "scrape_interval": "200ms",
            "scrape_timeout": "200ms",
            "metrics_path": url.path,
            "static_configs": [{"targets": [url.netloc]}],
        }
        (site.home / "prometheus.yml").write_text(yaml.safe_dump(config))


class VMAgent(Prometheus):
    """It scrapes the API with the same setting, and caches what it reads for a second, on a clock of whole seconds."""

    name = "vmagent"
    delay = 2.0

    def version(self) -> str:
        """See Program."""
        return VMAGENT.version("github.com/VictoriaMetrics/VictoriaMetrics").removeprefix("v")

    def command(self, site: Site) -> list[str]:
        """See Program."""
        self._configure(site)
        # What it scraped goes nowhere.
        nowhere = f"-remoteWrite.url=http://127.0.0.1:{free_port()}/"
        listen = f"-httpListenAddr=127.0.0.1:{free_port()}"
        data = "-remoteWrite.tmpDataPath=data"
        return [str(tool.find("vmagent")), "-promscrape.config=prometheus.yml", nowhere, data, listen]
