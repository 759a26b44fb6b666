"""Settings of the Python interpreter for a process with an event loop and a thread that writes to a file."""

import gc
import sys
from typing import Final

# The writing thread asks for the interpreter at every statement; with Python's 5 ms it would wait that long
# each time while the event loop is busy, and one commit is several statements.
SWITCH_INTERVAL_SECONDS: Final = 0.0005
# What is in flight is many objects without cycles: looking through them every 700 allocations costs a tenth
# of the throughput.
GARBAGE_THRESHOLDS: Final = (50_000, 20, 50)


def tune_interpreter() -> None:
    """Hand the interpreter over sooner, collect cycles later. Called once, by a service's `__main__`."""
    sys.setswitchinterval(SWITCH_INTERVAL_SECONDS)
    gc.set_threshold(*GARBAGE_THRESHOLDS)
