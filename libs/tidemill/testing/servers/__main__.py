"""`python -m tidemill.testing.servers`: fetches what test servers need, ahead of the tests."""

import sys

from tidemill.testing.servers.jars import kafka_jars
from tidemill.testing.servers.process import ServerMissingError


def main() -> None:
    """Fetch what is missing and say where it is."""
    try:
        sys.stdout.write(f"{kafka_jars()}\n")
    except ServerMissingError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
