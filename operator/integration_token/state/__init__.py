"""What is remembered between passes: resources, grants, failures. No token and no credential.

Here: values, and who holds them. All of it can be lost: a restart reads it from the API server again. Not here: what
decides by it (`controller`, `renewal`).
"""
