"""Brings what a peer needs into a cache outside of the project: npm packages, a virtual environment."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tidemill.testing.servers import ServerMissingError
from tidemill.testing.servers.jars import CACHE_VARIABLE, program

HERE = Path(__file__).parent
INSTALL_SECONDS_MAX = 600.0


def cache_folder() -> Path:
    """Where installed peers are kept between runs."""
    named = os.environ.get(CACHE_VARIABLE)
    return (Path(named) if named else Path.home() / ".cache" / "tidemill") / "peers"


def node() -> str:
    """The program `node`."""
    return program("node", "Node.js, 20 or newer")


def npm_folder(peer: str) -> Path:
    """A folder with the peer's programs beside the packages that they import."""
    npm = program("npm", "Node.js, 20 or newer")
    folder = _folder(peer, "package.json")
    for source in (*(HERE / peer).glob("*.js*"), *(HERE / peer).glob("*.toml"), HERE / "asked.js"):
        shutil.copy(source, folder)
    if not (folder / "node_modules").is_dir():
        # No scripts: packages that download or report something as they are installed are not needed.
        options = ["--ignore-scripts", "--no-package-lock", "--no-audit", "--no-fund"]
        _run([npm, "install", *options], folder, folder / "node_modules")
    return folder


def venv_python(peer: str) -> Path:
    """The Python of a virtual environment of the peer's own."""
    folder = _folder(peer, "requirements.txt") / "venv"
    python = folder / "bin" / "python"
    if not folder.is_dir():
        _run([sys.executable, "-m", "venv", str(folder)], folder.parent, folder)
        requirements = str(HERE / peer / "requirements.txt")
        _run([str(python), "-m", "pip", "install", "-q", "-r", requirements], folder.parent, folder)
    return python


def _folder(peer: str, versions: str) -> Path:
    """A folder for what exactly this file asks for."""
    digest = hashlib.sha256((HERE / peer / versions).read_bytes()).hexdigest()[:8]
    folder = cache_folder() / f"{peer}-{digest}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _run(command: list[str], folder: Path, made: Path) -> None:
    done = subprocess.run(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=INSTALL_SECONDS_MAX,
    )
    if done.returncode != 0:
        # Half of an installation would pass for a whole one next time.
        shutil.rmtree(made, ignore_errors=True)
        raise ServerMissingError(f"{' '.join(command)} failed:\n{(done.stdout + done.stderr)[-2000:]}")
