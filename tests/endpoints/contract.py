"""What every server here has to do, checked in each test module."""

from tests.endpoints.grant import ask
from tests.endpoints.server import SCOPES, Capability, Method, TokenServer

LIFETIME = 20
"""Seconds: not the default of any server."""


def check_token(server: TokenServer, method: Method) -> None:
    """A client gets a token with its method, which lives as long as requested."""
    name = f"token-{method}".lower()
    held = server.add_client(name, method=method, lifetime=LIFETIME)
    answer = ask(server, held, method)
    assert answer.status_code == 200, answer.text
    content = answer.json()
    assert content["access_token"]
    assert content["token_type"].lower() == "bearer"
    assert LIFETIME - 1 <= content["expires_in"] <= LIFETIME  # some count the second that has begun
    assert [one.status for one in server.requests(name)] == [200]


def check_rotation(server: TokenServer, method: Method) -> None:
    """A client's old credentials no longer get a token after a rotation, and the new ones do."""
    name = f"rotation-{method}".lower()
    old = server.add_client(name, method=method)
    assert ask(server, old, method).is_success
    new = server.rotate(name)
    assert ask(server, old, method).is_client_error
    assert ask(server, new, method).is_success


def check_scopes(server: TokenServer) -> None:
    """A client gets its scopes, and an unknown one is refused or left out."""
    held = server.add_client("scoped", scopes=SCOPES)
    every = " ".join(SCOPES)
    answer = ask(server, held, Method.CLIENT_SECRET_POST, scope=every)
    assert set(SCOPES) <= set(answer.json()["scope"].split()), answer.text
    answer = ask(server, held, Method.CLIENT_SECRET_POST, scope=f"{every} orders.burn")
    if Capability.SCOPE_REFUSAL in server.capabilities:
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")
    else:
        assert set(answer.json()["scope"].split()) == set(SCOPES), answer.text


def check_restart(server: TokenServer) -> None:
    """While the server is down its front says so; afterwards the server knows its clients as before."""
    held = server.add_client("lasting", lifetime=LIFETIME)
    server.stop()
    assert ask(server, held, Method.CLIENT_SECRET_POST).status_code == 502
    server.start()
    assert ask(server, held, Method.CLIENT_SECRET_POST).is_success
    assert [one.status for one in server.requests("lasting")] == [502, 200]


def refused(server: TokenServer, name: str, *, granted: bool = True, disabled: bool = False) -> tuple[int, str]:
    """Status and error of the response to a client that may not use the grant, or that is disabled."""
    held = server.add_client(name, granted=granted)
    if disabled:
        server.disable(name)
    ask(server, held, Method.CLIENT_SECRET_POST)
    (answer,) = server.requests(name)
    return answer.status, answer.error
