"""Other people's OAuth servers, as they are published, for as long as a `with` block lasts.

with Keycloak() as server:
    secret = server.add_client("shop", method=Method.CLIENT_SECRET_BASIC, lifetime=20)
    ...  # request a token at server.token_url, whose certificate server.ca_pem signed
    assert len(server.requests("shop")) == 1

Clients see only the front (front.py) of each server: it terminates TLS, takes client certificates, and records who
asked and what the response was. The servers themselves speak plain HTTP on the loopback address. Their parts are pinned
next to this file and kept in the cache: they are fetched and built once.
"""
