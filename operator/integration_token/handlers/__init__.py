"""Watch events of our own kinds: the only room that imports kopf.

Here: the watch, what restarts it, and the sweep that finds what was deleted during a gap. A handler records a few
fields and wakes a key. Not here: any work on a resource, and the watch of Secrets (`cluster`).
"""
