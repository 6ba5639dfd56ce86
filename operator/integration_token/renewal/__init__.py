"""When to request a token, what a response is worth, and how long to wait.

Here: pure functions of observations and the current time. Not here: anything that keeps state, calls or awaits.
"""
