"""How long it takes from a manual change until everything is well again, as seen by a watch of the Secret.

It is measured from the API server's response to the change, each time with another resource, since a grant's requests
are limited.
"""

import base64
import time
from collections.abc import Callable
from functools import partial
from typing import Final

from tests.bench.api import API, SECRETS, TOKENS
from tests.bench.manifest import TARGET, Object, credentials, names, token
from tests.bench.row import BenchError, Row
from tests.bench.stage import Operator, Stage
from tests.cluster.poll import poll
from tests.cluster.progress import say
from tests.fakes.process import derived_secret

TIMES: Final = 5
"""Measurements of each kind: enough for a slow one to show."""
PAUSE: Final = 0.3
"""Seconds between two of them, so that they don't disturb each other."""

_GARBAGE: Final = base64.b64encode(b"changed by hand").decode()


def measure(stage: Stage, operator: Operator) -> list[Row]:
    """All rows; the operator is idle, and has a token for each resource."""
    say(f"repairs, {TIMES} of each kind: about 10 s")
    _prepare_mend(stage.api)
    names_ = iter(names("cold", 2 * TIMES))
    changed = tuple(repaired(stage.api, next(names_), _change) for _ in range(TIMES))
    deleted = tuple(repaired(stage.api, next(names_), _delete) for _ in range(TIMES))
    mended = tuple(_mended(stage.api, name) for name in names("mend", TIMES))
    operator.check()
    return [
        Row("a mended credentials Secret to a token", mended, 2, "s"),
        Row("a changed target repaired", changed, 1, "s"),
        Row("a deleted target repaired", deleted, 1, "s"),
    ]


def _change(api: API, target: str) -> None:
    api.merge(f"{SECRETS}/{target}", {"data": {"token": _GARBAGE}})


def _delete(api: API, target: str) -> None:
    api.delete(f"{SECRETS}/{target}")


def repaired(api: API, name: str, spoil: Callable[[API, str], None]) -> float:
    """Seconds until the target has its token back."""
    time.sleep(PAUSE)
    target = name + TARGET
    before = api.get(f"{SECRETS}/{target}")["data"]
    # expires_at may be rewritten, a second earlier.
    return _seconds_until(
        api,
        target,
        lambda: spoil(api, target),
        lambda data: (
            data.keys() == before.keys() and all(data[key] == before[key] for key in ("token", "authorization"))
        ),
    )


def _prepare_mend(api: API) -> None:
    """Creates resources with wrong credentials, and waits until they are refused."""
    wanted = names("mend", TIMES)
    api.create_all(credentials(name, "not the secret") for name in wanted)
    api.create_all(token(name, "bench") for name in wanted)
    for name in wanted:
        poll(partial(_refused, api, name), f"the endpoint's refusal at {name}")


def _refused(api: API, name: str) -> bool:
    """Whether it is known that only changed credentials help."""
    conditions = api.get(f"{TOKENS}/{name}").get("status", {}).get("conditions", ())
    return any(condition["type"] == "Stalled" and condition["status"] == "True" for condition in conditions)


def _mended(api: API, name: str) -> float:
    """Seconds until there is a target, once the credentials are right."""
    time.sleep(PAUSE)
    return _seconds_until(
        api,
        name + TARGET,
        lambda: api.merge(f"{SECRETS}/{name}", {"stringData": {"client_secret": derived_secret(name)}}),
        lambda data: "token" in data,
    )


def _seconds_until(api: API, target: str, change: Callable[[], None], good: Callable[[dict[str, str]], bool]) -> float:
    """Seconds from the response to the change until the watch shows that all is well."""
    with api.watch(SECRETS, target) as events:
        change()
        start = time.monotonic()
        for event in events:
            if event["type"] in {"ADDED", "MODIFIED"} and good(_data(event["object"])):
                return time.monotonic() - start
    raise BenchError(f"the watch of Secret {target} ended before it was repaired")


def _data(secret: Object) -> dict[str, str]:
    data: dict[str, str] = secret.get("data") or {}
    return data
