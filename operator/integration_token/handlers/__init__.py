"""What the API server tells of our kinds: the only room that knows kopf.

Here: the watch, what restarts it, and what finds out what a gap in it deleted. A handler notes a few fields and wakes a
key. Not here: any work on a resource, and the watch of Secrets (`cluster`).
"""
