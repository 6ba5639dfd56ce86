"""One pass over a resource: what is found, what is decided, what comes of it, and what is told of it.

Here: the steps of a pass, each a module, and the passes over endpoints. Not here: when a pass begins (`workqueue`),
what outlives it (`state`), how a server is talked to (`cluster`, `oauth`), the arithmetic of renewal (`renewal`).
"""
