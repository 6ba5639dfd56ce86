"""The performance budget, measured: each figure beside its limit. `python -m tests.bench`.

Figures come from the kernel, from the API server's audit log and from the token endpoint's log, never from the
operator's own counters.
"""
