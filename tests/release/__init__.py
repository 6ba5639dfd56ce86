"""Builds and verifies a release: `make release` and `make release-verify`.

Here: what a release consists of, how each file is built from a commit, and the checks that users can repeat. Not here:
where a release is published, which is the job of `.github/workflows/release.yaml`.
"""
