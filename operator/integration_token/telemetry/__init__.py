"""What the operator shows to its administrators: logs and metrics; and the redaction that all text from outside passes
through.

Here: formats, counters, and the search for secrets in texts. Not here: what is reported on resources as conditions and
events (`controller`).
"""
