"""Every fault that can be caused on a real control plane, drawn by a seed, and judged from outside.

`make faults` plays a short, fixed schedule; `make soak` plays one of any length, drawn by a seed.
"""
