"""The target Secret: reading what it contains, deciding whose it is, and building what it should be. Pure."""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

from integration_token.api.integration import DeletionPolicy, Integration, Template
from integration_token.api.names import (
    ASSUMED_ANNOTATION,
    CREDENTIALS_UID_ANNOTATION,
    CREDENTIALS_VERSION_ANNOTATION,
    ENDPOINT_UID_ANNOTATION,
    GRANT_HASH_ANNOTATION,
    GROUP,
    INTEGRATION_TOKEN_KIND,
    ISSUE_TIME_ANNOTATION,
    LIFETIME_ANNOTATION,
    SCOPE_ANNOTATION,
    SCOPE_INCOMPLETE_ANNOTATION,
    TARGET_LABEL,
    TEMPLATE_ANNOTATION,
    VERSION,
)
from integration_token.api.token import GrantIdentity, StoredToken, Token, revision_of, stored_revision
from integration_token.api.value import format_precise_time, format_time, parse_time
from integration_token.cluster.collection import Object
from integration_token.cluster.managed_fields import (
    changed_by_others,
    entries_of_others,
    keys_of,
    taken_over,
    tells_token,
)
from integration_token.cluster.template import FIXED, check_identity, check_name, check_type, data_of, encoded


class Ownership(Enum):
    """Whose a Secret with the target's name is."""

    OURS = auto()
    """Controlled by the resource, or labelled with its name and not controlled by anything."""
    PREDECESSOR = auto()
    """Controlled by a deleted resource of the same name: the garbage collector will delete it in a moment."""
    FOREIGN = auto()


def ownership(secret: Object, integration: Integration) -> Ownership:
    """Whether the Secret may be written for this resource."""
    metadata = secret["metadata"]
    controllers = [owner for owner in metadata.get("ownerReferences") or () if owner.get("controller")]
    if any(owner["uid"] == integration.uid for owner in controllers):
        return Ownership.OURS
    labelled = (metadata.get("labels") or {}).get(TARGET_LABEL) == integration.name
    if not controllers:
        return Ownership.OURS if labelled else Ownership.FOREIGN
    same = any(o.get("kind") == INTEGRATION_TOKEN_KIND and o.get("name") == integration.name for o in controllers)
    return Ownership.PREDECESSOR if same and labelled else Ownership.FOREIGN


def read_target(secret: Object) -> StoredToken | None:
    """The token in the Secret; None unless its content is entirely what we wrote.

    No digest of the token is kept to compare it with. But the API server records who last changed each field, and the
    values must agree with each other.
    """
    metadata = secret["metadata"]
    annotations = metadata.get("annotations") or {}
    try:
        # Keys that others added are removed by the next write: they need not be text.
        held = secret.get("data") or {}
        data = {key: base64.b64decode(held[key]).decode() for key in FIXED}
        # In whole milliseconds, as they are written, so that their sums compare.
        issued = round(parse_time(annotations[ISSUE_TIME_ANNOTATION]) * 1000)
        lifetime = round(float(annotations[LIFETIME_ANNOTATION]) * 1000)
        token = Token(
            access_token=data["token"],
            issued=issued / 1000,
            expires=(issued + lifetime) / 1000,
            assumed=annotations.get(ASSUMED_ANNOTATION) == "true",
            scope=tuple(annotations.get(SCOPE_ANNOTATION, "").split()) or None,
            scope_incomplete=annotations.get(SCOPE_INCOMPLETE_ANNOTATION) == "true",
        )
        identity = GrantIdentity(
            endpoint_uid=annotations[ENDPOINT_UID_ANNOTATION],
            grant_hash=annotations[GRANT_HASH_ANNOTATION],
            credentials_revision=revision_of(
                annotations[CREDENTIALS_UID_ANNOTATION], annotations[CREDENTIALS_VERSION_ANNOTATION]
            ),
        )
        agree = data["authorization"] == f"Bearer {token.access_token}" and data["expires_at"] == format_time(
            token.expires
        )
    except (KeyError, ValueError, binascii.Error, OverflowError, OSError):
        return None
    return StoredToken(token, identity) if agree and not changed_by_others(metadata) else None


_RECORDS = frozenset(
    {
        ENDPOINT_UID_ANNOTATION,
        GRANT_HASH_ANNOTATION,
        CREDENTIALS_UID_ANNOTATION,
        CREDENTIALS_VERSION_ANNOTATION,
        ISSUE_TIME_ANNOTATION,
        LIFETIME_ANNOTATION,
        SCOPE_ANNOTATION,
        SCOPE_INCOMPLETE_ANNOTATION,
        ASSUMED_ANNOTATION,
        TEMPLATE_ANNOTATION,
    }
)
"""The annotations that a write sets, or removes if they no longer hold."""


class Recreation(Enum):
    """Why a Secret must be deleted and created, since it cannot be changed."""

    IMMUTABLE = auto()
    """Pods that mount it see the change only when they restart: the kubelet reads an immutable Secret once."""
    TYPE = auto()
    """Its type is not the specified one. Pods that mount it get the new one like any other change."""


@dataclass(frozen=True, slots=True)
class Write:
    """How to bring a target Secret to its desired state."""

    body: Object
    recreate: Recreation | None


