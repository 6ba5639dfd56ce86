"""Every fault that can be made on a real control plane, applied by a seed, and judged from outside.

`make faults` plays a short, fixed schedule; `make soak` one as long as wanted, drawn by a seed.
"""
