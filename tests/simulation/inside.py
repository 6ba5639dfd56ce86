"""What a story can't see from outside: whether a resource will be looked at again though nothing happens."""

from integration_token.workqueue.key import token_key

from tests.unit.world import Operator


def awaited(operator: Operator, namespace: str, name: str) -> bool:
    """Whether the resource is due at some time, is being worked on, or waits in a queue that moves on by itself."""
    key, scheduler = token_key(namespace, name), operator.scheduler
    return key in scheduler._queue._due or key in scheduler._waiting or key in scheduler._running
