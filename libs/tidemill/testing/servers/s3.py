"""An S3-compatible server for tests: S3Proxy, one JVM that keeps objects as files."""

import signal
import socket
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from tidemill.stack.ports import free_ports
from tidemill.testing.servers.jars import S3PROXY, jars_of, java
from tidemill.testing.servers.process import Program, ServerProcess
from tidemill.testing.servers.server import Server

HOST: Final = "127.0.0.1"
PROBE_SECONDS_MAX: Final = 2.0
BUCKET: Final = "tidemill"
_IDENTITY: Final = "tidemill"
_CREDENTIAL: Final = "not-a-secret"

_JAVA_OPTIONS: Final = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:-UsePerfData", "-XX:TieredStopAtLevel=1")
_SETTINGS: Final = """\
s3proxy.endpoint=http://{host}:{port}
s3proxy.authorization=aws-v2-or-v4
s3proxy.identity={identity}
s3proxy.credential={credential}
jclouds.provider=filesystem-nio2
jclouds.identity=unused
jclouds.credential=unused
jclouds.filesystem.basedir={data}
"""


class S3Server(Server):
    """A server with one bucket, whose address and data outlive each of its processes."""

    start_seconds_max = 60.0
    stop_grace_seconds = 10.0

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (self.port,) = free_ports(1, host=HOST)

    @property
    def url(self) -> str:
        """Of the bucket, as settings take it."""
        return f"s3://{BUCKET}"

    @property
    def environment(self) -> Mapping[str, str]:
        """What clients read of their environment."""
        return MappingProxyType(
            {
                "AWS_ENDPOINT_URL": f"http://{HOST}:{self.port}",
                "AWS_REGION": "us-east-1",
                "AWS_ACCESS_KEY_ID": _IDENTITY,
                "AWS_SECRET_ACCESS_KEY": _CREDENTIAL,
            }
        )

    def _prepare(self) -> ServerProcess:
        program = Program(
            name="S3Proxy",
            command=[
                java(),
                *_JAVA_OPTIONS,
                "-cp",
                f"{jars_of(S3PROXY)}/*",
                "org.gaul.s3proxy.Main",
                "--properties",
                str(self._write_settings()),
            ],
            log=self.folder / "s3proxy.log",
            cwd=self.folder,
            stop_signal=signal.SIGTERM,
            orphan_signal=signal.SIGKILL,
            host=HOST,
            port=self.port,
        )
        return ServerProcess(program)

    def _write_settings(self) -> Path:
        data, settings = self.folder / "data", self.folder / "s3proxy.properties"
        # A bucket is a folder here.
        (data / BUCKET).mkdir(parents=True, exist_ok=True)
        settings.write_text(
            _SETTINGS.format(host=HOST, port=self.port, identity=_IDENTITY, credential=_CREDENTIAL, data=data)
        )
        return settings

    def _answers(self) -> bool:
        try:
            with socket.create_connection((HOST, self.port), PROBE_SECONDS_MAX) as connection:
                connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
                # Whoever does not say who it is gets an answer too.
                return connection.recv(5) == b"HTTP/"
        except OSError:
            return False
