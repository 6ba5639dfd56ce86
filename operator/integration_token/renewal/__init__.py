"""When to ask for a token, what an answer is worth, and how long to wait: pure functions of what was observed and
now."""
