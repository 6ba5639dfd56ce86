"""Whether the owner of an object consents to its use as credentials, by its label. Pure."""

from dataclasses import dataclass
from typing import Final

from integration_token.api.condition import Reason
from integration_token.api.names import CREDENTIALS_LABEL
from integration_token.cluster.collection import Object
from integration_token.errors import UserActionRequired


@dataclass(frozen=True, slots=True)
class Source:
    """A kind of object with credentials."""

    kind: str
    field: str
    """The field of the spec that names it."""
    not_found: Reason
    not_labelled: Reason


SECRET: Final = Source("Secret", "credentialsSecretRef", Reason.CREDENTIALS_NOT_FOUND, Reason.CREDENTIALS_NOT_LABELLED)
ACCOUNT: Final = Source(
    "ServiceAccount", "serviceAccountRef", Reason.SERVICE_ACCOUNT_NOT_FOUND, Reason.SERVICE_ACCOUNT_NOT_LABELLED
)


def released(found: Object | None, source: Source, namespace: str, name: str) -> Object:
    """The object, or only its metadata, if it exists and its owner has labelled it.

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
