"""Released versions of the operator: a wheel of each, and what it wrote, which no later version may change.

A wheel is made from the release's own tree, with nothing but what its lock file names:

    git archive a330d04 | tar --extract --directory TREE           # 0.1.0
    cd TREE && SOURCE_DATE_EPOCH=$(git log -1 --format=%ct a330d04) .venv/bin/python -m hatchling build --target wheel

A later release adds its wheel here, and what `.venv/bin/python -m tests.released` then writes beside it; the tests take
both from this directory. A released wheel and its vectors are never made anew.
"""
