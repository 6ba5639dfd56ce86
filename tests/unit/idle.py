"""An operator with nothing to do, as the metrics see it."""


class Idle:
    """No work, and no waiting requests."""

    def depth(self) -> int:
        """Nothing is due."""
        return 0

    def oldest_age(self) -> float:
        """Nothing waits."""
        return 0.0

    def waiting(self) -> dict[str, int]:
        """No request waits."""
        return {}


IDLE = Idle()
