"""The process: settings, leadership, the server for probes and metrics, and the wiring of all parts.

Here: what runs once per process or once per leader's term. Not here: anything that handles a single resource. Nothing
is imported here, to keep `--help` fast.
"""
