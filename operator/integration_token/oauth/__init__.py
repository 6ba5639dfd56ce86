"""The token request (RFC 6749): built, sent, and its answer read; the only room that knows httpx.

Here: the grant, client authentication, addresses, trust, the exchange and what an answer says. Not here: whether and
when to ask (`renewal`, `workqueue`), what the answer is worth to a resource (`controller`).
"""
