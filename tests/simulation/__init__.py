"""A whole operator in virtual time against models of token endpoints; an oracle checks that it keeps its promises.

`python -m tests.simulation` prints what a year costs at each model; the tests play random stories.
"""
