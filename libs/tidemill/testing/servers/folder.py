"""A place for the data of test servers, which run as another user when the caller is root."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def servers_folder() -> Iterator[Path]:
    """A new folder that every user may pass through; it is gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix="tidemill-servers-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
