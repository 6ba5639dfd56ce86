"""What a scrape returns."""

from integration_token.telemetry.metrics import Metrics


def scraped(metrics: Metrics) -> str:
    """The whole scrape."""
    return b"".join(metrics.pieces()).decode()
