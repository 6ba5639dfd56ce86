"""What the chart renders, without a cluster: permissions, selectors, arguments, and whether the CRDs stay."""

import json
import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.chart.rendering import CI_FILES, Document, Helm, of_kind, the
from tests.cluster.client import CHART
from tests.release import project

VERSION = project.read().semantic_version
OPERATOR = "tokens-integration-token-operator"
BUNDLES = f"{OPERATOR}-ca-bundles"
LEASE = f"{OPERATOR}-lease"
ACCOUNTS = f"{OPERATOR}-accounts"
KEEP = "helm.sh/resource-policy"

SCRAPING = {
    "port": "metrics",
    "path": "/metrics",
    "interval": "30s",
    "scrapeTimeout": "10s",
    "relabelings": [{"action": "replace", "targetLabel": "cluster", "replacement": "north"}],
    "metricRelabelings": [
        {"action": "drop", "sourceLabels": ["__name__"], "regex": "integration_token_secret_writes_total"}
    ],
}
READ = {"get", "list", "watch"}
NAMESPACED_RULES = {
    ("integrationtoken.dev", "integrationtokens"): READ,
    ("integrationtoken.dev", "integrationtokens/status"): {"patch"},
    ("integrationtoken.dev", "tokenendpoints"): READ,
    ("integrationtoken.dev", "tokenendpoints/status"): {"patch"},
    ("", "secrets"): READ | {"create", "update", "delete"},
    ("", "events"): {"create"},
}
CLUSTER_RULES = NAMESPACED_RULES | {
    ("integrationtoken.dev", "clustertokenendpoints"): READ,
    ("integrationtoken.dev", "clustertokenendpoints/status"): {"patch"},
    ("", "namespaces"): READ,
}


def _ci(helm: Helm, name: str) -> list[Document]:
    return helm.template("--values", CHART / "ci" / f"{name}-values.yaml")


def _rules(role: Document) -> dict[tuple[str, str], set[str]]:
    """The verbs of a role by API group and resource."""
    rules: dict[tuple[str, str], set[str]] = defaultdict(set)
    for rule in role["rules"]:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                rules[group, resource] |= set(rule["verbs"])
    return dict(rules)


def _named(name: str, documents: Sequence[Document]) -> Document:
    (document,) = (document for document in documents if document["metadata"]["name"] == name)
    return document


def _container(documents: Sequence[Document]) -> Document:
    (container,) = _pod(documents)["containers"]
    assert isinstance(container, dict)
    return container


def _pod(documents: Sequence[Document]) -> Document:
    pod = the("Deployment", documents)["spec"]["template"]["spec"]
    assert isinstance(pod, dict)
    return pod


