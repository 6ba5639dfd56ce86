"""The two ways in which a release fails, apart from errors of the tests' own tools."""


class ReleaseError(Exception):
    """The release can't be built, or isn't what it claims to be. The text is one line."""


class NotBuilt(Exception):
    """An image can't be built on this machine. The text is the reason, in one line."""
