"""Compares our values with those of cert-manager's and External Secrets' charts: what each becomes here, or why not.

The names of their values are in `peer/`. `python -m tests.chart.comparison` writes the tables into the document.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

DOCUMENT: Final = Path(__file__).parents[2] / "operator" / "docs" / "installation.md"
PEERS: Final = Path(__file__).parent / "peer"

_SECTION: Final = re.compile(
    r"(<!-- comparison: written by python -m tests.chart.comparison -->\n).*(<!-- end -->)", re.S
)


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer for their values whose names match, unless an earlier answer matches."""

    theirs: str
    """A name, or several with `*`."""
    ours: str = ""
    """Names of our values, separated by commas; empty if there is none."""
    why: str = ""
    """Why there is none, or what differs."""


_FIXED = "fixed: the pod asks for its token itself, and the account offers none"
_NO_LINKS = "fixed to `false`: a Service's variables could look like the operator's settings"
_LEASE = "fixed: 15 s, 10 s and 2 s; the promised time of a takeover depends on them"
_PARTS = "this chart has one component: set it there, under the component's own name"
_PROBES = "fixed to on: without them nothing ends a hang; times and thresholds are values"
_TLS = "the metrics contain no secret and are plain text; a mesh or a proxy in front can add TLS"
_EXTRA = "no other container should share a pod that holds credentials; `extraObjects` installs other pods"
_PDB = "created with several `replicas`; `maxUnavailable` sets how many"

