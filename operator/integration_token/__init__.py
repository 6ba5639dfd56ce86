"""Keeps OAuth 2.0 client-credentials access tokens current inside Kubernetes Secrets."""
