"""A whole operator in virtual time against models of token endpoints: what it promises is held to an oracle.

`python -m tests.simulation` prints what a year costs at each model; the tests play random stories.
"""
