"""The resources as typed values, read from the API server's responses, and the names that users know.

Here: fields, conditions and their reasons, labels and annotations, durations and times. Not here: anything that calls,
waits or decides.
"""
