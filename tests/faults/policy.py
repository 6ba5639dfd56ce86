"""An admission policy that denies writes of target Secrets in namespaces that are labelled for it."""

from typing import Any, Final

from tests.apiserver.stage import TARGET_LABEL

DENYING: Final = "faults/deny"
"""The label of a namespace that denies, while it is `true`."""

_NAME: Final = "deny-target-secrets"

POLICY: Final[dict[str, Any]] = {
    "apiVersion": "v1",
    "kind": "List",
    "items": [
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": _NAME},
            "spec": {
                "matchConstraints": {
                    "namespaceSelector": {"matchLabels": {DENYING: "true"}},
                    "objectSelector": {"matchExpressions": [{"key": TARGET_LABEL, "operator": "Exists"}]},
                    "resourceRules": [
                        {
                            "apiGroups": [""],
                            "apiVersions": ["v1"],
                            "resources": ["secrets"],
                            "operations": ["CREATE", "UPDATE"],
                        }
                    ],
                },
                "validations": [{"expression": "false", "message": "denied for a while"}],
            },
        },
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": _NAME},
            "spec": {"policyName": _NAME, "validationActions": ["Deny"]},
        },
    ],
}
"""Once for the run: it takes an API server a moment to heed a new policy, and none to heed a namespace's label."""
