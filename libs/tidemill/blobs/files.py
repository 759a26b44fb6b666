"""Blobs as files, `<two digits>/<execution id>/<digest>`, which need no other software.

Services of one machine, or of a file system that they share, name one folder.
"""

import asyncio
import os
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

from tidemill.blobs.port import PART, Blob, BlobDamagedError, BlobError, BlobMissingError, BlobName
from tidemill.lanes import is_execution_id
from tidemill.storage import StorageUnavailableError
from tidemill.unique import fresh_uuid

P = ParamSpec("P")
R = TypeVar("R")
_FANOUT_DIGITS: Final = 2
# How often a folder may vanish, because another process removes it, before its file gets into it.
_TRIES_MAX: Final = 100


class FileBlobs:
    """A folder, made with the first blob. All work is done in threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, blobs: Collection[Blob]) -> None:
        """Each file is synced before it gets its name, then every folder that has gained one."""
        await _work(_write_all, self._folder, blobs)

    async def get(self, names: Collection[BlobName]) -> Mapping[BlobName, bytes | BlobError]:
        return await _work(_read_all, self._folder, names)

    async def remove(self, execution_id: str, *, written_before_us: int) -> int:
        return await _work(_remove, _home(self._folder, execution_id), written_before_us)

    async def page(self, after: str, limit: int) -> list[str]:
        return await _work(_page, self._folder, after, limit)

    async def close(self) -> None:
        return None


async def _work(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Do it in a thread; raises StorageUnavailableError for whatever the system refuses."""
    try:
        return await asyncio.to_thread(work, *args, **kwargs)
    except OSError as error:
        raise StorageUnavailableError(PART, str(error)) from error


def _home(folder: Path, execution_id: str) -> Path:
    return folder / execution_id[:_FANOUT_DIGITS] / execution_id


def _path(folder: Path, name: BlobName) -> Path:
    return _home(folder, name.execution_id) / name.digest


def _write_all(folder: Path, blobs: Collection[Blob]) -> None:
    changed: set[Path] = set()
    for blob in blobs:
        path = _path(folder, blob.name)
        if not _stands(path, len(blob.data)):
            _write(path, blob.data, changed)
        # Also where it stands: whoever wrote it may have ended before its name was on the disk.
        changed.add(path.parent)
    for touched in changed:
        _sync_folder(touched)


def _stands(path: Path, size: int) -> bool:
    """Whether the blob is there; if so it counts as written now."""
    try:
        if path.stat().st_size != size:
            return False
        os.utime(path)
    except FileNotFoundError:
        return False
    return True


def _write(path: Path, data: bytes, changed: set[Path]) -> None:
    # What is cut off by a crash has another name than any blob, and goes with its execution.
    scratch = path.with_name(f".{fresh_uuid()}")
    for tries in range(_TRIES_MAX):
        _make(path.parent, changed)
        try:
            with scratch.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            scratch.rename(path)
        except FileNotFoundError:
            if tries == _TRIES_MAX - 1:
                raise
        except OSError:
            scratch.unlink(missing_ok=True)
            raise
        else:
            return


def _make(folder: Path, changed: set[Path]) -> None:
    """Make a folder and those above it; the ones that have gained one are to be synced."""
    if not folder.is_dir():
        _make(folder.parent, changed)
        folder.mkdir(exist_ok=True)
        changed.add(folder.parent)


def _sync_folder(folder: Path) -> None:
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return  # its execution is gone, and all that was written with it
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read_all(folder: Path, names: Collection[BlobName]) -> dict[BlobName, bytes | BlobError]:
    return {name: _read(_path(folder, name), name) for name in names}


def _read(path: Path, name: BlobName) -> bytes | BlobError:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return BlobMissingError(name)
    return data if sha256(data).hexdigest() == name.digest else BlobDamagedError(name)


def _remove(home: Path, written_before_us: int) -> int:
    left = 0
    try:
        entries = list(home.iterdir())
    except FileNotFoundError:
        return 0
    for entry in entries:
        with suppress(FileNotFoundError):  # another process removes as well
            if entry.stat().st_mtime_ns // 1000 < written_before_us:
                entry.unlink()
            else:
                left += 1
    if not left:
        # Not where a file has come meanwhile.
        with suppress(OSError):
            home.rmdir()
    return left


def _page(folder: Path, after: str, limit: int) -> list[str]:
    found: list[str] = []
    for part in _entries(folder):
        if part < after[:_FANOUT_DIGITS] or len(part) != _FANOUT_DIGITS:
            continue
        found += [each for each in _entries(folder / part) if each > after and is_execution_id(each)]
        if len(found) >= limit:
            break
    return found[:limit]


def _entries(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []
