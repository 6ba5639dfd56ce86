"""Released versions of the operator: each has a wheel, and its output, which later versions may not change.

A wheel is built from the release's own tree, with only what its lock file names:

    git archive a330d04 | tar --extract --directory TREE           # 0.1.0
    cd TREE && SOURCE_DATE_EPOCH=$(git log -1 --format=%ct a330d04) .venv/bin/python -m hatchling build --target wheel

A later release adds its wheel here, and the vectors that `.venv/bin/python -m tests.released` then writes next to it;
the tests take both from this directory. A released wheel and its vectors are never rebuilt.
"""
