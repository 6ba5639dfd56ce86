"""Builds, signs, verifies and publishes a release: `make release`, `make release-verify` and so on.

Here: what a release consists of, how each file is built from a commit, and the checks that users can repeat. Not here:
where a release is published, which is the job of `.github/workflows/release.yaml`.
"""