def build_target(secret: Object | None, integration: Integration, stored: StoredToken) -> Write | None:
    """What to write so that the Secret contains the token; None if it already does.

    Labels, annotations and owners of others are kept; `data` is entirely ours.

    :param secret: as it was read; None if it does not exist.
    :raises UserActionRequired: if the template cannot make a Secret with this token.
    """
    check_name(integration.target)
    check_identity(integration.template)
    metadata: Object = {} if secret is None else dict(secret["metadata"])
    old_labels, old_annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    template = integration.template
    labels = {**_foreign(old_labels, metadata, "labels"), **template.labels, TARGET_LABEL: integration.name}
    annotations = {
        **_foreign(old_annotations, metadata, "annotations"),
        **template.annotations,
        **_record(stored),
        **_template_record(template),
    }
    owners = _owners(metadata.get("ownerReferences") or [], integration)
    texts = data_of(template, stored.token)
    check_type(template.type, texts)
    data = {key: encoded(text) for key, text in texts.items()}
    wanted: Object = {
        "name": integration.target,
        "labels": labels,
        "annotations": annotations,
        "ownerReferences": owners,
    }
    body: Object = {"apiVersion": "v1", "kind": "Secret", "type": template.type, "metadata": wanted, "data": data}
    if secret is None:
        return Write(body, None)
    recreate = _recreation(secret, template.type)
    same = (
        (secret.get("data") or {}) == data
        and old_labels == labels
        and old_annotations == annotations
        and (metadata.get("ownerReferences") or []) == owners
        and not any(map(tells_token, entries_of_others(metadata)))
    )
    if same and recreate is None:
        return None
    if recreate is None:
        wanted |= {
            "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"],
            "managedFields": taken_over(metadata.get("managedFields") or []),
            "finalizers": metadata.get("finalizers") or [],
        }
    return Write(body, recreate)


def _recreation(secret: Object, kind: str) -> Recreation | None:
    """Why the Secret cannot be changed in place to one of the type; None if it can."""
    if secret.get("immutable"):
        return Recreation.IMMUTABLE
    return None if secret.get("type") == kind else Recreation.TYPE


def _record(stored: StoredToken) -> dict[str, str]:
    """The annotations that record what the Secret contains."""
    token, identity = stored.token, stored.identity
    uid, version = stored_revision(identity.credentials_revision)
    record = {
        ENDPOINT_UID_ANNOTATION: identity.endpoint_uid,
        GRANT_HASH_ANNOTATION: identity.grant_hash,
        CREDENTIALS_UID_ANNOTATION: uid,
        CREDENTIALS_VERSION_ANNOTATION: version,
        ISSUE_TIME_ANNOTATION: format_precise_time(token.issued),
        LIFETIME_ANNOTATION: f"{token.lifetime:.3f}",
        SCOPE_ANNOTATION: " ".join(token.scope or ()),
    }
    marks = {ASSUMED_ANNOTATION: token.assumed, SCOPE_INCOMPLETE_ANNOTATION: token.scope_incomplete}
    return record | {name: "true" for name, holds in marks.items() if holds}


def _template_record(template: Template) -> dict[str, str]:
    """The annotation that records which labels and annotations are the template's; none if it has none."""
    keys = {"labels": sorted(template.labels), "annotations": sorted(template.annotations)}
    return {TEMPLATE_ANNOTATION: json.dumps(keys)} if any(keys.values()) else {}


def _foreign(values: Mapping[str, str], metadata: Object, field: str) -> dict[str, str]:
    """The labels or annotations that are not from the template that we last wrote: those may have been removed from it
    since.

    The API server's record of field managers is not enough: it counts as ours what an admission webhook adds to our
    writes. But what another manager also claims is kept as that manager's.
    """
    ours = _template_keys(metadata).get(field, set())
    for entry in entries_of_others(metadata):
        ours -= {name.removeprefix("f:") for name in keys_of(entry, f"f:{field}")}
    # Records of other versions stay, since those may lead again; a label of ours has a meaning on any object.
    own = _RECORDS if field == "annotations" else {key for key in values if key.startswith(f"{GROUP}/")}
    return {key: value for key, value in values.items() if key not in ours and key not in own}


def _template_keys(metadata: Object) -> dict[str, set[str]]:
    """The keys of the template's labels and annotations that we last wrote, as recorded."""
    try:
        recorded = json.loads((metadata.get("annotations") or {}).get(TEMPLATE_ANNOTATION, "{}"))
        return {field: {str(key) for key in recorded.get(field, ())} for field in ("labels", "annotations")}
    except (ValueError, TypeError, AttributeError):
        return {}  # changed by hand: the keys it listed stay as if they were someone else's


def _owners(owners: list[Object], integration: Integration) -> list[Object]:
    """The owner references including ours, or without it if the Secret is to outlive the resource."""
    others = [owner for owner in owners if owner.get("uid") != integration.uid]
    if integration.deletion_policy is DeletionPolicy.RETAIN:
        return others
    ours = {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": INTEGRATION_TOKEN_KIND,
        "name": integration.name,
        "uid": integration.uid,
        "controller": True,
    }
    return [*others, ours]
