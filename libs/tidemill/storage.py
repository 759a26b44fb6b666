"""How stores, logs and ledgers fail, whatever they are made of."""

from tidemill.api.errors.v1 import error_reason_pb2 as reasons
from tidemill.errors import TidemillError


class StorageUnavailableError(TidemillError):
    """What should keep data cannot: a disk that is full or damaged, a server that does not answer.

    Nothing was written, unless the error came out of a COMMIT, after which only a fresh read tells.
    """

    def __init__(self, part: str, detail: str) -> None:
        super().__init__(
            reasons.ERROR_REASON_STORAGE_UNAVAILABLE,
            f"the {part} refuses writes: {detail}",
            {"part": part, "detail": detail},
            retry_delay_us=1_000_000,
        )


class StorageRefusedError(TidemillError):
    """The store refuses what was to be written, for the data's own sake; nothing was written."""

    def __init__(self, part: str, detail: str) -> None:
        super().__init__(
            reasons.ERROR_REASON_INTERNAL, f"the {part} refuses the data: {detail}", {"part": part}
        )


class StoreTooNewError(TidemillError):
    """The tables were made by a later release, which may keep there what this one would not see."""

    def __init__(self, part: str, name: str, *, found: int, known: int) -> None:
        detail = f"{name} has version {found} of the tables, this release knows versions up to {known}"
        super().__init__(
            reasons.ERROR_REASON_STORAGE_UNAVAILABLE,
            f"{detail}: run the release that wrote it, or a later one",
            {"part": part, "detail": detail},
        )


class StoreTooOldError(TidemillError):
    """The tables are missing or those of an earlier release, and are brought up to date on purpose only."""

    def __init__(self, part: str, name: str, *, found: int, known: int) -> None:
        detail = f"{name} has version {found} of the tables, this release needs version {known}"
        super().__init__(
            reasons.ERROR_REASON_STORAGE_UNAVAILABLE,
            f'{detail}: run "tidemill migrate"',
            {"part": part, "detail": detail},
        )
