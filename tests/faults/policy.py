"""An admission policy that denies writes of target Secrets in namespaces labelled for it."""

from typing import Any, Final

from tests.apiserver.stage import TARGET_LABEL

DENYING: Final = "faults/deny"
"""The label of a namespace whose writes are denied while it is `true`."""

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
"""Created once for the run: the API server needs a moment to apply a new policy, but none to apply a label."""
