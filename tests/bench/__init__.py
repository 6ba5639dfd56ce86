"""Measures the performance budget: each figure with its limit. `python -m tests.bench`.

Figures come from the kernel, from the API server's audit log and from the token endpoint's log, never from the
operator's own counters.
"""
