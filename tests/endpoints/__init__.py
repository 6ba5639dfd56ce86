"""Other people's OAuth servers, as they are published, for as long as a `with` block lasts.

with Keycloak() as server:
    secret = server.add_client("shop", method=Method.CLIENT_SECRET_BASIC, lifetime=20)
    ...  # request a token at server.token_url, by TLS that server.ca_pem signs for
    assert len(server.requests("shop")) == 1

Each is behind a front (front.py), which is all that a client sees: it ends TLS, takes a client certificate where there
is one, and notes who asked and how that was answered. The servers themselves speak plain HTTP on the loopback address.
What they are made of is pinned beside this file and kept in the cache: it is fetched and built once.
"""
