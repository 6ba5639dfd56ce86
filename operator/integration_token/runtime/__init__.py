"""The process: settings, leadership, probes and metrics served, and the parts put together in one place.

Here: what runs once per process or per leader's term. Not here: anything that knows one resource. Nothing is imported
here, for the speed of `--help`.
"""
