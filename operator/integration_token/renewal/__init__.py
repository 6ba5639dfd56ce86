"""When to ask for a token, what an answer is worth, and how long to wait.

Here: pure functions of what was observed and of now. Not here: anything that keeps, calls or awaits.
"""
