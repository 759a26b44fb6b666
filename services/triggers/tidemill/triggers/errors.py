"""The errors of this service alone."""

from typing import Final

from tidemill.api.errors.v1 import error_reason_pb2 as reasons
from tidemill.errors import TidemillError

CATALOGUE: Final = "catalogue"
ENGINE: Final = "engine"
SUBMIT: Final = "submit"
_RETRY_DELAY_US: Final = 200_000


class NotReadyError(TidemillError):
    """The process cannot take events now; `part` says what it lacks."""

    def __init__(self, part: str, message: str) -> None:
        super().__init__(
            reasons.ERROR_REASON_NOT_READY, message, {"part": part}, retry_delay_us=_RETRY_DELAY_US
        )


class BrokenAnswerError(TidemillError):
    """The Engine's answer does not fit what it was asked."""

    def __init__(self, asked: int, answered: int) -> None:
        super().__init__(
            reasons.ERROR_REASON_INTERNAL,
            f"the Engine answered {answered} of {asked} commands",
            {"asked": str(asked), "answered": str(answered)},
        )
