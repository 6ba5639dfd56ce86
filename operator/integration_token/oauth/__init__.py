"""The token request (RFC 6749): building it, sending it, reading the response. The only room that imports httpx.

Here: the grant, client authentication, addresses, trust, the exchange and the meaning of a response. Not here: whether
and when to ask (`renewal`, `workqueue`), what a response means for a resource (`controller`).
"""
