"""Cuts a release and verifies one: `make release` and `make release-verify`.

Here: what a release consists of, how each file is made from a commit, and the checks that a user can repeat. Not here:
where a release is published, which is the job of `.github/workflows/release.yaml`.
"""
