"""The reasons of events at an IntegrationToken, except those that are also a condition's reason."""

from enum import StrEnum


class EventReason(StrEnum):
    """Why an event was recorded: what `kubectl get events` shows, and what users filter by."""

    ISSUED = "Issued"
    """The target Secret holds the resource's first token."""
    RENEWED = "Renewed"
    """The target Secret holds a new token."""
    REPAIRED = "Repaired"
    """The target Secret was changed or deleted by someone else, and has been restored."""
    RECOVERED = "Recovered"
    """Refreshing the token works again."""
    TARGET_REPLACED = "TargetReplaced"
    """The target Secret could not be changed, so it was deleted and recreated: because its type was changed, or because
    it was immutable, which pods notice only after a restart."""
    TEMPLATE_WITHOUT_PLACEHOLDER = "TemplateWithoutPlaceholder"
    """spec.target.template.data has no placeholder: another tool may have replaced it."""
    TOO_MANY_REQUESTS = "TooManyRequests"
    """A token's lifetime is too short for the requests a minute that its grant may make."""
    CREDENTIALS_NOT_VERIFIED = "CredentialsNotVerified"
    """The endpoint answered a request with changed credentials from its cache, so it is unknown whether it accepts
    them."""
    EXPIRATION_ASSUMED = "ExpirationAssumed"
    """The endpoint states no usable expiry, so the time of the next request is a guess."""
    CLOCK_SKEW = "ClockSkew"
    """The endpoint's clock differs too much from the operator's to rely on it, or a cache replays old responses."""
    RENEWAL_NOT_SEEN = "RenewalNotSeen"
    """Pods read the target Secret in a way that never changes in a running container."""
    MOUNT_REFRESH_FORBIDDEN = "MountRefreshForbidden"
    """spec.mountRefresh is Always, but the operator is not allowed to list or patch pods there."""
