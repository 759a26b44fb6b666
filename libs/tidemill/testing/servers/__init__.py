"""Real servers as plain processes, for tests, benchmarks and `make stack`: Kafka and Postgres.

    with servers_folder() as folder, KafkaServer(folder / "kafka") as kafka:
        kafka.kill()
        kafka.start()  # the same address, the same data

Both write what they acknowledge to the disk first, and end with the process that started them.
"""

from tidemill.testing.servers.folder import servers_folder
from tidemill.testing.servers.kafka import KafkaServer
from tidemill.testing.servers.postgres import PostgresServer
from tidemill.testing.servers.process import ServerFailedError, ServerMissingError

__all__ = ["KafkaServer", "PostgresServer", "ServerFailedError", "ServerMissingError", "servers_folder"]
