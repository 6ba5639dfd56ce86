"""Our values beside those of cert-manager's and of External Secrets' charts: what each of theirs is here, or why not.

The names of theirs stand in `peer/`. `python -m tests.chart.comparison` writes the tables into the document.
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
    """What becomes of those values of theirs whose names have this form, unless an answer above has them."""

    theirs: str
    """A name, or several by `*`."""
    ours: str = ""
    """Names of our values, with commas between; empty where there is none."""
    why: str = ""
    """Why there is none, or what is different."""


_FIXED = "fixed: the pod asks for its token itself, and the account offers none"
_NO_LINKS = "fixed to `false`: a Service's variables could look like the operator's settings"
_LEASE = "fixed: 15 s, 10 s and 2 s, which what is promised of a takeover rests on"
_PARTS = "this chart has one part: it is set there, under the part's own name"
_PROBES = "fixed to on: without them a hang stays; times and thresholds are values"
_TLS = "the metrics hold no secret and are served as text; a mesh or a proxy in front adds TLS"
_EXTRA = "a pod that holds credentials is shared with nobody; `extraObjects` installs what stands beside it"
_PDB = "comes with several `replicas`; `maxUnavailable` says how many"

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
        "without its roles the operator can do nothing: render and apply them apart, if need be",
    ),
    Answer("global.leaderElection.namespace", "", "fixed: the operator's own, so that its Role stays there"),
    Answer("global.leaderElection.*", "", _LEASE),
    Answer("global.podSecurityPolicy.*", "", "gone since Kubernetes 1.25; Pod Security `restricted` is kept to"),
    Answer("crds.*", "crds.enabled, crds.keep"),
    Answer("installCRDs", "crds.enabled", "the old name"),
    Answer("replicaCount", "replicas"),
    Answer("strategy", "strategy"),
    Answer("podDisruptionBudget.maxUnavailable", "podDisruptionBudget.maxUnavailable"),
    Answer("podDisruptionBudget.*", "podDisruptionBudget.maxUnavailable", _PDB),
    Answer("image.digest", "image.digest"),
    Answer("image.pullPolicy", "image.pullPolicy"),
    Answer("image.tag", "image.tag"),
    Answer("image.registry", "image.repository", "with the registry in front; for all charts `global.imageRegistry`"),
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
    Answer("config", "", "what there is to set are values, so that a misspelt one is refused"),
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
    Answer("http*_proxy", "endpoints.proxyURL", "for token requests; the API server is asked directly"),
    Answer("no_proxy", "endpoints.noProxy", "whole names, as in `endpoints.allowedHosts`"),
    Answer("networkPolicy.enabled", "networkPolicy.enabled"),
    Answer(
        "networkPolicy.egress",
        "networkPolicy.dns.to, networkPolicy.apiServer.to, networkPolicy.endpoints.to, networkPolicy.extraEgress",
        "theirs permits every egress by default, ours three kinds",
    ),
    Answer("networkPolicy.ingress", "networkPolicy.metrics.from, networkPolicy.extraIngress"),
    Answer("prometheus.enabled", "", "the metrics are always served: the probes are at the same port"),
    Answer(
        "prometheus.*.prometheusInstance",
        "metrics.serviceMonitor.labels, metrics.podMonitor.labels",
        "a label as others are",
    ),
    Answer(
        "prometheus.*.endpointAdditionalProperties",
        "metrics.serviceMonitor.relabelings, metrics.serviceMonitor.metricRelabelings",
        "these by name, so that a misspelt one is refused; a monitor of one's own by `extraObjects`",
    ),
    Answer("prometheus.servicemonitor.*", "metrics.serviceMonitor.enabled"),
    Answer("prometheus.podmonitor.*", "metrics.podMonitor.enabled"),
    Answer("serviceAnnotations", "metrics.service.annotations"),
    Answer("serviceLabels", "metrics.service.labels"),
    Answer("serviceIPFamil*", "metrics.service.ipFamilyPolicy, metrics.service.ipFamilies"),
    Answer("creator", "", "a label that tells who renders: `commonLabels`"),
    Answer("enabled", "", "admitted, for a parent's condition"),
    Answer("webhook.*", "", "there is no webhook: the CRDs' own rules refuse what is wrong"),
    Answer("cainjector.*", "", "there is no webhook whose CA would be injected"),
    Answer("startupapicheck.*", "", "waits for a webhook; `helm test` asks what there is to ask here"),
    Answer("acmesolver.*", "", "belongs to ACME"),
    Answer("*", "", "belongs to certificates and their issuers"),
)
"""Of cert-manager's."""

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
    Answer("concurrent", "", "fixed: what bounds it are the endpoints' own limits, `spec.rateLimit`"),
    Answer("log.level", "logging.level"),
    Answer("log.timeEncoding", "logging.format"),
    Answer("service.*", "metrics.service.ipFamilyPolicy, metrics.service.ipFamilies"),
    Answer("serviceAccount.automount", "", _FIXED),
    Answer("serviceAccount.extraLabels", "serviceAccount.labels"),
    Answer("serviceAccount.*", "serviceAccount.create, serviceAccount.name, serviceAccount.annotations"),
    Answer("rbac.aggregateTo*", "rbac.aggregateRoles", "all three roles or none"),
    Answer("rbac.create", "", "without its roles the operator can do nothing: render and apply them apart, if need be"),
    Answer("rbac.*", "", "belongs to what that operator does with accounts and service bindings"),
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
    Answer("serviceMonitor.renderMode", "", "a missing CRD is said by the API server; silence would hide it"),
    Answer("serviceMonitor.additionalLabels", "metrics.serviceMonitor.labels"),
    Answer("serviceMonitor.*", "metrics.serviceMonitor.enabled"),
    Answer("metrics.listen.port", "metrics.port"),
    Answer("metrics.listen.*", "", _TLS),
    Answer("metrics.service.annotations", "metrics.service.annotations"),
    Answer("metrics.service.*", "metrics.port", "one port, and the Service always"),
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
        "nobody needs a scheduler of its own for one small pod; a profile of the default one takes labels",
    ),
    Answer("runtimeClassName", "runtimeClassName"),
    Answer("podDisruptionBudget.*", "podDisruptionBudget.maxUnavailable", _PDB),
    Answer("hostNetwork", "hostNetwork"),
    Answer("hostUsers", "hostUsers"),
    Answer("networkPolicy.enabled", "networkPolicy.enabled"),
    Answer(
        "networkPolicy.egress",
        "networkPolicy.dns.to, networkPolicy.apiServer.to, networkPolicy.endpoints.to, networkPolicy.extraEgress",
        "theirs permits none by default, which has to be written first; ours three kinds",
    ),
    Answer("networkPolicy.ingress", "networkPolicy.metrics.from, networkPolicy.extraIngress"),
    Answer("dnsPolicy", "dnsPolicy"),
    Answer("dnsConfig", "dnsConfig"),
    Answer("hostAliases", "hostAliases"),
    Answer("podSpecExtra", "", "each field of a pod that is worth it has a value, so that a misspelt one is refused"),
    Answer("webhook.*", "", "there is no webhook: the CRDs' own rules refuse what is wrong"),
    Answer("certController.*", "", "there is no webhook that would need certificates"),
    Answer("grafanaDashboard.*", "", "see `operator/docs/operations.md`"),
    Answer("*", "", "belongs to that operator's stores and kinds"),
)
"""Of External Secrets'."""

