"""Programs around servers from PyPI, each in its own process with their packages (packages.py)."""
