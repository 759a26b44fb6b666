"""Both blob stores, and the one in memory, pass the one suite; each refuses clearly."""

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.contract.blob_suite import AFTER_EVERYTHING_US, BlobSuite, blob, execution
from tidemill.blobs.files import FileBlobs
from tidemill.blobs.memory import MemoryBlobs
from tidemill.blobs.opening import open_blobs
from tidemill.blobs.port import BlobName, BlobStore
from tidemill.blobs.s3 import S3Blobs
from tidemill.errors import InvalidRequestError
from tidemill.storage import StorageUnavailableError
from tidemill.testing.servers import S3Server
from tidemill.testing.servers.s3 import BUCKET


class TestMemoryBlobs(BlobSuite):
    @pytest.fixture
    def blobs(self) -> MemoryBlobs:
        return MemoryBlobs()

    def damage(self, blobs: BlobStore, name: BlobName) -> None:
        assert isinstance(blobs, MemoryBlobs)
        blobs.held[name.execution_id][name.digest] = (b"other", 0)


class TestFileBlobs(BlobSuite):
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        return tmp_path / "blobs"

    @pytest.fixture
    def blobs(self, folder: Path) -> FileBlobs:
        return FileBlobs(folder)

    @pytest.fixture(autouse=True)
    def _placed(self, folder: Path) -> None:
        self.place = folder

    def damage(self, blobs: BlobStore, name: BlobName) -> None:
        (self.place / name.execution_id[:2] / name.execution_id / name.digest).write_bytes(b"other")


class TestS3Blobs(BlobSuite):
    @pytest.fixture
    def blobs(self, s3_url: str) -> S3Blobs:
        return S3Blobs.open(s3_url)

    @pytest.fixture(autouse=True)
    def _placed(self, s3_server: S3Server, s3_url: str) -> None:
        # The server keeps a bucket as a folder.
        self.place = s3_server.folder / "data" / BUCKET / s3_url.rpartition("/")[2]

    def damage(self, blobs: BlobStore, name: BlobName) -> None:
        (self.place / name.execution_id[:2] / name.execution_id / name.digest).write_bytes(b"other")


def test_a_setting_names_a_folder_or_a_bucket_or_nothing(tmp_path: Path, s3_url: str) -> None:
    assert isinstance(open_blobs(s3_url, tmp_path), S3Blobs)
    assert isinstance(open_blobs(str(tmp_path / "here"), tmp_path / "data"), FileBlobs)
    with pytest.raises(InvalidRequestError, match="is no place for blobs"):
        open_blobs("s3://", tmp_path)


async def test_without_a_setting_services_that_keep_data_side_by_side_share_blobs(tmp_path: Path) -> None:
    kept = blob(1, b"kept")
    await open_blobs("", tmp_path / "engine").put([kept])
    other = open_blobs("", tmp_path / "actions")
    assert await other.get([kept.name]) == {kept.name: b"kept"}


async def test_a_full_or_closed_disk_is_told(tmp_path: Path) -> None:
    (tmp_path / "blobs").write_text("a file where the folder should be")
    blobs = FileBlobs(tmp_path / "blobs")
    with pytest.raises(StorageUnavailableError, match="the blob store refuses"):
        await blobs.put([blob(1, b"data")])
    with pytest.raises(StorageUnavailableError, match="the blob store refuses"):
        await blobs.get([blob(1, b"data").name])


async def test_what_a_killed_writer_has_left_is_no_blob_and_goes_with_its_execution(tmp_path: Path) -> None:
    blobs = FileBlobs(tmp_path)
    whole = blob(1, b"whole")
    home = tmp_path / execution(1)[:2] / execution(1)
    home.mkdir(parents=True)
    # Ends in the middle of a write, as SIGKILL would end it.
    program = f"import os; open({str(home / '.half')!r}, 'wb').write(b'who'); os._exit(9)"
    ended = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", program], check=False)
    assert ended.returncode == 9
    await blobs.put([whole])
    assert await blobs.get([whole.name]) == {whole.name: b"whole"}
    assert await blobs.remove(execution(1), written_before_us=AFTER_EVERYTHING_US) == 0
    assert not home.exists()


async def test_removal_takes_by_the_time_of_the_last_write(tmp_path: Path) -> None:
    blobs = FileBlobs(tmp_path)
    old, young = blob(1, b"old"), blob(1, b"young")
    await blobs.put([old, young])
    path = tmp_path / execution(1)[:2] / execution(1) / old.name.digest
    now = time.time()
    os.utime(path, (now - 100, now - 100))
    assert await blobs.remove(execution(1), written_before_us=int((now - 50) * 1_000_000)) == 1
    assert list(await blobs.get([young.name])) == [young.name]
    assert not path.exists()


async def test_an_s3_server_that_is_gone_is_told_and_found_again(s3_server: S3Server, s3_url: str) -> None:
    blobs, kept = S3Blobs.open(s3_url), blob(1, b"kept")
    await blobs.put([kept])
    s3_server.kill()
    with pytest.raises(StorageUnavailableError, match="the blob store refuses"):
        await blobs.get([kept.name])
    s3_server.start()
    assert await blobs.get([kept.name]) == {kept.name: b"kept"}


async def test_a_bucket_that_is_not_there_is_told(s3_url: str) -> None:
    with pytest.raises(StorageUnavailableError, match="the blob store refuses"):
        await S3Blobs.open("s3://no-such-bucket").put([blob(1, b"data")])
