"""The chart's values: each is documented, and each is validated."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chart.rendering import CI_FILES, Document, Helm
from tests.cluster.client import CHART

REFUSED: list[tuple[str, Any, str]] = [
    # For each case: the value's path, what it is set to, and what the message names.
    ("replicas", 0, "replicas"),
    ("replicas", "2", "replicas"),
    ("replicaCount", 2, "replicaCount"),
    ("image.registry", "registry.example.com", "registry"),
    ("image.repository", "", "repository"),
    ("image.repository", "operator@sha256:00", "repository"),
    ("image.tag", 1.1, "tag"),
    ("image.tag", "a:b", "tag"),
    ("image.digest", "0123", "digest"),
    ("image.pullPolicy", "Sometimes", "pullPolicy"),
    ("imagePullSecrets", ["registry"], "imagePullSecrets"),
    ("imagePullSecrets", [{"secret": "registry"}], "imagePullSecrets"),
    ("nameOverride", "Tokens", "nameOverride"),
    ("fullnameOverride", "a" * 64, "fullnameOverride"),
    ("namespaceOverride", "a_b", "namespaceOverride"),
    ("commonLabels", {"app.kubernetes.io/name": "other"}, "app.kubernetes.io"),
    ("commonLabels", {"team": 1}, "team"),
    ("namespaces", "store", "namespaces"),
    ("namespaces", ["store", "store"], "namespaces"),
    ("namespaces", ["*"], "namespaces"),
    ("serviceAccounts", ["shop"], "serviceAccounts"),
    ("serviceAccounts", [{"namespace": "store", "name": ""}], "serviceAccounts"),
    ("serviceAccounts", [{"namespace": "store", "name": "*"}], "serviceAccounts"),
    ("serviceAccounts", [{"namespace": "*", "name": "shop"}], "serviceAccounts"),
    ("serviceAccounts", [{"namespace": "", "name": "shop"}], "serviceAccounts"),
    ("serviceAccounts", [{"namespace": "store"}], "serviceAccounts"),
    ("serviceAccounts", [{"name": "shop"}], "serviceAccounts"),
    ("serviceAccounts", [{"namespace": "store", "name": "shop", "verbs": ["*"]}], "serviceAccounts"),
    ("endpoints.allowedHosts", ["https://login.example.com"], "allowedHosts"),
    ("endpoints.allowedHosts", ["login.example.com:443"], "allowedHosts"),
    ("endpoints.allowedHosts", "login.example.com", "allowedHosts"),
    ("endpoints.privateHosts", [""], "privateHosts"),
    ("endpoints.proxyURL", "http://me:secret@proxy.example.com:3128", "proxyURL"),
    ("endpoints.proxyURL", "proxy.example.com:3128", "proxyURL"),
    ("endpoints.proxyURL", "http://proxy.example.com:3128", "endpoints.proxyURL requires endpoints.allowedHosts"),
    ("endpoints.caBundleConfigMaps", "authorities", "caBundleConfigMaps"),
    ("endpoints.caBundleConfigMaps", ["*"], "caBundleConfigMaps"),
    ("endpoints.caBundleConfigMaps", [""], "caBundleConfigMaps"),
    ("endpoints.noProxy", [".example.com"], "noProxy"),
    ("endpoints.noProxy", "login.example.com", "noProxy"),
    ("endpoints.insecure", "true", "insecure"),
    ("trustedCA.configMap", "Authorities", "configMap"),
    ("trustedCA.key", "../ca.crt", "key"),
    ("trustedCA.key", "", "key"),
    ("trustedCA.secret", "authorities", "secret"),
    ("logging.level", "trace", "level"),
    ("logging.format", "xml", "format"),
    ("metrics.enabled", True, "enabled"),
    ("metrics.port", "http", "port"),
    ("metrics.port", 65536, "port"),
    ("metrics.service.type", "NodePort", "type"),
    ("metrics.service.labels", {"app.kubernetes.io/name": "other"}, "app.kubernetes.io"),
    ("metrics.serviceMonitor.enabled", 1, "enabled"),
    ("metrics.serviceMonitor.interval", "30", "interval"),
    ("metrics.serviceMonitor.scrapeTimeout", 10, "scrapeTimeout"),
    ("metrics.serviceMonitor.targetPort", 8080, "targetPort"),
    ("metrics.serviceMonitor.namespace", "Monitoring", "namespace"),
    ("metrics.serviceMonitor.honorLabels", "true", "honorLabels"),
    ("metrics.serviceMonitor.relabelings", {"action": "drop"}, "relabelings"),
    ("metrics.podMonitor.metricRelabelings", [{"source_labels": ["a"]}], "source_labels"),
    ("metrics.service.ipFamilyPolicy", "DualStack", "ipFamilyPolicy"),
    ("metrics.service.ipFamilies", ["ipv4"], "ipFamilies"),
    ("metrics.prometheusRule.selector", "job=tokens", "selector"),
    ("metrics.prometheusRule.selector", 'job="tokens",', "selector"),
    ("metrics.prometheusRule.runbookURL", "", "runbookURL"),
    ("metrics.prometheusRule.runbookURL", "https://runbooks.example.com#tokens", "runbookURL"),
    ("metrics.prometheusRule.alertLabels", {"severity": "page"}, "severity"),
    ("metrics.prometheusRule.alerts.expired", {"enabled": False}, "expired"),
    ("metrics.prometheusRule.alerts.notReady.for", "10", "for"),
    ("metrics.prometheusRule.alerts.renewalLate.percentage", 0, "percentage"),
    ("metrics.prometheusRule.alerts.endpointDown.window", "", "window"),
    ("metrics.dashboard.labels", {"app.kubernetes.io/name": "other"}, "app.kubernetes.io"),
    ("crds.enabled", "no", "enabled"),
    ("crds.install", True, "install"),
    ("crds.annotations", {"a": True}, "annotations"),
    ("rbac.create", False, "create"),
    ("serviceAccount.automount", True, "automount"),
    ("serviceAccount.labels", {"app.kubernetes.io/name": "other"}, "app.kubernetes.io"),
    ("extraArgs", "--log-level=debug", "extraArgs"),
    ("extraArgs", ["run"], "extraArgs"),
    ("extraVolumes", [{"secret": {"secretName": "a"}}], "name"),
    ("extraVolumeMounts", [{"name": "a"}], "mountPath"),
    ("extraObjects", {"kind": "ConfigMap"}, "extraObjects"),
    ("extraEnv", {"TZ": "UTC"}, "extraEnv"),
    ("extraEnv", [{"value": "UTC"}], "name"),
    ("extraEnv", [{"name": "TZ", "value": 1}], "value"),
    ("deploymentAnnotations", {"a": 1}, "deploymentAnnotations"),
    ("podAnnotations", {"a": True}, "podAnnotations"),
    ("podLabels", {"app.kubernetes.io/instance": "other"}, "podLabels"),
    ("podSecurityContext", [], "podSecurityContext"),
    ("securityContext", "restricted", "securityContext"),
    ("resources.request", {"cpu": "1"}, "request"),
    ("resources.limits", {"memory": True}, "memory"),
    ("startupProbe.httpGet", {"path": "/"}, "httpGet"),
    ("livenessProbe.periodSeconds", 0, "periodSeconds"),
    ("readinessProbe.timeoutSeconds", "5s", "timeoutSeconds"),
    ("terminationGracePeriodSeconds", 0, "terminationGracePeriodSeconds"),
    ("hostNetwork", "yes", "hostNetwork"),
    ("hostUsers", "no", "hostUsers"),
    ("dnsPolicy", "Cluster", "dnsPolicy"),
    ("dnsPolicy", "None", "dnsPolicy None requires dnsConfig.nameservers"),
    ("dnsConfig.nameserver", "192.0.2.53", "nameserver"),
    ("hostAliases", [{"ip": "192.0.2.10"}], "hostnames"),
    ("runtimeClassName", True, "runtimeClassName"),
    ("strategy", "Recreate", "strategy"),
    ("strategy.type", "OnDelete", "type"),
    ("strategy.type", "RollingUpdate", "strategy would run two operators at once"),
    ("strategy.rollingUpdate.maxSurge", "half", "maxSurge"),
    ("revisionHistoryLimit", -1, "revisionHistoryLimit"),
    ("networkPolicy.enabled", 1, "enabled"),
    ("networkPolicy.endpoints.ports", ["https"], "ports"),
    ("networkPolicy.apiServer.ports", [0], "ports"),
    ("networkPolicy.apiServer.to", [{"cidr": "192.0.2.0/28"}], "cidr"),
    ("networkPolicy.egress", [], "egress"),
    ("priorityClassName", 1, "priorityClassName"),
    ("nodeSelector", {"disk": 1}, "nodeSelector"),
    ("tolerations", [{"keys": "a"}], "keys"),
    ("affinity.node", {}, "node"),
    ("topologySpreadConstraints", [{"topologyKey": "zone"}], "maxSkew"),
    (
        "topologySpreadConstraints",
        [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "Never"}],
        "whenUnsatisfiable",
    ),
    ("podDisruptionBudget.maxUnavailable", 0, "maxUnavailable"),
    ("podDisruptionBudget.maxUnavailable", "0%", "maxUnavailable"),
    ("podDisruptionBudget.minAvailable", 1, "minAvailable"),
    ("global", "all", "global"),
    ("global.imageRegistry", "https://mirror.example.com", "imageRegistry"),
    ("global.imagePullSecrets", "mirror", "imagePullSecrets"),
    ("global.imagePullSecrets", [{"secret": "mirror"}], "imagePullSecrets"),
    ("global.commonLabels", {"helm.sh/chart": "other"}, "helm.sh"),
    ("global.compatibility.openshift.adaptSecurityContext", "yes", "adaptSecurityContext"),
    ("enabled", "yes", "enabled"),
]


@pytest.mark.parametrize(("path", "value", "named"), REFUSED, ids=[f"{path}={value}" for path, value, _ in REFUSED])
def test_wrong_value_is_refused(helm: Helm, path: str, value: Any, named: str) -> None:
    """A value that can't be intended stops the installation, with a message that names it."""
    assert named in helm.refusal("--set-json", f"{path}={json.dumps(value)}").partition(":\n")[2]


