"""The pods that read a Secret, and whether they see it change. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from integration_token.cluster.collection import Object


@dataclass(frozen=True, slots=True)
class Reader:
    """A pod that reads a Secret."""

    name: str
    owner: str
    """The pod's controller, as `kind name`; the pod itself without one."""
    mounted: bool
    """A container mounts the Secret as files of a volume, which the kubelet keeps current."""
    frozen: bool
    """A container reads it from environment variables or by subPath, which never change while it runs."""


def readers(pods: Iterable[Object], secret: str) -> Iterator[Reader]:
    """The pods that read the Secret of that name."""
    for pod in pods:
        spec = pod["spec"]
        volumes = {volume["name"] for volume in spec.get("volumes") or () if secret in _secrets_of_volume(volume)}
        mounts = [
            mount
            for container in _running_containers(spec)
            for mount in container.get("volumeMounts") or ()
            if mount["name"] in volumes
        ]
        parts = [bool(mount.get("subPath") or mount.get("subPathExpr")) for mount in mounts]
        variables = any(secret in _secrets_of_environment(container) for container in _running_containers(spec))
        frozen = variables or any(parts)
        if mounts or frozen:
            yield Reader(pod["metadata"]["name"], _owner_of(pod["metadata"]), not all(parts), frozen)


def _running_containers(spec: Object) -> Iterator[Object]:
    """The containers that run as long as the pod: an init container that has ended no longer reads anything."""
    yield from spec.get("containers") or ()
    for container in spec.get("initContainers") or ():
        if container.get("restartPolicy") == "Always":
            yield container


def _secrets_of_volume(volume: Object) -> Iterator[str]:
    yield str((volume.get("secret") or {}).get("secretName", ""))
    for source in (volume.get("projected") or {}).get("sources") or ():
        yield str((source.get("secret") or {}).get("name", ""))


def _secrets_of_environment(container: Object) -> Iterator[str]:
    for variable in container.get("env") or ():
        yield str(((variable.get("valueFrom") or {}).get("secretKeyRef") or {}).get("name", ""))
    for source in container.get("envFrom") or ():
        yield str((source.get("secretRef") or {}).get("name", ""))


def _owner_of(metadata: Object) -> str:
    controllers = [owner for owner in metadata.get("ownerReferences") or () if owner.get("controller")]
    if not controllers:
        return f"Pod {metadata['name']}"
    kind, name = controllers[0]["kind"], controllers[0]["name"]
    suffix = f"-{(metadata.get('labels') or {}).get('pod-template-hash', '')}"
    # A Deployment's ReplicaSet is named after it, followed by the hash in its pods' label.
    if kind == "ReplicaSet" and len(suffix) > 1 and name.endswith(suffix):
        return f"Deployment {name.removesuffix(suffix)}"
    return f"{kind} {name}"
