"""Opens the blob store that a setting names."""

from pathlib import Path
from typing import Final

from tidemill.blobs.files import FileBlobs
from tidemill.blobs.port import BlobStore

S3_SCHEME: Final = "s3://"
FOLDER: Final = "blobs"


def open_blobs(setting: str, data: Path) -> BlobStore:
    """`s3://bucket/prefix`, or a folder; empty for the folder `blobs` beside the service's own `data`, which
    the services of one installation on files share. Nothing is opened before it is used.

    Raises InvalidRequestError for a URL that is none, and FatalError where S3's library is not installed.
    """
    if setting.startswith(S3_SCHEME):
        # Who keeps files has no need of the library.
        from tidemill.blobs.s3 import S3Blobs

        return S3Blobs.open(setting)
    return FileBlobs(Path(setting) if setting else data.absolute().parent / FOLDER)
