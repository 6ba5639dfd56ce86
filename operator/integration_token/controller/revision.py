"""The versions of what a pass goes by."""

from integration_token.api.endpoint import Endpoint
from integration_token.state.failure import Revisions
from integration_token.state.resource import ResourceState


def revisions_of(state: ResourceState, endpoint: Endpoint, credentials_revision: str) -> Revisions:
    """The revisions of what a pass with these goes by.

    :param credentials_revision: of the credentials.
    """
    return Revisions(
        state.generation,
        state.renew_request,
        endpoint.uid,
        endpoint.generation,
        credentials_revision,
    )
