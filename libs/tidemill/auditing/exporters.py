"""The services' exporters as child processes, whose facts are read as they come."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import IO, Final, Self

import orjson

from tidemill.checking.facts import Fact
from tidemill.checking.lines import FactsError, read_facts

ENGINE: Final = "tidemill.engine.audit"
ACTIONS: Final = "tidemill.actions.audit"
_KEYS: Final = "--keys"
_STOP_SECONDS: Final = 10.0


class UnreadableError(Exception):
    """A service's data cannot be read. The message is one line for people."""


class Exporter:
    """One child; use it inside `with`, which ends it."""

    def __init__(self, module: str, environment: Mapping[str, str], arguments: Sequence[str] = ()) -> None:
        self._module = module
        # A file, since nobody reads it before the end: a pipe would fill, and hold the child up.
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - `__exit__` closes it
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait(_STOP_SECONDS)
        for pipe in (self._process.stdin, self._process.stdout, self._errors):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()

    def facts(self, said: bytes = b"") -> Iterator[Fact]:
        """Tell it `said` and read what it tells. Raises UnreadableError."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(said)
            self._process.stdin.close()
        try:
            yield from read_facts(_pipe(self._process.stdout))
        except FactsError as error:
            raise UnreadableError(self._failure() or f"{self._module}: {error}") from None

    def _failure(self) -> str:
        """What it said when it gave up; empty when it did not."""
        self._process.wait(_STOP_SECONDS)
        self._errors.seek(0)
        last = self._errors.read().decode(errors="replace").strip().splitlines()
        return last[-1] if last else ""


def ask_for_keys(environment: Mapping[str, str], keys: Sequence[str]) -> list[Fact]:
    """The ledger's rows of these keys, as they are now. Raises UnreadableError."""
    with Exporter(ACTIONS, environment, [_KEYS]) as exporter:
        return list(exporter.facts(orjson.dumps(keys)))


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None, "the process was started with a pipe"
    return pipe
