"""Kinds of the Prometheus operator, which the tests' control planes lack."""

from tests.chart.rendering import Document


def _monitor_crd(kind: str, endpoints: str) -> Document:
    """The part of the Prometheus operator's CRD that is needed to check the fields that the chart writes."""
    text, texts = {"type": "string"}, {"type": "array", "items": {"type": "string"}}
    relabeling = {"sourceLabels": texts, "targetLabel": text, "regex": text, "replacement": text, "action": text}
    relabelings = {"type": "array", "items": {"type": "object", "properties": relabeling}}
    endpoint = {
        **dict.fromkeys(("port", "path", "interval", "scrapeTimeout"), text),
        "honorLabels": {"type": "boolean"},
        "relabelings": relabelings,
        "metricRelabelings": relabelings,
    }
    labels = {"type": "object", "additionalProperties": text}
    spec = {
        "namespaceSelector": {"type": "object", "properties": {"matchNames": texts}},
        "selector": {"type": "object", "properties": {"matchLabels": labels}},
        endpoints: {"type": "array", "items": {"type": "object", "properties": endpoint}},
    }
    schema = {
        "type": "object",
        "required": ["spec"],
        "properties": {"spec": {"type": "object", "required": ["selector", endpoints], "properties": spec}},
    }
    return _crd(kind, schema)


def _rule_crd() -> Document:
    """The same for rules."""
    text, texts = {"type": "string"}, {"type": "object", "additionalProperties": {"type": "string"}}
    rule = {**dict.fromkeys(("alert", "expr", "for"), text), "labels": texts, "annotations": texts}
    rules = {"type": "array", "items": {"type": "object", "required": ["expr"], "properties": rule}}
    group = {"type": "object", "required": ["name"], "properties": {"name": text, "interval": text, "rules": rules}}
    spec = {"type": "object", "properties": {"groups": {"type": "array", "items": group}}}
    return _crd("PrometheusRule", {"type": "object", "required": ["spec"], "properties": {"spec": spec}})


def _crd(kind: str, schema: Document) -> Document:
    plural = f"{kind.lower()}s"
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.monitoring.coreos.com"},
        "spec": {
            "group": "monitoring.coreos.com",
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        },
    }


MONITOR_CRDS = [
    _monitor_crd("ServiceMonitor", "endpoints"),
    _monitor_crd("PodMonitor", "podMetricsEndpoints"),
    _rule_crd(),
]
