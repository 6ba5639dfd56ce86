"""The reasons of events at an IntegrationToken, apart from those that are a condition's reason as well."""

from enum import StrEnum


class EventReason(StrEnum):
    """Why an event was recorded: what `kubectl get events` shows, and what users filter by."""

    ISSUED = "Issued"
    """The target Secret holds the resource's first token."""
    RENEWED = "Renewed"
    """The target Secret holds a new token."""
    REPAIRED = "Repaired"
    """Somebody else had changed the target Secret, and it was brought back to what it should be."""
    MENDED = "Mended"
    """Refreshing the token works again."""
    TARGET_REPLACED = "TargetReplaced"
    """The target Secret could not be changed and was deleted and created anew: because its type was changed, or because
    it was immutable, which pods see only once they restart."""
    TEMPLATE_WITHOUT_PLACEHOLDER = "TemplateWithoutPlaceholder"
    """spec.target.template.data has nothing to fill in: another tool may have replaced it on the way."""
    TOO_MANY_REQUESTS = "TooManyRequests"
    """A token lives too short for the requests that its grant may cost in a minute."""
    CREDENTIALS_NOT_VERIFIED = "CredentialsNotVerified"
    """The endpoint answered changed credentials from its cache, so nothing is known of them."""
    EXPIRATION_ASSUMED = "ExpirationAssumed"
    """The endpoint tells no expiry that can be used, so when the token is asked for again is a guess."""
    CLOCK_SKEW = "ClockSkew"
    """The endpoint's clock differs from the operator's by too much to go by it, or a cache replays old answers."""
    RENEWAL_NOT_SEEN = "RenewalNotSeen"
    """Pods read the target Secret in a way that never changes in a running container."""
    MOUNT_REFRESH_FORBIDDEN = "MountRefreshForbidden"
    """spec.mountRefresh is Always, and the operator may not list or patch pods there."""
