"""Whether a resource refers to the credentials that its endpoint uses. Pure."""

from integration_token.api.condition import Reason
from integration_token.api.endpoint import Endpoint
from integration_token.api.grant import CLIENT_CREDENTIALS
from integration_token.api.integration import Integration
from integration_token.errors import UserActionRequired
from integration_token.oauth.part import Needs
from integration_token.oauth.request import grant_inputs, needs


def check_sources(integration: Integration, endpoint: Endpoint) -> None:
    """Checks that the resource refers to everything that its requests to the endpoint need, and to nothing else.

    :raises UserActionRequired: if not.
    """
    inputs = grant_inputs(endpoint, integration, integration.service_account)
    wanted = needs(inputs)
    if fault := _fault_of_sources(integration, endpoint, wanted, has_headers=bool(inputs.headers_from)):
        raise UserActionRequired(Reason.INVALID_SPEC, fault)


def _fault_of_sources(integration: Integration, endpoint: Endpoint, wanted: Needs, *, has_headers: bool) -> str:
    """What is wrong, and what to do; empty if nothing is."""
    how = f"{endpoint.ref.title} (grant {endpoint.grant}, clientAuthenticationMethod {endpoint.authentication})"
    if wanted.account and not integration.service_account:
        return f"{how} requires a ServiceAccount token; set spec.serviceAccountRef"
    if integration.service_account and not wanted.account:
        return f"{how} does not use a ServiceAccount token; remove spec.serviceAccountRef, or refer to another endpoint"
    if integration.service_account and integration.credentials and endpoint.grant == CLIENT_CREDENTIALS:
        return (
            f"{how} uses either a Secret or a ServiceAccount token, not both; remove spec.credentialsSecretRef or"
            " spec.serviceAccountRef"
        )
    if integration.credentials or not (wanted.credentials or has_headers):
        return ""
    return f"{how} requires credentials from a Secret; set spec.credentialsSecretRef"
