"""The main job on a control plane of real parts: `python -m tests.demo`."""
