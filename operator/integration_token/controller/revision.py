"""The versions of everything that a pass depends on."""

from integration_token.api.endpoint import Endpoint
from integration_token.api.integration import Integration
from integration_token.state.failure import Revisions
from integration_token.state.resource import ResourceState


def revisions_of(resource: Integration | ResourceState, endpoint: Endpoint, credentials_revision: str) -> Revisions:
    """The revisions of a pass with these objects.

    :param resource: as the pass has read it: the watch may have brought a later version since.
    :param endpoint: with its authorities. Without them, as received from the watch, the revisions never equal those of
        a pass, so that a comparison always leads to a pass.
    :param credentials_revision: of the credentials.
    """
    return Revisions(
        resource.generation,
        resource.renew_request,
        endpoint.uid,
        endpoint.generation,
        credentials_revision,
        endpoint.ca_bundle.digest if endpoint.ca_bundle_ref is not None and endpoint.ca_bundle is not None else b"",
    )
