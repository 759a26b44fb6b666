"""What every server for tests can be told to do: it outlives each of its processes."""

from abc import ABC, abstractmethod
from types import TracebackType
from typing import ClassVar, Self

from tidemill.testing.servers.process import ServerProcess


class Server(ABC):
    """A server whose address and data outlive each of its processes.

    Entering the context starts it, leaving it stops it.
    """

    start_seconds_max: ClassVar[float]
    stop_grace_seconds: ClassVar[float]
    _process: ServerProcess | None = None

    @property
    def pid(self) -> int:
        """The process id; a server may have children."""
        return self._prepared().pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.running

    def start(self, *, seconds: float | None = None) -> None:
        """Start it, on the data that is there, and return when it answers.

        Raises ServerMissingError without its programs, ServerFailedError when it does not come up.
        """
        limit = self.start_seconds_max if seconds is None else seconds
        self._prepared().start(self._answers, seconds=limit)

    def stop(self, *, grace_seconds: float | None = None) -> None:
        """Stop it in good order; connections are closed."""
        grace = self.stop_grace_seconds if grace_seconds is None else grace_seconds
        self._prepared().stop(grace_seconds=grace)

    def kill(self) -> None:
        """End it and its children at once, as a power cut would."""
        self._prepared().kill()

    def suspend(self) -> None:
        """Hold it and its children still: connections stay open and nothing answers."""
        self._prepared().suspend()

    def resume(self) -> None:
        """Let it go on after `suspend`."""
        self._prepared().resume()

    def log_text(self) -> str:
        """The end of what it has written."""
        return self._prepared().last_lines()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @abstractmethod
    def _prepare(self) -> ServerProcess:
        """Make what it needs to start: data, settings, and the command."""

    @abstractmethod
    def _answers(self) -> bool:
        """Whether it serves."""

    def _prepared(self) -> ServerProcess:
        if self._process is None:
            self._process = self._prepare()
        return self._process
