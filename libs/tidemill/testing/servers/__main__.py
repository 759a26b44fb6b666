"""`python -m tidemill.testing.servers`: fetches what test servers need, and prepares quick starts."""

import os
import sys
from typing import Final

from tidemill.testing.servers.folder import servers_folder
from tidemill.testing.servers.jars import S3PROXY, archive, jars_of, kafka_jars
from tidemill.testing.servers.kafka import KafkaServer
from tidemill.testing.servers.process import ServerFailedError, ServerMissingError

# Java writes the archive while it ends, for several seconds.
_STOP_GRACE_SECONDS: Final = 60.0


def main() -> None:
    """Fetch what is missing and say where it is."""
    try:
        sys.stdout.write(f"{kafka_jars()}\n{jars_of(S3PROXY)}\n")
        if not archive().is_file():
            _prepare()
    except (ServerMissingError, ServerFailedError) as error:
        sys.exit(str(error))


def _prepare() -> None:
    """Run a broker once that writes the archive when it ends."""
    scratch = archive().with_suffix(f".{os.getpid()}")
    with servers_folder() as folder:
        server = KafkaServer(folder / "kafka", java_options=(f"-XX:ArchiveClassesAtExit={scratch}",))
        server.start()
        server.stop(grace_seconds=_STOP_GRACE_SECONDS)
    if scratch.is_file():
        scratch.replace(archive())


if __name__ == "__main__":
    main()