CERT_MANAGER: Final = (
    Answer("global.imagePullSecrets", "global.imagePullSecrets, imagePullSecrets"),
    Answer("global.commonLabels", "global.commonLabels, commonLabels"),
    Answer("global.logLevel", "logging.level"),
    Answer("global.priorityClassName", "priorityClassName", _PARTS),
    Answer("global.nodeSelector", "nodeSelector", _PARTS),
    Answer("global.runtimeClassName", "runtimeClassName", _PARTS),
    Answer("global.hostUsers", "hostUsers", _PARTS),
    Answer("global.revisionHistoryLimit", "revisionHistoryLimit", _PARTS),
    Answer("global.rbac.aggregateClusterRoles", "rbac.aggregateRoles"),
    Answer(
        "global.rbac.create",
        "",
        "without its roles the operator can do nothing: render and apply them separately, if necessary",
    ),
    Answer("global.leaderElection.namespace", "", "fixed: the operator's own, so that its Role stays there"),
    Answer("global.leaderElection.*", "", _LEASE),
    Answer(
        "global.podSecurityPolicy.*", "", "removed in Kubernetes 1.25; the pod complies with Pod Security `restricted`"
    ),
    Answer("crds.*", "crds.enabled, crds.keep"),
    Answer("installCRDs", "crds.enabled", "the old name"),
    Answer("replicaCount", "replicas"),
    Answer("strategy", "strategy"),
    Answer("podDisruptionBudget.maxUnavailable", "podDisruptionBudget.maxUnavailable"),
    Answer("podDisruptionBudget.*", "podDisruptionBudget.maxUnavailable", _PDB),
    Answer("image.digest", "image.digest"),
    Answer("image.pullPolicy", "image.pullPolicy"),
    Answer("image.tag", "image.tag"),
    Answer("image.registry", "image.repository", "including the registry; for all charts `global.imageRegistry`"),
    Answer("image.*", "image.repository"),
    Answer("image[RN]*", "global.imageRegistry"),
    Answer("nameOverride", "nameOverride"),
    Answer("fullnameOverride", "fullnameOverride"),
    Answer("namespace", "namespaceOverride"),
    Answer("serviceAccount.automountServiceAccountToken", "", _FIXED),
    Answer("automountServiceAccountToken", "", _FIXED),
    Answer(
        "serviceAccount.*",
        "serviceAccount.create, serviceAccount.name, serviceAccount.annotations, serviceAccount.labels",
    ),
    Answer("config", "", "every setting is a value, so that a misspelt one is refused"),
    Answer("featureGates", "", "there are none"),
    Answer("extraArgs", "extraArgs"),
    Answer("extraEnv", "extraEnv"),
    Answer("extraObjects", "extraObjects"),
    Answer("extraContainers", "", _EXTRA),
    Answer("resources", "resources.requests.cpu, resources.requests.memory, resources.limits.memory"),
    Answer("securityContext", "podSecurityContext.runAsNonRoot"),
    Answer("containerSecurityContext", "securityContext.readOnlyRootFilesystem"),
    Answer("volumes", "extraVolumes"),
    Answer("volumeMounts", "extraVolumeMounts"),
    Answer("deploymentAnnotations", "deploymentAnnotations"),
    Answer("podAnnotations", "podAnnotations"),
    Answer("podLabels", "podLabels"),
    Answer("podDnsPolicy", "dnsPolicy"),
    Answer("podDnsConfig", "dnsConfig"),
    Answer("hostAliases", "hostAliases"),
    Answer("nodeSelector", "nodeSelector"),
    Answer("affinity", "affinity"),
    Answer("tolerations", "tolerations"),
    Answer("topologySpreadConstraints", "topologySpreadConstraints", "several replicas are spread without it"),
    Answer("runtimeClassName", "runtimeClassName"),
    Answer("livenessProbe", "livenessProbe.periodSeconds, livenessProbe.failureThreshold", _PROBES),
    Answer("enableServiceLinks", "", _NO_LINKS),
    Answer("http*_proxy", "endpoints.proxyURL", "for token requests; calls to the API server go directly"),
    Answer("no_proxy", "endpoints.noProxy", "whole names, as in `endpoints.allowedHosts`"),
    Answer("networkPolicy.enabled", "networkPolicy.enabled"),
    Answer(
        "networkPolicy.egress",
        "networkPolicy.dns.to, networkPolicy.apiServer.to, networkPolicy.endpoints.to, networkPolicy.extraEgress",
        "theirs permits all egress by default, ours three kinds",
    ),
    Answer("networkPolicy.ingress", "networkPolicy.metrics.from, networkPolicy.extraIngress"),
    Answer("prometheus.enabled", "", "the metrics are always on: the probes use the same port"),
    Answer(
        "prometheus.*.prometheusInstance",
        "metrics.serviceMonitor.labels, metrics.podMonitor.labels",
        "a label like others",
    ),
    Answer(
        "prometheus.*.endpointAdditionalProperties",
        "metrics.serviceMonitor.relabelings, metrics.serviceMonitor.metricRelabelings",
        "only these, so that a misspelt one is refused; for your own monitor use `extraObjects`",
    ),
    Answer("prometheus.servicemonitor.*", "metrics.serviceMonitor.enabled"),
    Answer("prometheus.podmonitor.*", "metrics.podMonitor.enabled"),
    Answer("serviceAnnotations", "metrics.service.annotations"),
    Answer("serviceLabels", "metrics.service.labels"),
    Answer("serviceIPFamil*", "metrics.service.ipFamilyPolicy, metrics.service.ipFamilies"),
    Answer("creator", "", "a label that names the renderer: `commonLabels`"),
    Answer("enabled", "", "accepted, for a parent's condition"),
    Answer("webhook.*", "", "there is no webhook: the CRDs' own rules refuse what is wrong"),
    Answer("cainjector.*", "", "there is no webhook whose CA would be injected"),
    Answer("startupapicheck.*", "", "waits for a webhook; here `helm test` checks the installation"),
    Answer("acmesolver.*", "", "belongs to ACME"),
    Answer("*", "", "belongs to certificates and their issuers"),
)
"""For cert-manager's values."""

