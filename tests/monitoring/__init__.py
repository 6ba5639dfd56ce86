"""The chart's alerts and dashboard, judged by Prometheus itself.

Its server scrapes a running operator, and its promtool evaluates what operators reported over days.
"""
