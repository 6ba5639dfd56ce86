"""One pass over a resource: observe, decide, act and report.

Here: the steps of a pass, each a module, and the passes over endpoints. Not here: when a pass begins (`workqueue`),
what outlives it (`state`), how to talk to servers (`cluster`, `oauth`), the arithmetic of renewal (`renewal`).
"""
