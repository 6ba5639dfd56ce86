"""What the API server tells: the only package that knows kopf."""
