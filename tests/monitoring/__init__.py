"""The chart's alerts and dashboard, judged by Prometheus itself: its server, which scrapes a running operator, and its
promtool, on what operators told while days passed. Nothing here knows how the operator works: that is for other rooms."""
