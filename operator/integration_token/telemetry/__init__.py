"""What operators of the operator see: logs and metrics; and the redaction that all text from outside goes through.

Here: formats, counters, and the search for secrets in texts. Not here: what is told at resources, which are conditions
and events (`controller`).
"""
