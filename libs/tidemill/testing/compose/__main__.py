"""`python -m tidemill.testing.compose`: brings up docker-compose.yml as plain processes, until Ctrl-C."""

import argparse
import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tidemill.testing.compose.file import read_compose_file
from tidemill.testing.compose.interpolation import read_variables
from tidemill.testing.compose.problem import ComposeError
from tidemill.testing.compose.running import ComposeStack
from tidemill.testing.servers import ServerMissingError, servers_folder

_WATCH_SECONDS: Final = 1.0
_INTERRUPTED: Final = 130


def main() -> int:
    """The exit code."""
    arguments = _arguments()
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with _folder(arguments.data) as data:
            return _run(arguments, data)
    except (ComposeError, ServerMissingError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tidemill.testing.compose", description=__doc__)
    parser.add_argument("--file", type=Path, default=Path("docker-compose.yml"))
    parser.add_argument("--env-file", type=Path, help="variables of the file, as for docker compose")
    parser.add_argument("--data", type=Path, help="keep all data and logs there; else they go at the end")
    parser.add_argument("--free-ports", action="store_true", help="none of the file's ports, but free ones")
    parser.add_argument("action", choices=("up", "run"))
    parser.add_argument("service", nargs="*", help="up: only these; run: the one to run to its end")
    return parser.parse_args()


def _run(arguments: argparse.Namespace, data: Path) -> int:
    variables = read_variables(arguments.env_file.read_text()) if arguments.env_file else {}
    file = read_compose_file(arguments.file, {**variables, **os.environ})
    stack = ComposeStack(file, data, free_ports=arguments.free_ports, say=_say)
    _say(f"logs and data are in {data}")
    try:
        if arguments.action == "run":
            (service,) = arguments.service
            return stack.run(service)
        stack.up(*arguments.service)
        _say("everything is up; Ctrl-C stops it")
        while True:
            time.sleep(_WATCH_SECONDS)
            stack.revive()
    finally:
        stack.down()


@contextlib.contextmanager
def _folder(named: Path | None) -> Iterator[Path]:
    if named is None:
        with servers_folder() as folder:
            yield folder
    else:
        named.mkdir(parents=True, exist_ok=True)
        yield named.resolve()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
