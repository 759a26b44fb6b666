"""One process per data directory: an exclusive lock file that names its holder."""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tidemill.api.errors.v1 import error_reason_pb2 as reasons
from tidemill.errors import TidemillError

LOCK_FILE_NAME: Final = "tidemill.lock"
_PID_BYTES_MAX: Final = 32


class DirectoryLockedError(TidemillError):
    """The data directory belongs to another living process."""

    def __init__(self, directory: Path, holder: str) -> None:
        who = f"process {holder}" if holder else "another process"
        super().__init__(
            reasons.ERROR_REASON_NOT_OWNER,
            f"the data directory {directory} is in use by {who}",
            {"part": "data_directory", "directory": str(directory), "holder_pid": holder},
        )


class DirectoryLock:
    """Holds a directory for this process until `release` or the process's end, however that comes.

    The kernel drops the lock with the process, so that a file left by a crash holds nobody up.
    """

    def __init__(self, directory: Path, name: str = LOCK_FILE_NAME) -> None:
        """Take the lock, creating the directory where it is missing; raises DirectoryLockedError."""
        directory.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(directory / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._descriptor, _PID_BYTES_MAX, 0).decode("ascii", "replace").strip()
            os.close(self._descriptor)
            raise DirectoryLockedError(directory, holder) from None
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Give the directory back; a second call does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
