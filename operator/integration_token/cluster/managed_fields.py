"""Who wrote which part of a Secret, according to the API server's record (`managedFields`). Pure."""

from integration_token.api.names import GROUP, ISSUE_TIME_ANNOTATION, LIFETIME_ANNOTATION, MANAGER, TARGET_LABEL
from integration_token.cluster.collection import Object

_TIMES = frozenset({f"f:{ISSUE_TIME_ANNOTATION}", f"f:{LIFETIME_ANNOTATION}"})


def changed_by_others(metadata: Object) -> bool:
    """Whether something other than the operator last wrote the token or its expiry, according to the API server."""
    return any(map(tells_token, entries_of_others(metadata))) and not _restored(metadata)


def _restored(metadata: Object) -> bool:
    """Whether something else wrote the whole Secret, and nothing controls it yet: a restored backup, which is
    trusted."""
    if any(owner.get("controller") for owner in metadata.get("ownerReferences") or ()):
        return False
    whole = {"f:token", "f:authorization", "f:expires_at", *_TIMES, f"f:{TARGET_LABEL}"}
    return any(
        whole <= keys_of(entry, "f:labels") | keys_of(entry, "f:annotations") | _data_keys(entry)
        for entry in entries_of_others(metadata)
    )


def tells_token(entry: Object) -> bool:
    """Whether an entry of the record claims the token or its expiry."""
    return "f:token" in _data_keys(entry) or not _TIMES.isdisjoint(keys_of(entry, "f:annotations"))


def entries_of_others(metadata: Object) -> list[Object]:
    """The entries of field managers other than ours."""
    return [entry for entry in metadata.get("managedFields") or () if entry.get("manager") != MANAGER]


def last_manager(secret: Object) -> str:
    """The last other field manager to change the Secret, according to the API server; empty for none."""
    entries = sorted(entries_of_others(secret["metadata"]), key=lambda entry: str(entry.get("time", "")))
    return str(entries[-1].get("manager", ""))[:128] if entries else ""


def keys_of(entry: Object, field: str) -> set[str]:
    """The keys of `f:labels` or `f:annotations` that an entry of the record claims, each prefixed with `f:`."""
    return set(((entry.get("fieldsV1") or {}).get("f:metadata") or {}).get(field) or ())


def _data_keys(entry: Object) -> set[str]:
    return set((entry.get("fieldsV1") or {}).get("f:data") or ())


def taken_over(managed: list[Object]) -> list[Object]:
    """The API server's record without other managers' claims on what we write: a restored backup, for example, is ours
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
