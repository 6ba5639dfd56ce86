"""The main job on a real control plane: `python -m tests.demo`."""