def test_permissions_for_the_whole_cluster(helm: Helm) -> None:
    """Installed for the cluster, the operator's account has these permissions, and no others."""
    documents = helm.template()
    assert _rules(_named(OPERATOR, of_kind("ClusterRole", documents))) == CLUSTER_RULES
    binding = the("ClusterRoleBinding", documents)
    assert binding["roleRef"] == {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": OPERATOR}
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": OPERATOR, "namespace": "operators"}]
    assert [role["metadata"]["name"] for role in of_kind("Role", documents)] == [BUNDLES]
    assert [role["metadata"]["name"] for role in of_kind("RoleBinding", documents)] == [BUNDLES]


def test_permission_to_read_authorities(helm: Helm) -> None:
    """ConfigMaps can be read one at a time, only in the release's namespace, and only those named, if any are.

    There is no such permission if no ClusterTokenEndpoint is served.
    """
    (role,), (binding,) = (of_kind(kind, helm.template()) for kind in ("Role", "RoleBinding"))
    assert role["metadata"]["namespace"] == binding["metadata"]["namespace"] == "operators"
    assert role["rules"] == [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}]
    assert binding["roleRef"] == {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": BUNDLES}
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": OPERATOR, "namespace": "operators"}]
    (role,) = of_kind("Role", _ci(helm, "trusted-ca"))
    assert role["rules"] == [
        {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["partner-authorities"], "verbs": ["get"]}
    ]
    assert "configmaps" not in str(of_kind("Role", _ci(helm, "namespaced")))


def test_permission_for_accounts(helm: Helm) -> None:
    """Each named account can be read and its token requested in its namespace, and nothing else.

    There are none by default; the same holds for an installation for namespaces.
    """
    assert "serviceaccounts" not in str([*of_kind("Role", helm.template()), *of_kind("ClusterRole", helm.template())])
    for name, wanted in {
        "service-accounts": {"store": ["shop", "shop.reports"], "shipping": ["shop"]},
        "namespaced-service-accounts": {"store": ["shop"]},
    }.items():
        documents = _ci(helm, name)
        roles = [role for role in of_kind("Role", documents) if role["metadata"]["name"] == ACCOUNTS]
        bindings = [binding for binding in of_kind("RoleBinding", documents) if binding["roleRef"]["name"] == ACCOUNTS]
        assert {role["metadata"]["namespace"]: role["rules"] for role in roles} == {
            namespace: [
                {"apiGroups": [""], "resources": ["serviceaccounts"], "resourceNames": accounts, "verbs": ["get"]},
                {
                    "apiGroups": [""],
                    "resources": ["serviceaccounts/token"],
                    "resourceNames": accounts,
                    "verbs": ["create"],
                },
            ]
            for namespace, accounts in wanted.items()
        }
        assert {binding["metadata"]["namespace"] for binding in bindings} == wanted.keys()
        subject = {"kind": "ServiceAccount", "name": OPERATOR, "namespace": "operators"}
        assert all(binding["subjects"] == [subject] for binding in bindings)
        assert "serviceaccounts" not in str(of_kind("ClusterRole", documents))
    shown = helm.refusal("--set=namespaces={shipping}", "--values", str(CHART / "ci" / "service-accounts-values.yaml"))
    assert "serviceAccounts lists shop in namespace store, which this installation does not serve" in shown


def test_trusted_authorities_are_mounted_and_handed_over(helm: Helm) -> None:
    """As a directory, which follows its ConfigMap unlike a single file; in addition to the user's own volumes."""
    assert "volumes" not in _pod(helm.template())
    documents = helm.template("--values", CHART / "ci" / "trusted-ca-values.yaml",
                              "--values", CHART / "ci" / "extra-values.yaml")  # fmt: skip
    container = _container(documents)
    directory = "/etc/integration-token-operator/trusted-ca"
    assert f"--trusted-ca-file={directory}/bundle.pem" in container["args"]
    mounts = {mount["name"]: mount for mount in container["volumeMounts"]}
    assert mounts.keys() == {"trusted-ca", "proxy"}
    assert mounts["trusted-ca"] == {"name": "trusted-ca", "mountPath": directory, "readOnly": True}
    volumes = {volume["name"]: volume for volume in _pod(documents)["volumes"]}
    items = [{"key": "bundle.pem", "path": "bundle.pem"}]
    assert volumes["trusted-ca"]["configMap"] == {"name": "company-authorities", "items": items}


def test_permissions_for_some_namespaces(helm: Helm) -> None:
    """Installed for some namespaces, it has a Role in each of them, and there is no ClusterRole of any kind."""
    documents = _ci(helm, "namespaced")
    assert not [document for document in documents if document["kind"].startswith("ClusterRole")]
    roles, bindings = of_kind("Role", documents), of_kind("RoleBinding", documents)
    assert [role["metadata"]["namespace"] for role in roles] == ["store", "shipping"]
    assert [binding["metadata"]["namespace"] for binding in bindings] == ["store", "shipping"]
    assert all(_rules(role) == NAMESPACED_RULES for role in roles)
    for binding in bindings:
        assert binding["roleRef"]["name"] == OPERATOR
        assert binding["subjects"] == [{"kind": "ServiceAccount", "name": OPERATOR, "namespace": "operators"}]


def test_permission_to_refresh_mounts(helm: Helm) -> None:
    """Listing pods and patching an annotation on them is permitted only if the installation enables it."""
    role = _named(OPERATOR, of_kind("ClusterRole", _ci(helm, "mount-refresh")))
    assert _rules(role) == CLUSTER_RULES | {("", "pods"): {"list", "patch"}}


@pytest.mark.parametrize("name", ["replicas", "topology-spread"])
def test_permissions_for_a_lease(helm: Helm, name: str) -> None:
    """Several replicas may create a Lease in the release's namespace and change the one with their name.

    That holds whatever other Role they have there; a single replica may do neither.
    """
    documents = _ci(helm, name)
    role = _named(LEASE, of_kind("Role", documents))
    assert role["metadata"]["namespace"] == "operators"
    assert role["rules"] == [
        {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create"]},
        {
            "apiGroups": ["coordination.k8s.io"],
            "resources": ["leases"],
            "resourceNames": [OPERATOR],
            "verbs": ["get", "update"],
        },
    ]
    binding = _named(LEASE, of_kind("RoleBinding", documents))
    assert binding["metadata"]["namespace"] == "operators"
    assert binding["roleRef"] == {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": LEASE}
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": OPERATOR, "namespace": "operators"}]
    places = [
        (one["kind"], one["metadata"]["namespace"], one["metadata"]["name"]) for one in of_kind("Role", documents)
    ]
    assert len(set(places)) == len(places)
    assert LEASE not in str(helm.template())


def test_permissions_of_users(helm: Helm) -> None:
    """view sees every kind; edit and admin also change the namespaced ones, but can't create a ClusterTokenEndpoint."""
    roles = of_kind("ClusterRole", helm.template())
    view, edit = _named(f"{OPERATOR}-view", roles), _named(f"{OPERATOR}-edit", roles)
    assert _rules(view) == {
        ("integrationtoken.dev", kind): READ
        for kind in ("integrationtokens", "tokenendpoints", "clustertokenendpoints")
    }
    assert _rules(edit) == {
        ("integrationtoken.dev", kind): {"create", "update", "patch", "delete", "deletecollection"}
        for kind in ("integrationtokens", "tokenendpoints")
    }
    aggregation = "rbac.authorization.k8s.io/aggregate-to-"
    assert {label for label in view["metadata"]["labels"] if label.startswith(aggregation)} == {
        f"{aggregation}{role}" for role in ("view", "edit", "admin")
    }
    assert {label for label in edit["metadata"]["labels"] if label.startswith(aggregation)} == {
        f"{aggregation}{role}" for role in ("edit", "admin")
    }
    assert [role["metadata"]["name"] for role in of_kind("ClusterRole", _ci(helm, "no-aggregated-roles"))] == [OPERATOR]


def test_crds_are_kept_by_default(helm: Helm) -> None:
    """By default an uninstall keeps the CRDs; `crds.keep` changes that, and `crds.enabled` leaves the CRDs out."""

    def policies(documents: Sequence[Document]) -> list[str | None]:
        crds = of_kind("CustomResourceDefinition", documents)
        return [crd["metadata"].get("annotations", {}).get(KEEP) for crd in crds]

    assert policies(helm.template()) == ["keep"] * 3
    assert policies(_ci(helm, "crds-not-kept")) == [None] * 3
    assert policies(_ci(helm, "no-crds")) == []


@pytest.mark.parametrize("path", CI_FILES, ids=lambda path: path.name.removesuffix("-values.yaml"))
def test_selectors_outlive_an_upgrade(helm: Helm, path: Path) -> None:
    """A selector has only name and instance, which the pod has: an upgrade can't change a Deployment's selector."""
    documents = helm.template("--values", path)
    deployment = the("Deployment", documents)
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    selectors = [deployment["spec"]["selector"]["matchLabels"], the("Service", documents)["spec"]["selector"]]
    selectors += [
        other["spec"]["selector"]["matchLabels"]
        for kind in ("ServiceMonitor", "PodMonitor", "PodDisruptionBudget")
        for other in of_kind(kind, documents)
    ]
    selectors += [policy["spec"]["podSelector"]["matchLabels"] for policy in of_kind("NetworkPolicy", documents)]
    selectors += [
        constraint["labelSelector"]["matchLabels"]
        for constraint in deployment["spec"]["template"]["spec"].get("topologySpreadConstraints", [])
        if constraint["labelSelector"] != {"matchLabels": {"team": "platform"}}
    ]
    for selector in selectors:
        assert selector.keys() == {"app.kubernetes.io/name", "app.kubernetes.io/instance"}
        assert selector.items() <= labels.items()


def test_arguments(helm: Helm) -> None:
    """Each value that the operator knows reaches its command line, and no unset value does."""
    common = ["--metrics-address=:8080", "--log-level=info", "--log-format=text"]
    assert _container(helm.template())["args"] == ["run", *common]
    assert _container(_ci(helm, "namespaced"))["args"] == ["run", "--namespace=store", "--namespace=shipping", *common]
    assert _container(_ci(helm, "insecure-endpoints"))["args"] == ["run", "--insecure-endpoints", *common]
    assert _container(_ci(helm, "endpoint-safety"))["args"] == [
        "run",
        "--allowed-host=login.example.com",
        "--allowed-host=login.internal.example.com",
        "--private-host=login.internal.example.com",
        "--proxy-url=http://proxy.example.com:3128",
        "--metrics-address=:8080",
        "--log-level=debug",
        "--log-format=json",
        "--audit-token-ids",
    ]


def test_one_operator_at_a_time(helm: Helm) -> None:
    """A single replica holds no Lease, and the old one is gone before a new one starts."""
    documents = helm.template()
    spec = the("Deployment", documents)["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})
    assert of_kind("PodDisruptionBudget", documents) == [], "it would only keep nodes from being drained"
    assert "topologySpreadConstraints" not in _pod(documents)


def test_several_replicas_elect_one(helm: Helm) -> None:
    """Each is told to elect a leader, with a Lease named after the installation; they are replaced one by one."""
    documents = _ci(helm, "replicas")
    spec = the("Deployment", documents)["spec"]
    assert spec["replicas"] == 3
    assert spec["strategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}
    assert {"--leader-elect", f"--lease-name={OPERATOR}"} <= set(_container(documents)["args"])


def test_drains_leave_one_of_several_replicas(helm: Helm) -> None:
    """A disruption budget for the operator's pods, which ignores replicas that aren't ready."""
    budget = the("PodDisruptionBudget", _ci(helm, "topology-spread"))["spec"]
    assert budget["maxUnavailable"] == 1
    assert budget["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
    assert the("PodDisruptionBudget", _ci(helm, "replicas"))["spec"]["maxUnavailable"] == "50%"


def test_several_replicas_are_spread(helm: Helm) -> None:
    """Over nodes and zones if possible, or by the user's own constraints.

    Those select the operator's pods unless they say otherwise.
    """
    own = {"app.kubernetes.io/name": "integration-token-operator", "app.kubernetes.io/instance": "tokens"}
    constraints = _pod(_ci(helm, "replicas"))["topologySpreadConstraints"]
    assert [one["topologyKey"] for one in constraints] == ["kubernetes.io/hostname", "topology.kubernetes.io/zone"]
    assert all(one["whenUnsatisfiable"] == "ScheduleAnyway" for one in constraints)
    assert all(one["labelSelector"] == {"matchLabels": own} for one in constraints)
    assert all(one["matchLabelKeys"] == ["pod-template-hash"] for one in constraints)
    assert _pod(_ci(helm, "topology-spread"))["topologySpreadConstraints"] == [
        {
            "maxSkew": 1,
            "topologyKey": "topology.kubernetes.io/zone",
            "whenUnsatisfiable": "DoNotSchedule",
            "labelSelector": {"matchLabels": own},
        },
        {
            "maxSkew": 2,
            "topologyKey": "kubernetes.io/hostname",
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": {"team": "platform"}},
        },
    ]


def test_probes_ask_the_port_of_the_metrics(helm: Helm) -> None:
    """Startup and liveness use /healthz, readiness uses /readyz, all on the metrics port, whatever that is."""
    for name, port in (("default", 8080), ("servicemonitor", 9090)):
        documents = _ci(helm, name)
        container = _container(documents)
        paths = {
            probe: (container[probe]["httpGet"]["path"], container[probe]["httpGet"]["port"])
            for probe in ("startupProbe", "livenessProbe", "readinessProbe")
        }
        assert paths == {
            "startupProbe": ("/healthz", "metrics"),
            "livenessProbe": ("/healthz", "metrics"),
            "readinessProbe": ("/readyz", "metrics"),
        }
        assert container["ports"] == [{"name": "metrics", "containerPort": port}]
        assert the("Service", documents)["spec"]["ports"] == [
            {"name": "metrics", "port": port, "targetPort": "metrics"}
        ]


def test_image(helm: Helm) -> None:
    """The tag is the chart's appVersion by default; a digest replaces it."""
    assert _container(helm.template())["image"] == f"integration-token-operator:{VERSION}"
    assert _container(helm.template("--set-string=image.tag=1.2"))["image"] == "integration-token-operator:1.2"
    documents = _ci(helm, "image-digest")
    assert _container(documents)["image"] == (
        "registry.example.com/team/integration-token-operator@sha256:" + "0123456789abcdef" * 4
    )
    assert _container(documents)["imagePullPolicy"] == "Always"
    assert _pod(documents)["imagePullSecrets"] == [{"name": "registry"}]


def test_host_network_keeps_the_cluster_s_names(helm: Helm) -> None:
    """On the node's network the pod still resolves Services, unless another DNS policy is set."""
    assert {"hostNetwork", "dnsPolicy"}.isdisjoint(_pod(helm.template()))
    assert _pod(_ci(helm, "hostnetwork"))["dnsPolicy"] == "ClusterFirstWithHostNet"
    assert _pod(helm.template("--set=hostNetwork=true,dnsPolicy=Default"))["dnsPolicy"] == "Default"


def test_service_account(helm: Helm) -> None:
    """The pod runs under the chart's account or a given one, and mounts its token even if the account opts out."""
    documents = helm.template()
    assert the("ServiceAccount", documents)["automountServiceAccountToken"] is False
    assert _pod(documents)["automountServiceAccountToken"] is True
    assert _pod(documents)["serviceAccountName"] == the("ServiceAccount", documents)["metadata"]["name"] == OPERATOR
    documents = _ci(helm, "existing-service-account")
    assert of_kind("ServiceAccount", documents) == []
    assert _pod(documents)["serviceAccountName"] == "token-operator"
    assert the("ClusterRoleBinding", documents)["subjects"][0]["name"] == "token-operator"


def test_environment_and_scheduling_reach_the_pod(helm: Helm) -> None:
    """extraEnv and scheduling settings are passed on unchanged."""
    assert _container(_ci(helm, "extra-env"))["env"][0] == {"name": "TZ", "value": "UTC"}
    documents = _ci(helm, "scheduling")
    pod = _pod(documents)
    assert pod["priorityClassName"] == "system-cluster-critical"
    assert pod["nodeSelector"] == {"kubernetes.io/os": "linux"}
    assert pod["tolerations"][0]["key"] == "node-role.kubernetes.io/control-plane"
    assert "nodeAffinity" in pod["affinity"]
    assert pod["terminationGracePeriodSeconds"] == 60
    assert _container(documents)["startupProbe"]["failureThreshold"] == 60
    assert _container(documents)["resources"]["limits"] == {"cpu": "1", "memory": "512Mi"}


def test_names_labels_and_annotations(helm: Helm) -> None:
    """Names can be overridden, and labels and annotations added to the objects that have them."""
    documents = _ci(helm, "metadata")
    deployment = the("Deployment", documents)
    assert deployment["metadata"]["name"] == the("Service", documents)["metadata"]["name"] == "token-operator"
    assert deployment["metadata"]["labels"]["app.kubernetes.io/name"] == "tokens"
    assert deployment["metadata"]["annotations"] == {"example.com/owner": "platform"}
    template = deployment["spec"]["template"]["metadata"]
    assert template["labels"]["team"] == "platform"
    assert template["annotations"] == {"example.com/scrape": "false"}
    assert the("ServiceAccount", documents)["metadata"]["annotations"] == {"example.com/role": "token-operator"}
    service = the("Service", _ci(helm, "servicemonitor"))["metadata"]
    assert (service["labels"]["team"], service["annotations"]) == ("platform", {"example.com/note": "scraped"})


def test_service_monitor(helm: Helm) -> None:
    """Only if enabled, with the labels that Prometheus selects, and without changing the metrics' own labels."""
    assert of_kind("ServiceMonitor", helm.template()) == []
    monitor = the("ServiceMonitor", _ci(helm, "servicemonitor"))
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
    [endpoint] = monitor["spec"]["endpoints"]
    assert endpoint | SCRAPING | {"honorLabels": True} == endpoint
    assert monitor["metadata"]["annotations"] == {"example.com/note": "scraped"}
    assert "namespaceSelector" not in monitor["spec"]


def test_pod_monitor(helm: Helm) -> None:
    """The same for pods, by port name; in another namespace it selects theirs; never together with the other."""
    documents = _ci(helm, "podmonitor")
    monitor = the("PodMonitor", documents)
    assert monitor["metadata"]["namespace"] == "monitoring"
    assert monitor["spec"]["namespaceSelector"] == {"matchNames": ["operators"]}
    [endpoint] = monitor["spec"]["podMetricsEndpoints"]
    assert endpoint == SCRAPING | {"honorLabels": False}
    assert endpoint["port"] in {port["name"] for port in _container(documents)["ports"]}
    both = "--set=metrics.podMonitor.enabled=true,metrics.serviceMonitor.enabled=true"
    assert "would be scraped twice, so disable one" in helm.refusal(both)


def test_alerts(helm: Helm) -> None:
    """Only if enabled, with the labels that Prometheus selects; each alert can be configured and disabled."""
    assert of_kind("PrometheusRule", helm.template()) == []
    rule = the("PrometheusRule", _ci(helm, "prometheusrule"))
    assert rule["metadata"]["labels"]["release"] == "prometheus"
    assert rule["metadata"]["annotations"] == {"example.com/note": "alerts"}
    assert rule["metadata"]["namespace"] == "monitoring"
    (group,) = rule["spec"]["groups"]
    assert group["interval"] == "30s"
    alerts = {one["alert"]: one for one in group["rules"]}
    (every,) = the("PrometheusRule", helm.template("--set=metrics.prometheusRule.enabled=true"))["spec"]["groups"]
    assert {one["alert"] for one in every["rules"]} - alerts.keys() == {"IntegrationTokenSuspended"}
    not_ready = alerts["IntegrationTokenNotReady"]
    assert (not_ready["for"], not_ready["labels"]) == ("15m", {"severity": "page", "team": "platform"})
    runbook = "https://runbooks.example.com/integration-token-operator#integrationtokennotready"
    assert not_ready["annotations"]["runbook_url"] == runbook
    assert "clamp_min(0.25 * " in alerts["IntegrationTokenRenewalLate"]["expr"]
    assert alerts["IntegrationTokenNoLeader"]["labels"]["namespace"] == "operators"
    assert (
        "for"
        not in the(
            "PrometheusRule",
            helm.template("--set=metrics.prometheusRule.enabled=true,metrics.prometheusRule.alerts.stalled.for="),
        )["spec"]["groups"][0]["rules"][4]
    )


def test_alerts_look_at_the_installation_alone(helm: Helm) -> None:
    """They use the job of the chart's ServiceMonitor or PodMonitor, or the job in the values.

    The operator's own series are also selected by namespace, since another installation may have the same name
    elsewhere.
    """
    (own,) = the("PrometheusRule", helm.template("--set=metrics.prometheusRule.enabled=true"))["spec"]["groups"]
    (set_,) = the("PrometheusRule", _ci(helm, "prometheusrule"))["spec"]["groups"]
    for group, matcher in ((own, f'job=~"{OPERATOR}|operators/{OPERATOR}"'), (set_, 'job="tokens"')):
        for one in group["rules"]:
            series = re.findall(r"\b(?:integration_token_\w+|up)\{(.*?)\}", one["expr"])
            assert series
            assert all(each.startswith(matcher) for each in series), one["alert"]
    absent = next(one for one in own["rules"] if one["alert"] == "IntegrationTokenOperatorAbsent")
    assert 'namespace="operators"' in absent["expr"]


def test_dashboard(helm: Helm) -> None:
    """Only if enabled, with the label that Grafana's sidecar looks for, and identical to the file in the chart."""
    assert of_kind("ConfigMap", helm.template()) == []
    config_map = the("ConfigMap", _ci(helm, "dashboard"))
    assert config_map["metadata"]["namespace"] == "monitoring"
    assert config_map["metadata"]["annotations"] == {"grafana_folder": "Platform"}
    assert config_map["metadata"]["labels"].items() >= {"grafana_dashboard": "1", "team": "platform"}.items()
    (text,) = config_map["data"].values()
    assert json.loads(text) == json.loads((CHART / "files" / "dashboard.json").read_text())
    default = the("ConfigMap", helm.template("--set=metrics.dashboard.enabled=true"))
    assert default["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert default["metadata"]["namespace"] == "operators"


def test_an_older_kubernetes_is_refused(helm: Helm) -> None:
    """Before 1.29 the CRDs' rules aren't reliably supported: Helm says so instead of installing."""
    assert ">=1.29.0-0" in helm.refusal("--kube-version=1.28.15")
    assert helm.template("--kube-version=1.29.0-eks-1")
