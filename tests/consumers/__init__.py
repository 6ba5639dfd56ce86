"""Other people's programs that send what a mounted file contains: which tokens an API gets during renewals.

Here are programs with a setting for such a file, and the few lines that users' own programs need. Complete programs of
ours, and the time that a kubelet takes to deliver a file, are in tests/node: here it takes a fixed time.
"""
