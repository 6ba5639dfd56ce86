"""The process gives memory back that it needs no more."""

import subprocess
import sys

STORY = """
import os
import sys

from integration_token import memory

if sys.argv[1] == "settled":
    memory.settle()

page = os.sysconf("SC_PAGE_SIZE")

def resident():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * page

def connect():
    # The buffer of a connection, and beside it something that lives longer.
    return bytearray(b"x") * (256 * 1024), bytearray(b"x") * (16 * 1024)

before = resident()
kept = []
for outage in range(5):
    pairs = [connect() for _ in range(40)]
    kept += [lasting for _, lasting in pairs]
    del pairs
print((resident() - before) // 1024)
"""


def held(how: str) -> int:
    """KiB that a process holds after 200 connections have come and gone, of which 3,200 are still needed."""
    return int(subprocess.check_output([sys.executable, "-c", STORY, how]))


def test_buffers_of_connections_that_are_gone_are_given_back() -> None:
    """Though what is still needed lies between them."""
    assert held("settled") < held("as it is") / 2
