"""The versions of what a pass goes by."""

from dataclasses import replace

from integration_token.api.endpoint import Endpoint
from integration_token.api.token import GrantIdentity
from integration_token.cluster.secret import SecretMetadata
from integration_token.state.failure import Revisions
from integration_token.state.resource import ResourceState


def with_credentials(identity: GrantIdentity, credentials: SecretMetadata) -> GrantIdentity:
    """The identity of the grant with these credentials."""
    return replace(identity, credentials_uid=credentials.uid, credentials_version=credentials.version)


def revisions_of(state: ResourceState, endpoint: Endpoint, credentials: SecretMetadata) -> Revisions:
    """The revisions of what a pass with these goes by."""
    return Revisions(
        state.generation,
        state.renew_request,
        endpoint.uid,
        endpoint.generation,
        credentials.uid,
        credentials.version,
    )
