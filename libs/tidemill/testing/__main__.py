"""`python -m tidemill.testing`: a provider for trying things out by hand, until Ctrl-C."""

import argparse
import contextlib
import sys
import threading

from tidemill.testing.effects import Temper
from tidemill.testing.provider import Provider


def main() -> None:
    """Serve, then say what was done."""
    parser = argparse.ArgumentParser(prog="python -m tidemill.testing", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="any that is free unless given")
    parser.add_argument("--seed", type=int, default=1, help="of the provider's moods")
    arguments = parser.parse_args()
    with Provider(Temper(seed=arguments.seed), port=arguments.port) as provider:
        sys.stdout.write(f"takes messages at {provider.url}\n")
        sys.stdout.flush()
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()
    effects = provider.effects()
    sys.stdout.write(f"\n{effects.made} effects, {len(effects.doubled())} of them doubled\n")


if __name__ == "__main__":
    main()
