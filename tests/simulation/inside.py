"""What a story can't see from outside: whether a resource will be processed again even if nothing happens."""

from integration_token.workqueue.key import token_key

from tests.unit.world import Operator


def awaited(operator: Operator, namespace: str, name: str) -> bool:
    """Whether the resource is due at some time, in progress, or in a queue that moves on by itself."""
    key, scheduler = token_key(namespace, name), operator.scheduler
    return key in scheduler._queue._due or key in scheduler._waiting or key in scheduler._running