EXTERNAL_SECRETS: Final = (
    Answer("global.compatibility.openshift.*", "global.compatibility.openshift.adaptSecurityContext"),
    Answer("global.imagePullSecrets", "global.imagePullSecrets"),
    Answer("global.repository", "global.imageRegistry"),
    Answer("global.podLabels", "podLabels, global.commonLabels", _PARTS),
    Answer("global.podAnnotations", "podAnnotations", _PARTS),
    Answer("global.hostAliases", "hostAliases", _PARTS),
    Answer("global.*", "nodeSelector, tolerations, affinity, topologySpreadConstraints", _PARTS),
    Answer("replicaCount", "replicas"),
    Answer("revisionHistoryLimit", "revisionHistoryLimit"),
    Answer("image.flavour", "", "there is one image"),
    Answer("image.*", "image.repository, image.tag, image.digest, image.pullPolicy"),
    Answer("installCRDs", "crds.enabled"),
    Answer("crds.annotations", "crds.annotations"),
    Answer("crds.conversion.enabled", "", "there is one version of the kinds"),
    Answer("crds.*", "crds.enabled", "all three or none: the operator watches each"),
    Answer("imagePullSecrets", "imagePullSecrets"),
    Answer("nameOverride", "nameOverride"),
    Answer("fullnameOverride", "fullnameOverride"),
    Answer("namespaceOverride", "namespaceOverride"),
    Answer("commonLabels", "commonLabels"),
    Answer("leaderElect", "replicas", "with more than one"),
    Answer("leaderElectionID", "", "fixed: the name of the installation"),
    Answer("leaderElection*", "", _LEASE),
    Answer("scoped*", "namespaces", "any number of them"),
    Answer("openshiftFinalizers", "", "not needed: the Secrets' ownerReferences don't set `blockOwnerDeletion`"),
    Answer("concurrent", "", "fixed: the endpoints' own limits bound it, `spec.rateLimit`"),
    Answer("log.level", "logging.level"),
    Answer("log.timeEncoding", "logging.format"),
    Answer("service.*", "metrics.service.ipFamilyPolicy, metrics.service.ipFamilies"),
    Answer("serviceAccount.automount", "", _FIXED),
    Answer("serviceAccount.extraLabels", "serviceAccount.labels"),
    Answer("serviceAccount.*", "serviceAccount.create, serviceAccount.name, serviceAccount.annotations"),
    Answer("rbac.aggregateTo*", "rbac.aggregateRoles", "all three roles or none"),
    Answer(
        "rbac.create",
        "",
        "without its roles the operator can do nothing: render and apply them separately, if necessary",
    ),
    Answer("rbac.*", "", "belongs to that operator's accounts and service bindings"),
    Answer("extraEnv", "extraEnv"),
    Answer("extraArgs", "extraArgs"),
    Answer("extraVolumes", "extraVolumes"),
    Answer("extraVolumeMounts", "extraVolumeMounts"),
    Answer("extraObjects", "extraObjects"),
    Answer("extra*Containers", "", _EXTRA),
    Answer("deploymentAnnotations", "deploymentAnnotations"),
    Answer("strategy", "strategy"),
    Answer("podAnnotations", "podAnnotations"),
    Answer("podLabels", "podLabels"),
    Answer("podSecurityContext.*", "podSecurityContext.runAsNonRoot"),
    Answer("securityContext.*", "securityContext.readOnlyRootFilesystem, podSecurityContext.runAsUser"),
    Answer("resources", "resources.requests.cpu, resources.requests.memory, resources.limits.memory"),
    Answer("serviceMonitor.renderMode", "", "the API server reports a missing CRD; silence would hide it"),
    Answer("serviceMonitor.additionalLabels", "metrics.serviceMonitor.labels"),
    Answer("serviceMonitor.*", "metrics.serviceMonitor.enabled"),
    Answer("metrics.listen.port", "metrics.port"),
    Answer("metrics.listen.*", "", _TLS),
    Answer("metrics.service.annotations", "metrics.service.annotations"),
    Answer("metrics.service.*", "metrics.port", "one port, and there is always a Service"),
    Answer("*Probe.enabled", "", _PROBES),
    Answer(
        "livenessProbe.*", "livenessProbe.periodSeconds, livenessProbe.timeoutSeconds, livenessProbe.failureThreshold"
    ),
    Answer(
        "readinessProbe.*",
        "readinessProbe.periodSeconds, readinessProbe.timeoutSeconds, readinessProbe.failureThreshold",
    ),
    Answer("nodeSelector", "nodeSelector"),
    Answer("tolerations", "tolerations"),
    Answer("topologySpreadConstraints", "topologySpreadConstraints", "several replicas are spread without it"),
    Answer("affinity", "affinity"),
    Answer("priorityClassName", "priorityClassName"),
    Answer(
        "schedulerName",
        "",
        "one small pod needs no scheduler of its own; a profile of the default one selects by labels",
    ),
    Answer("runtimeClassName", "runtimeClassName"),
    Answer("podDisruptionBudget.*", "podDisruptionBudget.maxUnavailable", _PDB),
    Answer("hostNetwork", "hostNetwork"),
    Answer("hostUsers", "hostUsers"),
    Answer("networkPolicy.enabled", "networkPolicy.enabled"),
    Answer(
        "networkPolicy.egress",
        "networkPolicy.dns.to, networkPolicy.apiServer.to, networkPolicy.endpoints.to, networkPolicy.extraEgress",
        "theirs permits no egress by default, so you have to write rules first; ours permits three kinds",
    ),
    Answer("networkPolicy.ingress", "networkPolicy.metrics.from, networkPolicy.extraIngress"),
    Answer("dnsPolicy", "dnsPolicy"),
    Answer("dnsConfig", "dnsConfig"),
    Answer("hostAliases", "hostAliases"),
    Answer("podSpecExtra", "", "each useful field of a pod has a value, so that a misspelt one is refused"),
    Answer("webhook.*", "", "there is no webhook: the CRDs' own rules refuse what is wrong"),
    Answer("certController.*", "", "there is no webhook that would need certificates"),
    Answer("grafanaDashboard.*", "metrics.dashboard.enabled, metrics.dashboard.labels, metrics.dashboard.annotations"),
    Answer("*", "", "belongs to that operator's stores and kinds"),
)
"""For External Secrets' values."""

