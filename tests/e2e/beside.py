"""Programs beside a stack, as long as a test needs them."""

import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

BEGIN_SECONDS_MAX = 30.0
_POLL_SECONDS = 0.05


@contextmanager
def listening(argv: Sequence[str], port: int, *, folder: Path | None = None) -> Iterator[None]:
    """The program, for as long as the block runs, once it listens on a port of this machine."""
    process = subprocess.Popen(argv, cwd=folder, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + BEGIN_SECONDS_MAX
        while not is_served(port):
            assert process.poll() is None, f"the program ended with {process.returncode}"
            assert time.monotonic() < end, "the program does not listen"
            time.sleep(_POLL_SECONDS)
        yield
    finally:
        process.kill()
        process.wait()


def is_served(port: int) -> bool:
    """Whether somebody listens on the port."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
