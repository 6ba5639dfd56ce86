"""The programs that read their file for each request, over three renewals by the operator."""

from tests.consumers.programs import QUICK_ONES
from tests.consumers.trial import played


def test_every_program_sends_the_renewed_token() -> None:
    """No call is rejected, and each program uses the new token as soon as its file has it."""
    for result, printed in played([kind() for kind in QUICK_ONES]):
        assert not result.faults(), f"{result.name}: {result.faults()}: {printed[-800:]}"
