"""Programs around servers of PyPI, each a process of its own with their packages (packages.py)."""
