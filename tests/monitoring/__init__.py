"""The chart's alerts and dashboard, judged by Prometheus itself: by its server, which scrapes a running operator, and
by its promtool, on what operators told while days passed."""
