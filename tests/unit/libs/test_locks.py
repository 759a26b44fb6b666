"""One process per data directory."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tidemill.locks import DirectoryLock, DirectoryLockedError

HOLD_UNTIL_STDIN_CLOSES = """
import sys; from pathlib import Path; from tidemill.locks import DirectoryLock
lock = DirectoryLock(Path(sys.argv[1])); print("held", flush=True); sys.stdin.read()
"""


def test_a_directory_is_held_once_and_its_holder_named(tmp_path: Path) -> None:
    with DirectoryLock(tmp_path / "data"):
        with pytest.raises(DirectoryLockedError) as caught:
            DirectoryLock(tmp_path / "data")
        assert caught.value.metadata["holder_pid"] == str(os.getpid())
    with DirectoryLock(tmp_path / "data") as lock:
        lock.release()


def test_locks_of_other_names_do_not_meet(tmp_path: Path) -> None:
    with DirectoryLock(tmp_path, "engine.lock"), DirectoryLock(tmp_path, "actions.lock"):
        assert (tmp_path / "engine.lock").read_text() == f"{os.getpid()}\n"


def test_another_process_holds_it_until_it_dies_however_it_dies(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD_UNTIL_STDIN_CLOSES, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(DirectoryLockedError, match=f"process {holder.pid}"):
            DirectoryLock(tmp_path)
        holder.kill()
        holder.wait()
        DirectoryLock(tmp_path).release()