ANSWERS: Final[Mapping[str, tuple[Answer, ...]]] = {"cert-manager": CERT_MANAGER, "external-secrets": EXTERNAL_SECRETS}

TITLES: Final = {"cert-manager": "cert-manager", "external-secrets": "External Secrets"}

_TAG = "a release's tag doesn't move, so `IfNotPresent` starts without the registry; else `image.pullPolicy`"
_CPU = "no CPU limit: it would only throttle while the node idles; the request says what is needed"
_POLICY = "`networkPolicy.enabled` is off by default, as the ports of a cluster's API server can't be known"
_USER = "left out on OpenShift, which gives each namespace users of its own"
_NO_PROBE = "the test's pod has no probes: it ends"

FINDINGS: Final[Mapping[str, Mapping[str, str]]] = {
    "kube-score": {
        "container-image-pull-policy": _TAG,
        "container-resources": _CPU,
        "container-ephemeral-storage-request-and-limit": "no files are written; the kubelet bounds logs by itself",
        "container-security-context-user-group-id": _USER,
        "pod-networkpolicy": f"{_POLICY}; the test's pod has none",
        "deployment-replicas": "one replica misses nothing but seconds, and a second one costs memory; `replicas`",
        "deployment-strategy": "`Recreate` for a single replica, which has no Lease",
        "deployment-has-host-podantiaffinity": "several are spread by constraints instead, over nodes and zones",
    },
    "checkov": {
        "CKV_K8S_8": _NO_PROBE,
        "CKV_K8S_9": _NO_PROBE,
        "CKV_K8S_11": _CPU,
        "CKV_K8S_15": _TAG,
        "CKV_K8S_19": "only where `hostNetwork` is asked for",
        "CKV_K8S_35": "only where `extraEnv` takes one from a Secret; a file of `extraVolumes` is as good",
        "CKV_K8S_38": "the token is what the operator works with; the test's pod asks by it which kinds are served",
        "CKV_K8S_40": _USER,
        "CKV_K8S_43": "the image is built by whoever installs it; `image.digest` names it for good",
        "CKV2_K8S_6": f"{_POLICY}; the test's pod has none",
    },
}
"""By linter, the finding's ID, and why it stands."""


def values_of(peer: str) -> list[str]:
    """The names of a peer's values."""
    lines = (PEERS / f"{peer}.txt").read_text().splitlines()
    return [line for line in lines if not line.startswith("#")]


def answered(peer: str) -> Iterator[tuple[str, Answer]]:
    """Each value of a peer's with its answer. Raises LookupError where there is none."""
    for value in values_of(peer):
        found = next((answer for answer in ANSWERS[peer] if fnmatchcase(value, answer.theirs)), None)
        if found is None:
            raise LookupError(f"{peer}: {value} has no answer")
        yield value, found


def tables() -> str:
    """The tables, as the document has them."""
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
    lines += ["### Findings of linters that stand", "", "| finding | why it stands |", "|---|---|"]
    lines += [f"| {linter} `{name}` | {why} |" for linter, found in FINDINGS.items() for name, why in found.items()]
    return "\n".join([*lines, ""])


def written(document: str) -> str:
    """The document with the tables of now."""
    return _SECTION.sub(lambda found: found[1] + "\n" + tables() + "\n" + found[2], document)


if __name__ == "__main__":
    DOCUMENT.write_text(written(DOCUMENT.read_text()))
