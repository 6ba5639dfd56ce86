"""Programs of other people that send what a mounted file holds, as they are published: which tokens an API gets from
them while the operator renews.

Here belong programs with a setting for such a file, and those few lines that a program of one's own needs. What whole
programs of our own bear is in tests/node, and what a kubelet takes to bring a file too: here it takes a stated time.
"""
