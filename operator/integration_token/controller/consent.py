"""Whether the owner of what a resource refers to lets it be used as credentials: by its label. Pure."""

from dataclasses import dataclass
from typing import Final

from integration_token.api.condition import Reason
from integration_token.api.names import CREDENTIALS_LABEL
from integration_token.cluster.collection import Object
from integration_token.errors import UserActionRequired


@dataclass(frozen=True, slots=True)
class Source:
    """A kind of object that credentials come from."""

    kind: str
    field: str
    """Of the spec, which names it."""
    not_found: Reason
    not_labelled: Reason


SECRET: Final = Source("Secret", "credentialsSecretRef", Reason.CREDENTIALS_NOT_FOUND, Reason.CREDENTIALS_NOT_LABELLED)
ACCOUNT: Final = Source(
    "ServiceAccount", "serviceAccountRef", Reason.SERVICE_ACCOUNT_NOT_FOUND, Reason.SERVICE_ACCOUNT_NOT_LABELLED
)


def released(found: Object | None, source: Source, namespace: str, name: str) -> Object:
    """The object, be it its metadata alone, where it exists and its owner released it.

    :raises UserActionRequired: if not.
    """
    if found is None:
        raise UserActionRequired(
            source.not_found, f"{source.kind} {name} does not exist; create it or fix spec.{source.field}"
        )
    if (found["metadata"].get("labels") or {}).get(CREDENTIALS_LABEL) != "true":
        raise UserActionRequired(
            source.not_labelled,
            f"{source.kind} {name} is not labelled for use as credentials; run: kubectl label {source.kind.lower()}"
            f" --namespace {namespace} {name} {CREDENTIALS_LABEL}=true",
        )
    return found
