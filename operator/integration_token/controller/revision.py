"""The versions of what a pass goes by."""

from integration_token.api.endpoint import Endpoint
from integration_token.api.integration import Integration
from integration_token.state.failure import Revisions
from integration_token.state.resource import ResourceState


def revisions_of(resource: Integration | ResourceState, endpoint: Endpoint, credentials_revision: str) -> Revisions:
    """The revisions of what a pass with these goes by.

    :param resource: as the pass has read it: the watch may have told of a later one since, which it has not seen.
    :param endpoint: with the authorities that it names. Without them, as the watch brought it, the revisions are never
        those of a pass, so that anyone who compares them looks.
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
