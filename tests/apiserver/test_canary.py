"""No client secret and no token appears anywhere but in Secrets' data; everything the other tests left is searched."""

import base64
import hashlib
import json
from collections.abc import Callable
from urllib.parse import quote

import pytest

from tests.apiserver.canary import PIECE, Canary
from tests.apiserver.ledger import Ledger
from tests.apiserver.operator import Operator
from tests.apiserver.stage import Stage
from tests.cluster.plane import ControlPlane
from tests.fakes import fault

ODD = "Zx8\"q/%2f+w'\\Kd é ß€&=?#:<>yV3pQm-7"

PLANTED: dict[str, Callable[[str], str]] = {
    "plain": lambda secret: f"the secret {secret} was refused",
    "base64": lambda secret: base64.b64encode(secret.encode()).decode(),
    "Basic header": lambda secret: base64.b64encode(f"client:{secret}".encode()).decode(),
    "base64 of JSON": lambda secret: base64.b64encode(json.dumps({"s": secret}, ensure_ascii=False).encode()).decode(),
    "URL": lambda secret: f"https://login.example/?client_secret={quote(secret, safe='')}&x=y",
    "JSON": lambda secret: json.dumps({"client_secret": secret}),
    "JSON with its letters": lambda secret: json.dumps({"client_secret": secret}, ensure_ascii=False),
    "repr": lambda secret: repr({"client_secret": secret}),
    "hex": lambda secret: secret.encode().hex(),
    "digest": lambda secret: hashlib.sha256(secret.encode()).hexdigest(),
    "a piece of its digest": lambda secret: base64.b64encode(hashlib.blake2b(secret.encode()).digest()).decode()[
        :PIECE
    ],
    "a piece": lambda secret: f"...{secret[5 : 5 + PIECE]}...",
    "a piece of its base64": lambda secret: base64.b64encode(secret.encode()).decode()[4 : 4 + PIECE],
}


@pytest.mark.parametrize("secret", [ODD, "0123456789abcdefghijklmnopqrstuv"])
@pytest.mark.parametrize("form", PLANTED)
def test_planted_leak_is_found(form: str, secret: str) -> None:
    """The canary finds a secret in every form in which it could leak, and nothing if there is none."""
    canary = Canary([secret, "another-secret-of-some-length"])

    (leak,) = canary.leaks({"clean": "nothing of interest here, whatever its length", "log": PLANTED[form](secret)})

    assert leak.startswith("log, after: ")


def _share_and_renew(stage: Stage) -> None:
    """A token that is copied from one resource to another, returned again for a new secret, and renewed."""
    good = stage.token("good").until_ready()
    copy = stage.token("copy", client_id=good.client_id, secret=good.client_secret).until_ready()
    assert [record.minted for record in good.requests()] == [True]
    secret = stage.client(good.client_id)
    good.set_credentials(client_secret=secret)
    good.until_event("CredentialsNotVerified")
    copy.set_credentials(client_secret=secret)
    stage.login.endpoint.roll_over(good.client_id)
    good.request_poll()
    for token in (good, copy):
        token.until_event("Renewed")
        token.until_ready()


def test_no_secret_and_no_token_has_leaked(
    stage: Stage, operator: Operator, ledger: Ledger, plane: ControlPlane, request: pytest.FixtureRequest
) -> None:
    """No part of a secret or token from this session appears outside Secrets' data.

    The search covers debug logs, events, resources, annotations, metrics, command lines, environments, and the API
    server's audit log.
    """
    planes = [plane]
    if len(ledger.kubes) > 1:
        planes.append(request.getfixturevalue("other_plane"))
    echo = stage.token("echo", fault=fault.ECHOES[0])
    echo.until_failing("InvalidClient")
    _share_and_renew(stage)
    operator.stop()
    canary = Canary(ledger.secrets | ledger.tokens())

    texts = {log.name: log.read_text() for log in ledger.logs} | ledger.seen
    assert any("asking the endpoint" in text for text in texts.values()), "the logs are at level debug"
    for number, kube in enumerate(ledger.kubes):
        texts |= {f"plane {number}: {name}": text for name, text in kube.texts().items()}
    for number, cluster in enumerate(planes):
        events = [e for e in cluster.audit_events() if e["user"]["username"] in ledger.users]
        assert events
        texts[f"plane {number}: audit log"] = json.dumps(events)

    assert canary.leaks(texts) == []
