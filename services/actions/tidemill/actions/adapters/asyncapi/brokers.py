"""How the brokers of a cluster are reached, and what of them is asked beside records."""

import logging
import ssl
from collections.abc import Mapping
from typing import Any, Final

from aiokafka.client import AIOKafkaClient
from aiokafka.conn import create_conn
from aiokafka.errors import KafkaConnectionError, KafkaError, for_code
from aiokafka.protocol.metadata import MetadataRequest

from tidemill.actions.adapters.asyncapi.arguments import Cluster
from tidemill.actions.adapters.asyncapi.limits import KafkaLimits
from tidemill.actions.adapters.asyncapi.problems import misconfigured

CLIENT_ID: Final = "tidemill-actions"
_ROOTS_VARIABLE: Final = "TIDEMILL_ACTIONS_KAFKA_ROOTS"
# A topic that is there, but has no leader at this moment.
_LEADER_NOT_AVAILABLE: Final = 5


class Brokers:
    """Makes the options of clients. `roots` is a file of authorities, in PEM; empty for the system's."""

    def __init__(self, limits: KafkaLimits, hosts: Mapping[str, str], roots: str) -> None:
        self._limits = limits
        self._hosts = hosts
        self._roots = roots
        self._tls: ssl.SSLContext | None = None
        # Each failure comes to us, who say it once; aiokafka would at each try.
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)

    def options(self, cluster: Cluster) -> dict[str, Any]:
        """What aiokafka wants to know to reach a cluster. Raises AsyncApiError."""
        options: dict[str, Any] = {
            "bootstrap_servers": [self._address(server) for server in cluster.servers],
            "client_id": CLIENT_ID,
            "request_timeout_ms": self._limits.connect_timeout_us // 1_000,
            "security_protocol": _security(cluster),
        }
        if cluster.tls:
            options["ssl_context"] = self._context()
        if cluster.user is not None:
            options["sasl_mechanism"] = cluster.mechanism
            options["sasl_plain_username"] = cluster.user
            options["sasl_plain_password"] = cluster.password
        return options

    async def why_unreachable(self, cluster: Cluster) -> Exception:
        """Why no client can be made: aiokafka keeps the reason to itself."""
        options = self.options(cluster)
        last: Exception = KafkaConnectionError("no broker answers")
        for address in options.pop("bootstrap_servers"):
            host, _, port = address.rpartition(":")
            try:
                connection = await create_conn(host, int(port), **options)
            except (KafkaError, OSError, TimeoutError) as error:
                last = error
            else:
                connection.close()
        return last

    def _address(self, server: str) -> str:
        host = server.rpartition(":")[0]
        return self._hosts.get(server.lower()) or self._hosts.get(host.lower()) or server

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            try:
                self._tls = ssl.create_default_context(cafile=self._roots or None)
            except OSError as error:
                raise misconfigured(f"{_ROOTS_VARIABLE}: {self._roots}: {error}") from None
        return self._tls


async def find_topic(client: AIOKafkaClient, topic: str) -> set[int]:
    """The partitions of a topic, which is not made by asking for it. Raises KafkaError."""
    known: set[int] | None = client.cluster.partitions_for_topic(topic)
    if known:
        return known
    node = client.get_random_node()
    if node is None:
        raise KafkaConnectionError("no broker is known")
    metadata = await client.send(node, MetadataRequest([topic], False))
    for code, *described in metadata.topics:
        if code not in (0, _LEADER_NOT_AVAILABLE):
            raise for_code(code)(f"the topic {topic}")
        return {partition[1] for partition in described[-1]}
    raise KafkaConnectionError(f"nothing is said of the topic {topic}")


def _security(cluster: Cluster) -> str:
    if cluster.user is None:
        return "SSL" if cluster.tls else "PLAINTEXT"
    return "SASL_SSL" if cluster.tls else "SASL_PLAINTEXT"
