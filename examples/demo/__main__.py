"""Real workflows run through three processes, one is killed midway, and everything is counted.

The exit code is 0 only when nothing was lost or doubled. With --given the services run already,
where TIDEMILL_ENGINE and its like say; their Action service must find our provider, and nothing is killed.
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final

from rich.console import Console

from examples.demo import narration
from examples.demo.show import Show
from examples.demo.stage import UsedStackError
from tidemill.errors import InvalidRequestError
from tidemill.rpc.addresses import split_address
from tidemill.stack.stack import StackError
from tidemill.testing.effects import Temper

_INTERRUPTED: Final = 130


def main() -> int:
    """Run the demo; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m examples.demo", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000, help="send only so many of the 1,000 events")
    parser.add_argument("--seed", type=int, default=1, help="of the provider's moods")
    parser.add_argument("--given", action="store_true", help="take services that run already")
    parser.add_argument(
        "--provider", type=_address, default="127.0.0.1:0", metavar="HOST:PORT", help="where it listens"
    )
    arguments = parser.parse_args()
    console = Console()
    data = None if arguments.given else Path(tempfile.mkdtemp(prefix="tidemill-demo-"))
    show = Show(
        events=arguments.events,
        temper=Temper(seed=arguments.seed),
        console=console,
        address=arguments.provider,
    )
    try:
        holds = asyncio.run(show.run(data))
    except UsedStackError as error:
        console.print(str(error), markup=False)
        return 1
    except StackError as error:
        console.print(str(error), *error.log, sep="\n", markup=False)
        holds = False
    except KeyboardInterrupt:
        _forget(data)
        return _INTERRUPTED
    console.print(narration.result(data, holds=holds), highlight=False)
    if holds:
        _forget(data)
    return 0 if holds else 1


def _address(text: str) -> tuple[str, int]:
    try:
        return split_address("--provider", text)
    except InvalidRequestError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _forget(data: Path | None) -> None:
    if data is not None:
        shutil.rmtree(data)


if __name__ == "__main__":
    sys.exit(main())
