"""Texts of .proto files, compiled: by protoc, as a program of its own that is bounded in all it may take."""

import asyncio
import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.protobuf.message import DecodeError

from tidemill.protoc import program

_US_PER_SECOND: Final = 1_000_000
_REFUSED: Final = 1
_NOT_FOUND: Final = "was not found"
_ERRORS_BYTES_MAX: Final = 4_096
_WORDS_MAX: Final = 512
# What protoc's own library writes about itself, and warnings.
_LOG_LINE: Final = re.compile(r"WARNING: |[WI]\d{4} ")


class ProtoError(Exception):
    """A text that was not compiled, in a sentence. What is lasting, nothing but another text mends."""

    def __init__(self, sentence: str, *, is_lasting: bool = False) -> None:
        super().__init__(sentence)
        self.is_lasting = is_lasting


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtoLimits:
    """What compiling one text may take, and how many are compiled at once; each service has its own."""

    bytes_max: int
    timeout_us: int
    at_once_max: int


class ProtoCompiler:
    """Compiles texts, a few at once."""

    def __init__(self, limits: ProtoLimits) -> None:
        self._limits = limits
        self._at_once = asyncio.Semaphore(limits.at_once_max)

    async def compile(self, text: str) -> list[FileDescriptorProto]:
        """The file and what it imports, in the order in which they build on each other.

        Raises ProtoError, also for a text over a limit.
        """
        data = text.encode()
        if len(data) > self._limits.bytes_max:
            raise ProtoError(f"the .proto file is over grpc_proto_bytes_max, {self._limits.bytes_max}")
        async with self._at_once:
            folder = await asyncio.to_thread(_prepare, data)
            try:
                code = await self._run(folder.name)
                return await asyncio.to_thread(_result, Path(folder.name), code)
            finally:
                await asyncio.to_thread(folder.cleanup)

    async def _run(self, folder: str) -> int:
        seconds = self._limits.timeout_us / _US_PER_SECOND
        # Isolated, and without a variable of the service's environment.
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", str(program.__file__), folder, str(max(1, round(seconds)))),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            env={},
        )
        try:
            async with asyncio.timeout(seconds):
                return await process.wait()
        except TimeoutError:
            raise ProtoError(
                f"the .proto file was not compiled within {seconds:g} seconds (grpc_compile_timeout_us)"
            ) from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


def _prepare(data: bytes) -> "tempfile.TemporaryDirectory[str]":
    folder = tempfile.TemporaryDirectory(prefix="tidemill-proto-")
    (Path(folder.name) / program.SOURCE).write_bytes(data)
    return folder


def _result(folder: Path, code: int) -> list[FileDescriptorProto]:
    """What the program has left behind. Raises ProtoError."""
    errors = folder / program.ERRORS
    if code:
        words = ""
        if errors.exists():
            with errors.open("rb") as file:
                words = _sentence(file.read(_ERRORS_BYTES_MAX).decode(errors="replace"), folder)
        if _NOT_FOUND in words:
            words += "; a .proto file can import those of google/protobuf/ alone"
        detail = f"the .proto file cannot be compiled: {words or f'protoc ended with {code}'}"
        raise ProtoError(detail, is_lasting=code == _REFUSED)
    try:
        return [*FileDescriptorSet.FromString((folder / program.RESULT).read_bytes()).file]
    except (OSError, DecodeError):
        raise ProtoError("the .proto file cannot be compiled: protoc has left no result") from None


def _sentence(errors: str, folder: Path) -> str:
    """What is wrong with the file, without where it lies here."""
    lines = [line for line in errors.splitlines() if not _LOG_LINE.match(line)]
    return " ".join(" ".join(lines).replace(f"{folder}/", "").split())[:_WORDS_MAX]
