"""The Kubernetes API: the only package that knows the kubernetes library."""
