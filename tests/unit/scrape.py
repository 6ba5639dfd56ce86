"""What a scrape tells."""

from integration_token.telemetry.metrics import Metrics


def scraped(metrics: Metrics) -> str:
    """All of it at once."""
    return b"".join(metrics.pieces()).decode()
