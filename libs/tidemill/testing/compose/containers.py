"""Processes of our own images: started as the file says, in a folder that stands for their file system."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

from tidemill.testing.compose.places import HOST, Places, Replica
from tidemill.testing.compose.problem import ComposeError
from tidemill.testing.servers.process import Program, ServerProcess

START_SECONDS_MAX: Final = 60.0
STOP_GRACE_SECONDS: Final = 20.0
ONE_SHOT_SECONDS_MAX: Final = 120.0
# What a process needs of this machine; everything else comes from the file.
_INHERITED: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TERM", "COLUMNS")
# Programs of the image that have another name here.
_PROGRAMS: Final = {"python": [sys.executable], "tidemill": [sys.executable, "-m", "tidemill.cli"]}


class Container:
    """A replica of a service of ours."""

    def __init__(self, replica: Replica, places: Places) -> None:
        self._replica = replica
        self._places = places
        self.log = places.root(replica).parent / "output.log"
        self._process: ServerProcess | None = None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.running

    @property
    def exit_code(self) -> int | None:
        return None if self._process is None else self._process.exit_code

    def start(self) -> None:
        """Start it, and return once its health check passes; raises ServerFailedError."""
        if self._process is None:
            self._process = ServerProcess(self._program(lay_out(self._replica, self._places)))
        self._process.start(self._is_healthy, seconds=START_SECONDS_MAX)

    def stop(self) -> None:
        """Ask it to stop, and wait until it has."""
        if self._process is not None:
            self._process.stop(grace_seconds=STOP_GRACE_SECONDS)

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._process.kill()

    def run(self, *, heard: bool) -> int:
        """Run it to its end, and return its exit code; what it writes goes to us, or into its log."""
        folder = lay_out(self._replica, self._places)
        with self.log.open("ab") as log:
            done = subprocess.run(
                self._command(self._replica.service.arguments),
                cwd=folder,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=None if heard else log,
                stderr=None if heard else subprocess.STDOUT,
                check=False,
                timeout=None if heard else ONE_SHOT_SECONDS_MAX,
            )
        return done.returncode

    def _program(self, folder: Path) -> Program:
        return Program(
            name=self._replica.name,
            command=self._command(self._replica.service.arguments),
            log=self.log,
            cwd=folder,
            stop_signal=signal.SIGTERM,
            orphan_signal=signal.SIGTERM,
            host=HOST,
            port=self._places.port(self._replica, self._replica.service.ports[0]),
            environment=self._environment(),
        )

    def _is_healthy(self) -> bool:
        check = self._replica.service.check
        if not check:
            return True
        done = subprocess.run(
            self._command(check),
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        return done.returncode == 0

    def _command(self, arguments: tuple[str, ...]) -> list[str]:
        if not arguments:
            raise ComposeError(f"{self._replica.service.name} has neither an entrypoint nor a command")
        first, *rest = (self._places.text(self._replica, argument) for argument in arguments)
        return [*_PROGRAMS.get(first, [first]), *rest]

    def _environment(self) -> dict[str, str]:
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        return {**inherited, **self._places.environment(self._replica)}


def lay_out(replica: Replica, places: Places) -> Path:
    """Make the folders of the container with what is mounted there; returns its working directory."""
    root = places.root(replica)
    working = _inside(root, replica.service.working_dir)
    working.mkdir(parents=True, exist_ok=True)
    for mount in replica.service.mounts:
        _link(_inside(root, mount.target), mount.source)
    for volume in replica.service.volumes:
        source = places.volume(volume.name)
        source.mkdir(parents=True, exist_ok=True)
        _link(_inside(root, volume.target), source)
    return working


def _inside(root: Path, path: str) -> Path:
    return root / path.lstrip("/")


def _link(link: Path, source: Path) -> None:
    if not source.exists():
        raise ComposeError(f"{source} is to be mounted, and is not there")
    link.parent.mkdir(parents=True, exist_ok=True)
    if link.is_symlink():
        link.unlink()
    elif link.is_dir():
        shutil.rmtree(link)
    link.symlink_to(source)
