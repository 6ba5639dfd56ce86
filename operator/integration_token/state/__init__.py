"""What is remembered between passes: resources, grants, failures. No token and no credential.

Here: values and their holders. All of it can be lost: a restart reads it from the API server again. Not here: decisions
based on it (`controller`, `renewal`).
"""
