"""The names shared with users, manifests and stored Secrets: changing one breaks existing installations."""

from typing import Final

GROUP: Final = "integrationtoken.dev"
VERSION: Final = "v1alpha1"

INTEGRATION_TOKENS: Final = "integrationtokens"
TOKEN_ENDPOINTS: Final = "tokenendpoints"
CLUSTER_TOKEN_ENDPOINTS: Final = "clustertokenendpoints"

INTEGRATION_TOKEN_KIND: Final = "IntegrationToken"

MANAGER: Final = "integration-token-operator"
"""The operator's name as field manager, event source and user agent."""

# On a credentials Secret or a ServiceAccount, set by its owner.
CREDENTIALS_LABEL: Final = f"{GROUP}/credentials"
"""Must be "true", otherwise the Secret, or the account's token, is never sent: its owner's consent."""
ALLOWED_HOSTS_ANNOTATION: Final = f"{GROUP}/allowed-hosts"
"""Comma-separated hosts: the Secret, or the account's token, is sent to no other. Optional only for a Secret."""
ALLOWED_AUDIENCES_ANNOTATION: Final = f"{GROUP}/allowed-audiences"
"""On a ServiceAccount: comma-separated audiences that its tokens may have, in addition to the token URLs of its
hosts."""

# On a target Secret, set by us.
TARGET_LABEL: Final = f"{GROUP}/integration-token"
"""The name of the IntegrationToken that the Secret belongs to."""
ENDPOINT_UID_ANNOTATION: Final = f"{GROUP}/endpoint-uid"
GRANT_HASH_ANNOTATION: Final = f"{GROUP}/grant-hash"
"""SHA-256 of the grant's non-secret inputs."""
CREDENTIALS_UID_ANNOTATION: Final = f"{GROUP}/credentials-uid"
CREDENTIALS_VERSION_ANNOTATION: Final = f"{GROUP}/credentials-resource-version"
ISSUE_TIME_ANNOTATION: Final = f"{GROUP}/issue-time"
"""RFC 3339: when the request was sent that first returned this token."""
LIFETIME_ANNOTATION: Final = f"{GROUP}/lifetime-seconds"
"""Seconds from the issue time to the token's expiry."""
SCOPE_ANNOTATION: Final = f"{GROUP}/scope"
"""The scopes that the endpoint granted, separated by spaces."""
SCOPE_INCOMPLETE_ANNOTATION: Final = f"{GROUP}/scope-incomplete"
"""`true` if the endpoint granted more scopes than are listed."""
TEMPLATE_ANNOTATION: Final = f"{GROUP}/template-keys"
"""JSON: the keys of the labels and annotations that spec.target.template gave the Secret."""
ASSUMED_ANNOTATION: Final = f"{GROUP}/expiry-assumed"
""""true" if the endpoint stated no expiry and its defaultLifetime is used."""

# On a pod, set by us.
REFRESHED_ANNOTATION: Final = f"{GROUP}/token-renewed-at"
"""RFC 3339: when a token that the pod mounts was renewed; the change makes the kubelet sync the pod's volumes."""

# On an IntegrationToken, set by a person.
RENEW_ANNOTATION: Final = f"{GROUP}/renew-requested-at"
"""Each new value requests one poll now."""
