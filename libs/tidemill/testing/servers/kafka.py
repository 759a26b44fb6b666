"""A Kafka broker for tests: one JVM that is broker and controller, on free ports of the loopback address."""

import base64
import signal
import socket
import struct
import uuid
from pathlib import Path
from typing import Final

from tidemill.stack.ports import free_ports
from tidemill.testing.servers.jars import archive_option, java, kafka_jars
from tidemill.testing.servers.process import Program, ServerProcess
from tidemill.testing.servers.server import Server

HOST: Final = "127.0.0.1"
HEAP_MEGABYTES_MAX: Final = 512
# Starts in half the time, and takes more of it for each message: for tests, not for figures.
QUICK_START: Final = ("-XX:TieredStopAtLevel=1",)
PROBE_SECONDS_MAX: Final = 2.0
# Whom the listener believes that asks who is there.
USER: Final = "tests"
PASSWORD: Final = "kafka-password-of-tests"
_LOG4J: Final = Path(__file__).with_name("log4j2.properties")
# ApiVersions, the one request that every broker of every version answers: key 18, version 0, no client id.
_API_VERSIONS: Final = struct.pack(">ihhih", 10, 18, 0, 1, -1)

# One broker alone keeps the data: it is on the disk before a write is acknowledged.
_SETTINGS: Final = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://{host}:{port},SASL://{host}:{sasl_port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port},SASL://{host}:{sasl_port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT
sasl.enabled.mechanisms=PLAIN
listener.name.sasl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule \
  required user_{user}="{password}";
log.dirs={data}
log.flush.interval.messages=1
auto.create.topics.enable=false
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=50
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=3000
num.network.threads=2
num.io.threads=4
log.cleaner.dedupe.buffer.size=8388608
"""

# With a certificate there is one more listener.
_TLS: Final = """\
listeners=PLAINTEXT://{host}:{port},SASL://{host}:{sasl_port},TLS://{host}:{tls_port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port},SASL://{host}:{sasl_port},TLS://{host}:{tls_port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL:SASL_PLAINTEXT,TLS:SASL_SSL,CONTROLLER:PLAINTEXT
listener.name.tls.ssl.keystore.type=PEM
listener.name.tls.ssl.keystore.location={certificate}
listener.name.tls.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule \\
  required user_{user}="{password}";
"""


class KafkaServer(Server):
    """A broker whose address and data outlive each of its processes.

    `folder` is its own; ports are chosen once; `settings` are lines of server.properties over those of tests.
    Entering the context starts it, leaving it stops it.
    """

    start_seconds_max = 60.0
    stop_grace_seconds = 20.0

    def __init__(
        self,
        folder: Path,
        *,
        port: int | None = None,
        settings: str = "",
        java_options: tuple[str, ...] = (),
        certificate: bytes = b"",
    ) -> None:
        """`certificate` is one with its key, in PEM, for a listener that speaks TLS."""
        self.folder = folder
        self._java_options = java_options
        chosen, controller_port, self.sasl_port, self.tls_port = free_ports(4, host=HOST)
        self._certificate = certificate
        self.port = chosen if port is None else port
        self._settings = settings
        self._controller_port = controller_port

    @property
    def bootstrap(self) -> str:
        """`host:port` for clients."""
        return f"{HOST}:{self.port}"

    @property
    def sasl_bootstrap(self) -> str:
        """`host:port` for clients that say who they are: `USER` with `PASSWORD`, by PLAIN."""
        return f"{HOST}:{self.sasl_port}"

    @property
    def tls_bootstrap(self) -> str:
        """The same through TLS, where there is a certificate."""
        return f"{HOST}:{self.tls_port}"

    def _prepare(self) -> ServerProcess:
        program = Program(
            name="Kafka",
            command=self._command(),
            log=self.folder / "kafka.log",
            cwd=self.folder,
            stop_signal=signal.SIGTERM,
            orphan_signal=signal.SIGKILL,
            host=HOST,
            port=self.port,
        )
        return ServerProcess(program)

    def _command(self) -> list[str]:
        program, jars = java(), kafka_jars()
        self._format()
        options = [f"-Xmx{HEAP_MEGABYTES_MAX}m", "-Xms64m", "-XX:+UseSerialGC", "-XX:-UsePerfData"]
        options += [archive_option(), *self._java_options]
        quiet = [f"-Dlog4j2.configurationFile={_LOG4J}", "-Djava.awt.headless=true"]
        return [
            program,
            *options,
            *quiet,
            "-cp",
            f"{jars}/*",
            "kafka.Kafka",
            str(self.folder / "server.properties"),
        ]

    def _format(self) -> None:
        data = self.folder / "data"
        data.mkdir(parents=True, exist_ok=True)
        certificate = self.folder / "broker.pem"
        certificate.write_bytes(self._certificate)
        text = (_SETTINGS + (_TLS if self._certificate else "")).format(
            host=HOST,
            port=self.port,
            sasl_port=self.sasl_port,
            tls_port=self.tls_port,
            controller_port=self._controller_port,
            data=data,
            user=USER,
            password=PASSWORD,
            certificate=certificate,
        )
        (self.folder / "server.properties").write_text(text + self._settings)
        if not (data / "meta.properties").exists():
            # What `kafka-storage format` would write, without a second JVM.
            (data / "meta.properties").write_text(f"version=1\ncluster.id={_cluster_id()}\nnode.id=1\n")

    def _answers(self) -> bool:
        try:
            with socket.create_connection((HOST, self.port), PROBE_SECONDS_MAX) as connection:
                connection.sendall(_API_VERSIONS)
                # Length, correlation id, error code.
                answer = connection.recv(10)
        except OSError:
            return False
        return len(answer) == 10 and struct.unpack(">iih", answer)[1:] == (1, 0)


def _cluster_id() -> str:
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "_")
