"""Real workflows run through three processes, one is killed midway, and everything is counted.

The exit code is 0 only when nothing was lost or doubled.
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
from tidemill.stack.stack import StackError
from tidemill.testing.effects import Temper

_INTERRUPTED: Final = 130


def main() -> int:
    """Run the demo; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m examples.demo", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000, help="send only so many of the 1,000 events")
    parser.add_argument("--seed", type=int, default=1, help="of the provider's moods")
    arguments = parser.parse_args()
    console = Console()
    data = Path(tempfile.mkdtemp(prefix="tidemill-demo-"))
    show = Show(events=arguments.events, temper=Temper(seed=arguments.seed), console=console)
    try:
        holds = asyncio.run(show.run(data))
    except StackError as error:
        console.print(str(error), *error.log, sep="\n", markup=False)
        holds = False
    except KeyboardInterrupt:
        shutil.rmtree(data)
        return _INTERRUPTED
    console.print(narration.result(data, holds=holds), highlight=False)
    if holds:
        shutil.rmtree(data)
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
