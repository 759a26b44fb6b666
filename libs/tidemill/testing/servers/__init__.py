"""Real servers as plain processes, for tests, benchmarks and `make stack`: Kafka, Postgres and S3.

    with servers_folder() as folder, KafkaServer(folder / "kafka") as kafka:
        kafka.kill()
        kafka.start()  # the same address, the same data

Kafka and Postgres write what they acknowledge to the disk first. All end with the process that started them.
"""

from tidemill.testing.servers.folder import servers_folder
from tidemill.testing.servers.kafka import KafkaServer
from tidemill.testing.servers.postgres import PostgresServer
from tidemill.testing.servers.process import ServerFailedError, ServerMissingError
from tidemill.testing.servers.s3 import S3Server

__all__ = [
    "KafkaServer",
    "PostgresServer",
    "S3Server",
    "ServerFailedError",
    "ServerMissingError",
    "servers_folder",
]
