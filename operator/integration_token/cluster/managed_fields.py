"""Who wrote what of a Secret, by the API server's own record (`managedFields`). Pure."""

from integration_token.api.names import GROUP, ISSUE_TIME_ANNOTATION, LIFETIME_ANNOTATION, MANAGER, TARGET_LABEL
from integration_token.cluster.collection import Object

_TIMES = frozenset({f"f:{ISSUE_TIME_ANNOTATION}", f"f:{LIFETIME_ANNOTATION}"})


def changed_by_others(metadata: Object) -> bool:
    """Whether anybody but us last wrote the token or what tells its expiry, by the API server's own record."""
    return any(map(tells_token, entries_of_others(metadata))) and not _restored(metadata)


def _restored(metadata: Object) -> bool:
    """Whether somebody else wrote the whole Secret, and nobody controls it yet: a backup, to be taken at its word."""
    if any(owner.get("controller") for owner in metadata.get("ownerReferences") or ()):
        return False
    whole = {"f:token", "f:authorization", "f:expires_at", *_TIMES, f"f:{TARGET_LABEL}"}
    return any(
        whole <= keys_of(entry, "f:labels") | keys_of(entry, "f:annotations") | _data_keys(entry)
        for entry in entries_of_others(metadata)
    )


def tells_token(entry: Object) -> bool:
    """Whether an entry of the record claims the token, or what tells its expiry."""
    return "f:token" in _data_keys(entry) or not _TIMES.isdisjoint(keys_of(entry, "f:annotations"))


def entries_of_others(metadata: Object) -> list[Object]:
    """What the API server's record says of field managers other than us."""
    return [entry for entry in metadata.get("managedFields") or () if entry.get("manager") != MANAGER]


def last_manager(secret: Object) -> str:
    """The field manager other than us that changed the Secret last, by the API server's own record; empty for none."""
    entries = sorted(entries_of_others(secret["metadata"]), key=lambda entry: str(entry.get("time", "")))
    return str(entries[-1].get("manager", ""))[:128] if entries else ""


def keys_of(entry: Object, field: str) -> set[str]:
    """The keys that an entry of the record claims: of `f:labels` or `f:annotations`, each with `f:` before it."""
    return set(((entry.get("fieldsV1") or {}).get("f:metadata") or {}).get(field) or ())


def _data_keys(entry: Object) -> set[str]:
    return set((entry.get("fieldsV1") or {}).get("f:data") or ())


def taken_over(managed: list[Object]) -> list[Object]:
    """The API server's record without other managers' claims on what we write: a restored backup, say, is ours
    again."""
    result = []
    for entry in managed:
        fields = entry.get("fieldsV1") or {}
        if entry.get("manager") != MANAGER and fields:
            inner = dict(fields.get("f:metadata") or {})
            annotations = {
                key: value
                for key, value in (inner.get("f:annotations") or {}).items()
                if not key.startswith(f"f:{GROUP}/")
            }
            if "f:annotations" in inner:
                inner["f:annotations"] = annotations
            fields = {key: value for key, value in fields.items() if key != "f:data"}
            if "f:metadata" in fields:
                fields["f:metadata"] = inner
        result.append({**entry, "fieldsV1": fields})
    return result
