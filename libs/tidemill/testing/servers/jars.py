"""Jars of servers, fetched once into a cache; `python -m tidemill.testing.servers` does it ahead."""

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tidemill.testing.servers.process import ServerMissingError

KAFKA_VERSION: Final = "4.3.1"
CACHE_VARIABLE: Final = "TIDEMILL_TEST_CACHE"
FETCH_SECONDS_MAX: Final = 300.0
_FOLDER: Final = Path(__file__).parent
_PROJECT: Final = Path(__file__).parents[4]


@dataclass(frozen=True, slots=True)
class JavaServer:
    """A server that is made of jars: `pom` names them, beside this file."""

    name: str
    version: str
    pom: str

    @property
    def folder_name(self) -> str:
        """Under this name its jars are kept."""
        return f"{self.name.lower()}-{self.version}"


KAFKA: Final = JavaServer("Kafka", KAFKA_VERSION, "pom.xml")
S3PROXY: Final = JavaServer("S3Proxy", "2.6.0", "s3proxy.xml")


def cache_folder() -> Path:
    """Where fetched servers are kept: where the environment says, else in the project or the home folder."""
    named = os.environ.get(CACHE_VARIABLE)
    if named:
        return Path(named)
    if (_PROJECT / "pyproject.toml").is_file():
        return _PROJECT / ".cache"
    return Path.home() / ".cache" / "tidemill"


def java() -> str:
    """The program `java`; raises ServerMissingError."""
    return program("java", "a Java runtime, 17 or newer (on Debian: apt-get install default-jre-headless)")


def kafka_jars() -> Path:
    """The folder with Kafka's jars, fetched when it is not there; raises ServerMissingError."""
    return jars_of(KAFKA)


def jars_of(server: JavaServer) -> Path:
    """The folder with a server's jars, fetched when it is not there; raises ServerMissingError."""
    jars = cache_folder() / server.folder_name
    if jars.is_dir():
        return jars
    maven = program("mvn", f"Maven, to fetch {server.name} (on Debian: apt-get install maven)")
    jars.parent.mkdir(parents=True, exist_ok=True)
    # Into a folder of its own first: whoever looks meanwhile sees all jars or none.
    with tempfile.TemporaryDirectory(prefix=f"{server.name.lower()}-", dir=jars.parent) as scratch:
        fetched = Path(scratch) / "jars"
        _fetch(maven, server, Path(scratch), fetched)
        try:
            fetched.rename(jars)
        except OSError:
            if not jars.is_dir():
                raise
    return jars


def archive() -> Path:
    """Where the classes of a broker are kept as Java has loaded them, which halves the work of a start."""
    return cache_folder() / f"kafka-{KAFKA_VERSION}.jsa"


def archive_option() -> str:
    """The option of Java that uses the archive; without one, or for another Java, it changes nothing."""
    return f"-XX:SharedArchiveFile={archive()}" if archive().is_file() else "-Xshare:auto"


def _fetch(maven: str, server: JavaServer, scratch: Path, target: Path) -> None:
    shutil.copy(_FOLDER / server.pom, scratch / "pom.xml")
    goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={target}"]
    try:
        done = subprocess.run(
            [maven, "-q", "-B", *goal, f"-Dserver.version={server.version}"],
            cwd=scratch,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=FETCH_SECONDS_MAX,
        )
    except subprocess.TimeoutExpired:
        raise ServerMissingError(
            f"Maven did not fetch {server.name} within {FETCH_SECONDS_MAX:g} s"
        ) from None
    if done.returncode != 0:
        raise ServerMissingError(
            f"Maven could not fetch {server.name}: {(done.stdout + done.stderr).strip()[-2000:]}"
        )


def program(name: str, what: str) -> str:
    """The path of a program of this machine; raises ServerMissingError, which says what it needs."""
    found = shutil.which(name)
    if found is None:
        raise ServerMissingError(f"'{name}' is not on the path; it needs {what}")
    return found