ANSWERS: Final[Mapping[str, tuple[Answer, ...]]] = {"cert-manager": CERT_MANAGER, "external-secrets": EXTERNAL_SECRETS}

TITLES: Final = {"cert-manager": "cert-manager", "external-secrets": "External Secrets"}

_TAG = "a release's tag doesn't move, so `IfNotPresent` works without the registry; else `image.pullPolicy`"
_CPU = "no CPU limit: it would only throttle while the node is idle; the request states the need"
_POLICY = "`networkPolicy.enabled` is off by default, as the ports of a cluster's API server can't be known"
_USER = "left out on OpenShift, which assigns users to each namespace"
_NO_PROBE = "the test's pod has no probes: it ends"

FINDINGS: Final[Mapping[str, Mapping[str, str]]] = {
    "kube-score": {
        "container-image-pull-policy": _TAG,
        "container-resources": _CPU,
        "container-ephemeral-storage-request-and-limit": "it writes no files; the kubelet bounds logs by itself",
        "container-security-context-user-group-id": _USER,
        "pod-networkpolicy": f"{_POLICY}; the test's pod has none",
        "deployment-replicas": "one replica loses only seconds, a second one costs memory; see `replicas`",
        "deployment-strategy": "`Recreate` for a single replica, which has no Lease",
        "deployment-has-host-podantiaffinity": "constraints spread several replicas instead, over nodes and zones",
    },
    "checkov": {
        "CKV_K8S_8": _NO_PROBE,
        "CKV_K8S_9": _NO_PROBE,
        "CKV_K8S_11": _CPU,
        "CKV_K8S_15": _TAG,
        "CKV_K8S_19": "only with `hostNetwork`",
        "CKV_K8S_35": "only if `extraEnv` takes one from a Secret; you can use a file of `extraVolumes` instead",
        "CKV_K8S_38": "the operator needs the token; the test's pod uses it to ask which kinds are served",
        "CKV_K8S_40": _USER,
        "CKV_K8S_43": "you build the image yourself; `image.digest` pins it",
        "CKV2_K8S_6": f"{_POLICY}; the test's pod has none",
    },
}
"""By linter, the finding's ID, and why it remains."""


def values_of(peer: str) -> list[str]:
    """The names of a peer's values."""
    lines = (PEERS / f"{peer}.txt").read_text().splitlines()
    return [line for line in lines if not line.startswith("#")]


def answered(peer: str) -> Iterator[tuple[str, Answer]]:
    """Each of a peer's values with its answer. Raises LookupError if there is none."""
    for value in values_of(peer):
        found = next((answer for answer in ANSWERS[peer] if fnmatchcase(value, answer.theirs)), None)
        if found is None:
            raise LookupError(f"{peer}: {value} has no answer")
        yield value, found


def tables() -> str:
    """The tables, as in the document."""
    lines = []
    for peer, answers in ANSWERS.items():
        count = len(values_of(peer))
        lines += [f"### {TITLES[peer]}: {count} values", "", "| theirs | ours | why not, or what is different |"]
        lines += ["|---|---|---|"]
        for answer in answers:
            ours = ", ".join(f"`{name}`" for name in answer.ours.split(", ")) if answer.ours else ""
            theirs = "all others" if answer.theirs == "*" else f"`{answer.theirs}`"
            lines.append(f"| {theirs} | {ours} | {answer.why} |")
        lines.append("")
    lines += ["### Findings of linters that remain", "", "| finding | why it remains |", "|---|---|"]
    lines += [f"| {linter} `{name}` | {why} |" for linter, found in FINDINGS.items() for name, why in found.items()]
    return "\n".join([*lines, ""])


def written(document: str) -> str:
    """The document with the current tables."""
    return _SECTION.sub(lambda found: found[1] + "\n" + tables() + "\n" + found[2], document)


if __name__ == "__main__":
    DOCUMENT.write_text(written(DOCUMENT.read_text()))
