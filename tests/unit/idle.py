"""An operator that has nothing to do, as the metrics see it."""


class Idle:
    """No work, and no request that waits."""

    def depth(self) -> int:
        """Nothing is due."""
        return 0

    def oldest_age(self) -> float:
        """So nothing waits."""
        return 0.0

    def waiting(self) -> dict[str, int]:
        """Nor does a request."""
        return {}


IDLE = Idle()