def test_values_of_a_parent_chart_are_admitted(helm: Helm) -> None:
    """A subchart gets `global` and may get `enabled`; unknown entries there have no effect."""
    assert helm.template("--set=global.environment=staging,global.security.strict=true,enabled=true") == helm.template()


@pytest.mark.parametrize("path", CI_FILES, ids=lambda path: path.name.removesuffix("-values.yaml"))
def test_lint(helm: Helm, path: Path) -> None:
    """`helm lint --strict` finds nothing, with each set of values."""
    assert helm.lint("--values", path) == ""


def _leaves(values: Document, path: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{path}{name}.")
        else:
            yield f"{path}{name}", value


def _values() -> dict[str, Any]:
    return dict(_leaves(yaml.safe_load((CHART / "values.yaml").read_text())))


def test_readme_has_every_value() -> None:
    """The README's table has each value with its default, and no others."""
    rows = re.findall(r"^\| `([\w.]+)` \| `(.*?)` \|", (CHART / "README.md").read_text(), flags=re.MULTILINE)
    assert {name: yaml.safe_load(default) for name, default in rows} == _values()


def test_schema_has_every_value() -> None:
    """The schema knows each value by name, so that typos are refused; only Kubernetes' own objects are open."""
    schema = json.loads((CHART / "values.schema.json").read_text())
    open_objects = set()
    for path in _values():
        node = schema
        walked: list[str] = []
        for name in path.split("."):
            node = schema["definitions"][node["$ref"].rsplit("/", 1)[1]] if "$ref" in node else node
            if "properties" not in node:
                open_objects.add(".".join(walked))
                break
            # Other entries in a parent's globals are for its other charts.
            assert walked[:1] == ["global"] or node["additionalProperties"] is False, ".".join(walked)
            assert name in node["properties"], path
            walked.append(name)
            node = node["properties"][name]
    assert open_objects == {
        "podSecurityContext",
        "securityContext",
        "resources.requests",
        "resources.limits",
        "metrics.dashboard.labels",
    }


def test_schema_has_no_other_value() -> None:
    """Each top-level value that the schema allows has a default in the chart, except for a parent chart's."""
    schema = json.loads((CHART / "values.schema.json").read_text())
    assert schema["properties"].keys() - {path.partition(".")[0] for path in _values()} == {"enabled"}


def test_every_ci_file_covers_a_feature(helm: Helm) -> None:
    """Each set of values except the empty one changes what is installed."""
    default = helm.template()
    same = {path.name for path in CI_FILES if helm.template("--values", path) == default}
    assert same == {"default-values.yaml"}


def _undescribed(path: str, node: Any) -> Iterator[str]:
    """All properties at any depth without a description."""
    if isinstance(node, list):
        for child in node:
            yield from _undescribed(path, child)
    elif isinstance(node, dict):
        for name, child in node.get("properties", {}).items():
            if not re.fullmatch(r"[A-Z`].*[.]", child.get("description", "")):
                yield f"{path}.{name}"
        for name, child in node.items():
            yield from _undescribed(f"{path}.{name}", child)


def test_schema_describes_every_value() -> None:
    """Each property has a description, which editors and readers of `helm show` see."""
    assert list(_undescribed("", json.loads((CHART / "values.schema.json").read_text()))) == []
